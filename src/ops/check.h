// Checks shared by the public functions of the ops.
#pragma once

#include <span>
#include <string>

#include "ops/backend.h"
#include "ops/packer.h"
#include "tensor/stored_tensor.h"
#include "tensor/tensor.h"

namespace easel::ops {

// A violated contract between a model and an op is a defect of Easel, or a file that slipped past the
// checks of its loader.
[[noreturn]] inline void reject(const char* op, const std::string& what) {
  throw Error(Fault::kInternal, std::string(op) + ": " + what);
}

inline void check_float(const char* op, const Tensor& x) {
  if (!x.defined()) reject(op, "an input is undefined");
  if (x.dtype() != DType::kF32 && x.dtype() != DType::kBF16)
    reject(op, "input " + x.str() + " is neither f32 nor bf16");
}

// Gives the file pages of packed weights back to the system, which would otherwise stay in memory beside the packing.
inline void drop_packed_pages(std::span<const StoredTensor> weights, const StoredTensor& bias, const Packer& packer) {
  if (packer.measures()) return;
  for (const StoredTensor& weight : weights) weight.drop_pages();
  if (bias.defined()) bias.drop_pages();
}

// The backend for these tensors, all on one device. Any but the first may be undefined.
template <class... More>
const Backend& backend_of(const char* op, const Tensor& x, const More&... more) {
  [[maybe_unused]] const auto check_device = [&](const Tensor& t) {
    if (t.defined() && t.device() != x.device())
      reject(op, "inputs on " + device_name(x.device()) + " and " + device_name(t.device()));
  };
  (check_device(more), ...);
  return backend(x.device());
}

// Calls fn with a value whose C++ type is that of `type`, f32 or bf16.
template <class Fn>
decltype(auto) with_type(DType type, Fn&& fn) {
  if (type == DType::kBF16) return fn(BFloat16{});
  return fn(float{});
}

}  // namespace easel::ops
