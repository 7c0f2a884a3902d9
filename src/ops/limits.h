// What this machine can do at best, measured, to hold the rest against.
#pragma once

#include "tensor/dtype.h"

namespace easel::ops {

// Operations per second of a large product with packed weights, on all threads, in f32, bf16 or (kI8) bytes, the
// making of bytes from bf16 included for Easel's own: the best of the repetitions that fit into `seconds` (two at
// least), of the better of the kernels at hand (Easel's and oneDNN's).
double measure_product_limit(DType type, double seconds = 1.0);

}  // namespace easel::ops
