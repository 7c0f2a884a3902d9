// The measured peak of this machine, to compare everything else with.
#pragma once

#include <algorithm>

#include "tensor/device.h"
#include "tensor/dtype.h"

namespace easel::ops {

// Operations per second on all threads, two for each multiplication.
struct ProductLimit {
  double registers = 0;  // of a loop of products whose operands do not come from memory
  double product = 0;    // of a large product with packed weights; with bytes, the making of them from bf16 included
  double best() const { return std::max(registers, product); }
};

// In f32, bf16 or (kI8) bytes, on the processor at the instruction level that is computed at: each the best of the
// repetitions that fit into `seconds`, two at least. Devices without a loop in registers have only the product.
ProductLimit measure_product_limit(DType type, double seconds = 1.0, Device device = kHost);

// Bytes per second, read and written ones together, of copies within the device's memory: the best of some.
double measure_copy_bandwidth(Device device);

}  // namespace easel::ops
