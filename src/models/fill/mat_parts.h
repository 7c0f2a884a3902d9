// MAT's first stage: fills a hole roughly, by attention within windows that grows out of what is known.
#pragma once

#include <array>
#include <vector>

#include "models/fill/style_layers.h"

namespace easel::models::fill {

// x where `dots` are 1, else `square` [1,H,W,1].
Tensor dotted(const Tensor& x, const Tensor& square, const Tensor& dots);

class RoughFiller {
 public:
  RoughFiller() = default;
  // `code` is the width of the codes. Throws Error(kBadFile).
  RoughFiller(const nn::Weights& w, int64_t code);

  // picture [1,S,S,3] from -1 to 1, known [1,S,S,1], code [1,width], dots [1,16,16,width()] of 0 and 1 -> [1,S,S,3].
  Tensor operator()(const Tensor& picture, const Tensor& known, const Tensor& code, const Tensor& dots) const;
  int64_t side() const { return kTransformed << enlargements_; }
  int64_t width() const { return width_; }
  size_t bytes() const;

 private:
  static constexpr int64_t kTransformed = 64;  // side of the map that the transformer begins with

  struct Block {
    nn::Linear q, k, v, out, fuse, fc1, fc2;
    int64_t shift = 0;
    size_t bytes() const {
      return q.bytes() + k.bytes() + v.bytes() + out.bytes() + fuse.bytes() + fc1.bytes() + fc2.bytes();
    }
  };
  struct Stage {
    ScaledConvolution resize, last;
    Resizing resizing = Resizing::kNone;
    int64_t window = 0;
    std::vector<Block> blocks;
  };
  struct Level {
    StyledConvolution first, second, colours;
  };

  Tensor attended(const Block& block, const Tensor& x, int64_t window, Tensor& known) const;
  Tensor staged(const Stage& stage, const Tensor& x, Tensor& known) const;

  int64_t width_ = 0, enlargements_ = 0;
  ScaledConvolution first_;
  std::vector<ScaledConvolution> halved_, narrow_;
  std::vector<Stage> stages_;
  nn::Linear to_style_, code_style_, square_;
  std::vector<Level> levels_;
};

}  // namespace easel::models::fill
