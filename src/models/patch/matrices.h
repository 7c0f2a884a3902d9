// Products of the factors that files of changes hold.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace easel::models {

// Refuses products of small factors that would exceed the memory, by Error(kMismatch): no model has a weight of that
// size.
void check_size(int64_t rows, int64_t columns);

// a [m,k] times b [k,n], in f32. Throws Error(kMismatch) where they do not fit each other, and what check_size()
// throws.
Tensor product(const Tensor& a, const Tensor& b);

}  // namespace easel::models
