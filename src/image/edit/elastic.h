// The elastic displacement of pictures, in torchvision's arithmetic (0.14: ElasticTransform).
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace easel::image {

// The displacement of each pixel of a square picture along one axis, in units of half the picture: uniform numbers in
// 0..1, row after row, scaled to -1..1, blurred by a Gaussian of `sigma` pixels (edges mirrored) and multiplied by
// alpha / side.
std::vector<float> elastic_field(std::vector<float> uniform, int64_t side, double sigma, float alpha);

// Pictures f32 [N,side,side,C] with each pixel taken from the place that `dx` and `dy` point to (bilinear; 0 beyond the
// edges), then rotated by 180 degrees.
Tensor elastic(const Tensor& pictures, const std::vector<float>& dx, const std::vector<float>& dy);

}  // namespace easel::image
