// Reading the reference values.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/safetensors.h"
#include "support/shared.h"

namespace easel::testing {

inline TensorMap golden_tensors(const std::string& file) {
  return formats::read_safetensors(MappedFile::open(shared_dir() / "goldens" / "tiny" / file));
}

inline nlohmann::json golden_units() {
  std::ifstream in(shared_dir() / "goldens" / "tiny" / "units.json");
  return nlohmann::json::parse(in);
}

// A latent [N,h,w,C] in the order the reference stores it: [N,C,h,w].
inline Tensor channels_first(const Tensor& t) {
  const int64_t n = t.dim(0), h = t.dim(1), w = t.dim(2), c = t.dim(3);
  return contiguous(Tensor(t.storage(), const_cast<void*>(t.raw()), Shape{n, c, h, w},
                           Shape{t.stride(0), t.stride(3), t.stride(1), t.stride(2)}, t.dtype()));
}

inline Tensor channels_last(const Tensor& t) {
  return contiguous(Tensor(t.storage(), const_cast<void*>(t.raw()), Shape{t.dim(0), t.dim(2), t.dim(3), t.dim(1)},
                           Shape{t.stride(0), t.stride(2), t.stride(3), t.stride(1)}, t.dtype()));
}

}  // namespace easel::testing
