// Maps of another size, shifted, mirrored or blurred: each new row and column is a weighted sum of a few old ones.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace easel::ops {

// For each new position along a side: `count` old positions and what each counts.
struct Taps {
  int64_t count = 1;
  std::vector<int64_t> index;  // [size, count]
  std::vector<float> weight;   // the same; empty when values are copied, which needs count 1

  int64_t size() const { return static_cast<int64_t>(index.size()) / count; }
};

// `to` positions spread over `from` ones: floor(i * from / to), the ratio and the product in f32 as torch has them.
Taps nearest_taps(int64_t from, int64_t to);

// f32 or bf16 [N,H,W,C] -> [N, rows.size(), columns.size(), C], of the same type: rows are summed first, then columns,
// in f32.
Tensor resample(const Tensor& x, const Taps& rows, const Taps& columns);

// f32 or bf16 maps [N,H,W,C] whose frequencies 0 and -1 along both sides (the middle 2x2 of the shifted spectrum) are
// multiplied by `by`.
// Source: Si et al. 2023, "FreeU", eq. 5, with a threshold of 1.
Tensor scale_low_frequencies(const Tensor& x, float by);

}  // namespace easel::ops
