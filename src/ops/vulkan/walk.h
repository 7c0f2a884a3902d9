// The dimensions that several tensors of one shape are walked through together: as few as their strides allow, so that
// shaders divide seldom.
#pragma once

#include <array>
#include <cstdint>

#include "ops/vulkan/backend.h"

namespace easel::ops::vulkan {

template <size_t kTensors>
struct Walk {
  // `strides[i]` are those of tensor i, in elements. Dimensions of size 1 are left out, and those that every tensor can
  // take as one are joined.
  Walk(const Shape& of, const std::array<const Shape*, kTensors>& of_tensors, size_t tensors) {
    for (int d = 0; d < of.rank(); ++d) {
      if (of[d] == 1) continue;
      bool joins = rank > 0;
      for (size_t i = 0; joins && i < tensors; ++i)
        joins = strides[i][rank - 1] == static_cast<uint64_t>((*of_tensors[i])[d]) * static_cast<uint64_t>(of[d]);
      if (!joins) ++rank;
      shape[rank - 1] = number(joins ? shape[rank - 1] * of[d] : of[d]);
      for (size_t i = 0; i < tensors; ++i) strides[i][rank - 1] = number((*of_tensors[i])[d]);
    }
    if (rank == 0) {
      rank = 1;
      shape[0] = 1;
    }
  }

  uint32_t rank = 0;
  std::array<uint32_t, Shape::kMaxRank> shape{};
  std::array<std::array<uint32_t, Shape::kMaxRank>, kTensors> strides{};
};

}  // namespace easel::ops::vulkan
