// Windows that move over maps: padding, and the pixels that windows see.
#pragma once

#include <array>

#include "models/onnx/operator.h"

namespace easel::models::onnx {

// Along a map's height and width.
using Sides = std::array<int64_t, 2>;

struct Window {
  Sides size{}, stride{1, 1}, dilation{1, 1}, before{}, after{};
  bool same_upper = false, same_lower = false;  // padding by the size of what comes
  bool ceil = false;                            // a last window may reach beyond

  // The padding for a map of this size, for those that say it by a name.
  Window padded_for(const Sides& map) const;
  // How many windows there are. Throws Error(kBadFile) if none fits.
  Sides places(const Sides& map) const;
};
// What a node says of its window, of that size where it has no attribute for it. Throws Error(kBadFile), or
// Error(kUnsupported) for other windows than those over height and width.
Window read_window(Node& node, Sides size = {});

// The first input, a map [N,C,H,W]. Throws Error(kBadFile) if it is none.
const Tensor& map_of(const Inputs& in);

// [N,H,W,C] with rows and columns of a value around it.
Tensor framed(const Tensor& map, const Sides& before, const Sides& after, float value);

// What the pixel (y, x) of each window is, as a view [N,rows,columns,C], of a map that the windows fit into.
class WindowPixels {
 public:
  // `map` [N,H,W,C] is padded by `value` as the window says, and beyond where the last window reaches.
  WindowPixels(const Tensor& map, const Window& window, float value);
  Tensor operator()(int64_t y, int64_t x) const;
  const Sides& places() const { return places_; }

 private:
  Window window_;
  Sides places_{};
  Tensor cells_;  // [N,H/stride,stride,W/stride,stride,C]
};

// Windows over each channel by itself: [N,H,W,C] -> [N,rows,columns,C]; weights [pixels of the window,1,1,C], bias
// [1,1,1,C] or undefined.
Tensor windows_of_each_channel(const Tensor& map, const Window& window, const Tensor& weights, const Tensor& bias);

// Pixels that lie `by` apart as maps of their own: [N,H,W,C] -> [N by by, H / by, W / by, C]; and back, to `n` maps.
Tensor apart(const Tensor& map, const Sides& by);
Tensor rejoined(const Tensor& maps, int64_t n, const Sides& by);

// The operators that are long enough for a file of their own.
Run convolution(Node& node);
Run resize(Node& node);
Run upsample(Node& node);

}  // namespace easel::models::onnx
