// ZoeDepth (Bhat et al. 2023): how far each pixel is, in metres. BEiT's transformer (Bao et al. 2021) with DPT's head
// says what is nearer than what, a second head how far that is: it moves the centres of 64 bins towards attractors,
// level by level, and weighs them for each pixel. In the layout of ZoeD_M12_N.pt.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "image/hints/byte_picture.h"
#include "models/weights/file_network.h"

namespace easel::models {

struct ZoeConfig {
  int64_t width = 0, layers = 0, heads = 0;
  int64_t grid = 0;      // patches of 16 pixels along a side of the pictures trained on
  int64_t features = 0;  // width of DPT's maps
  int64_t bins = 0, embedding = 0;
  std::array<int64_t, 4> projected{};  // widths that the four kept layers are brought to
  std::array<int64_t, 4> kept{};       // those layers
  std::array<int64_t, 4> attractors{};
};

// Whether a file has the names of such a network.
bool is_zoe_network(const StoredTensors& file);
// Throws Error(kBadFile), or Error(kUnsupported) for other numbers of layers.
ZoeConfig read_zoe_config(const nn::Weights& w);

class ZoeNetwork {
 public:
  // Throws Error(kBadFile).
  explicit ZoeNetwork(const nn::Weights& w);
  ~ZoeNetwork();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  const ZoeConfig& config() const;
  // pixels [1,H,W,3] f32 from -1 to 1, sides multiples of 32 -> metres [1,H,W,1] f32, on the host.
  Tensor forward(const Tensor& pixels) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate(int64_t height, int64_t width) const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

using ZoeHandle = FileNetwork<ZoeNetwork>;

// Throws Error(kUnsupported) naming the file when it is no such network, Error(kBadFile) when it is damaged.
ZoeHandle load_zoe_network(memory::Residency& residency, const StoredTensors& file, const std::string& file_name);

// Metres for each pixel of a picture, [1,H,W,1]: of the picture and of its mirror image, each with a mirrored frame,
// the mean.
Tensor zoe_metres(memory::Residency& residency, const ZoeHandle& handle, const image::BytePicture& picture);

}  // namespace easel::models
