// The measured peak of this machine, to compare everything else with.
#pragma once

#include "tensor/dtype.h"

namespace easel::ops {

// Operations per second of a large product with packed weights on all threads, in f32, bf16 or 8-bit integers (kI8):
// the best of the repetitions that fit into `seconds` (at least two) over all available implementations, Easel's own
// and the backend's rival_product(). Easel's 8-bit products include the quantisation of their bf16 input.
double measure_product_limit(DType type, double seconds = 1.0);

}  // namespace easel::ops
