// What several networks that enlarge by attention share.
#pragma once

#include <vector>

#include "models/layers/convolutions.h"
#include "models/layers/map_windows.h"
#include "models/upscale/transformers/transformer.h"

namespace easel::models::transformers {

using layers::outputs_of;
using UpscalerPtr = std::unique_ptr<const TransformerUpscaler>;
UpscalerPtr swin_ir(const nn::Weights& w);
UpscalerPtr hat(const nn::Weights& w);
UpscalerPtr dat(const nn::Weights& w);
UpscalerPtr omni_sr(const nn::Weights& w);

// Keys: weight [out,in], bias [out], which may be absent.
nn::Linear linear(const nn::Weights& w, int64_t in, int64_t out);
nn::LayerNorm norm(const nn::Weights& w, int64_t width, float eps = 1e-5f);
// How many entries a list of layers has, at most a hundred. Throws Error(kBadFile).
int64_t entries(const nn::Weights& w);
// The root of a number that is a square, of what a tensor says; throws Error(kBadFile) naming it for others.
int64_t root_of(const nn::Weights& w, const std::string& name, int64_t square);

// Norm, attention within windows, norm, two layers with GELU: a block of a Swin transformer. Keys: norm1, attn, norm2,
// mlp.
struct SwinBlock {
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, out, fc1, fc2;
  Tensor relative;  // [heads,T,T]
  size_t relative_bytes = 0;
  int64_t heads = 0, window = 0, shift = 0;

  SwinBlock() = default;
  SwinBlock(const nn::Weights& w, int64_t width, int64_t window, bool shifted);
  // What attention makes of a map [1,H,W,C] that was normed.
  Tensor attended(const Tensor& normed) const;
  Tensor operator()(const Tensor& x) const;
  Tensor fed(const Tensor& x) const {
    return fc2(fc1(norm2(x), {.activation = ops::Activation::kGelu}), {.residual = x});
  }
  size_t bytes() const { return qkv.bytes() + out.bytes() + fc1.bytes() + fc2.bytes() + relative_bytes; }
};

// The convolution behind a group of blocks: one, or three of which those inside are narrow. Keys: weight, or 0, 2, 4.
class Closing {
 public:
  Closing() = default;
  Closing(const nn::Weights& w, int64_t width);
  Tensor operator()(const Tensor& x) const;
  size_t bytes() const;

 private:
  std::vector<layers::Convolution> convs_;
};

// Blocks one behind the other, and what is added to the map that they were given.
template <class Block>
struct BlockGroup {
  std::vector<Block> blocks;
  Closing last;

  Tensor through(const Tensor& x) const {
    Tensor y = x;
    for (const Block& block : blocks) y = block(y);
    return y;
  }
  Tensor operator()(const Tensor& x) const { return ops::add(x, last(through(x))); }
  size_t bytes() const {
    size_t total = last.bytes();
    for (const Block& block : blocks) total += block.bytes();
    return total;
  }
};

// What makes a picture of the last map: by pixels out of channels, by nearest pixels and convolutions, or, at the same
// size, a difference. Keys: conv_before_upsample, upsample or conv_up, conv_hr, conv_last.
class Painter {
 public:
  Painter() = default;
  Painter(const nn::Weights& w, int64_t width);
  static int64_t scale_of(const nn::Weights& w, int64_t width);

  Tensor operator()(const Tensor& x) const;
  // Whether the picture is what is to be added to the one that was given.
  bool paints_difference() const { return before_.out_channels() == 0 && ups_.empty(); }
  size_t bytes_of_pixel() const;
  size_t bytes() const;

 private:
  enum class How { kPixels, kNearest, kDirect, kDifference };
  static How how(const nn::Weights& w);

  How how_ = How::kPixels;
  int64_t scale_ = 1, features_ = 0;
  layers::Convolution before_, hr_, last_;
  std::vector<layers::Convolution> ups_;
  std::vector<int64_t> times_;  // how much larger each makes the map
};

// The picture without the mean of the colours trained on, and with it again.
Tensor without_mean(const Tensor& x, float range);
Tensor with_mean(const Tensor& x, float range);
// With what is mirrored below and on the right, to multiples.
Tensor mirrored_to(const Tensor& x, int64_t multiple);

}  // namespace easel::models::transformers
