// What is done to every model file.
#pragma once

#include "formats/tensors/model_file.h"
#include "fuzz/fuzz.h"

namespace easel::fuzz {

// Opens it and reads every value.
inline void read_model_file(Bytes bytes) {
  const formats::ModelFile file = formats::open_model_file(file_of(bytes));
  for (const auto& [name, tensor] : *file.tensors) {
    require(tensor.defined());
    // What is strided may repeat a few bytes as often as its shape says.
    if (tensor.numel() > (int64_t{1} << 16)) continue;
    const Tensor values = tensor.decoded();
    require(values.numel() == tensor.numel());
    (void)tensor.str();
  }
}

}  // namespace easel::fuzz
