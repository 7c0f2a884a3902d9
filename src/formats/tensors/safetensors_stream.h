// Safetensors files whose tensors are made one after the other, to be written wherever bytes can go.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "formats/tensors/safetensors.h"

namespace easel::formats {

// Gives the bytes of a file, in order, to `take`: the header, then each tensor's, which `make` is called for when it is
// its turn. Throws Error(kUsage) when a name occurs twice, Error(kInternal) if a tensor that is made has not the type
// and shape that its entry says.
void stream_safetensors(const std::vector<TensorSpec>& tensors, const Metadata& metadata,
                        const std::function<Tensor(size_t index)>& make,
                        const std::function<void(std::string_view bytes)>& take);

}  // namespace easel::formats
