// Separable resampling: each output row or column is a weighted sum of a few input ones.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace easel::image {

// How a weighted sum is rounded. torch's loops, as compiled, fuse some products with the sum before them and
// round others first; following them makes results equal bit for bit.
enum class Rounding {
  kPair,    // the second product is rounded, all others are fused
  kGroups,  // the first product and whole groups of four after it are rounded, the rest is fused
};

// For each of `size()` output positions: up to `count` (>= 2) input positions, neighbours but clamped to the edges,
// and their f32 weights. Taps behind `length` have weight 0.
struct Taps {
  int64_t count = 0;
  Rounding rounding = Rounding::kPair;
  std::vector<int64_t> index;   // [size, count]
  std::vector<float> weight;    // [size, count]
  std::vector<int64_t> length;  // [size]

  int64_t size() const { return static_cast<int64_t>(length.size()); }
};

// Input positions of torch's interpolate(mode="nearest-exact").
std::vector<int64_t> nearest_exact_index(int64_t input, int64_t output);
// torch's interpolate(mode="bilinear", align_corners=False): 2 taps.
Taps linear_taps(int64_t input, int64_t output);
// Adaptive averages (torch's interpolate(mode="area")): as many taps as the widest window has.
Taps area_taps(int64_t input, int64_t output);
// torch's interpolate(mode="bicubic", align_corners=False), a = -0.75: 4 taps.
Taps cubic_taps(int64_t input, int64_t output);
// torch's interpolate(mode="bicubic", antialias=True), a = -0.5: as many taps as the reduction needs.
Taps antialias_cubic_taps(int64_t input, int64_t output);

// Resamples rows with `y` and columns with `x`: f32 [N,H,W,C] -> [N, y.size(), x.size(), C], columns first.
// `image` must be contiguous; positions in the taps must lie inside it.
Tensor resample(const Tensor& image, const Taps& y, const Taps& x);

// resample() with 2 taps each way, all four products summed at once in f64.
Tensor resample_corners(const Tensor& image, const Taps& y, const Taps& x);

}  // namespace easel::image
