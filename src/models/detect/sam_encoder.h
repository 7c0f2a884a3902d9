// Segment Anything's encoder of pictures: a vision transformer most of whose layers look at windows (Li et al. 2022,
// "Exploring Plain Vision Transformer Backbones for Object Detection").
#pragma once

#include <vector>

#include "models/detect/sam.h"
#include "models/hints/dpt.h"
#include "nn/layers.h"

namespace easel::models {

// One layer: attention among the rows of a window, or of all of the map, with biases by how far they lie apart.
class SamLayer {
 public:
  SamLayer(const nn::Weights& w, const SamConfig& config);
  // [1,side,side,width] -> the same.
  Tensor operator()(const Tensor& x) const;
  size_t bytes() const;

 private:
  // [n,s,s,width] -> the same, each of the n by itself.
  Tensor attention(const Tensor& x) const;
  // What each place of a row or column says of each other along it: [n,s,s,heads,s].
  Tensor apart(const Tensor& queries, const nn::Linear& places, int dim) const;

  int64_t heads_ = 1, window_ = 0;  // sides of what looks at itself
  nn::LayerNorm before_, between_;
  nn::Linear all_, out_, first_, second_, rows_, columns_;
};

class SamEncoder {
 public:
  SamEncoder() = default;
  SamEncoder(const nn::Weights& w, const SamConfig& config, int64_t out);
  // pixels [1,16 side,16 side,3] -> [1,side,side,out].
  Tensor operator()(const Tensor& pixels) const;
  size_t bytes() const;

 private:
  int64_t side_ = 0;
  Device device_;
  dpt::Patches patches_;
  Tensor places_;
  std::vector<SamLayer> layers_;
  nn::Conv2d first_, second_;
  nn::LayerNorm first_norm_, second_norm_;
};

}  // namespace easel::models
