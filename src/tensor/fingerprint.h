// Tells values apart without keeping them.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace easel {

struct Fingerprint {
  uint64_t low = 0, high = 0;
  bool operator==(const Fingerprint&) const = default;
};

// 128 bits made of `seed` and a host tensor's type, shape and values. Fast; not made against malice.
Fingerprint fingerprint(const Tensor& t, uint64_t seed = 0);

}  // namespace easel
