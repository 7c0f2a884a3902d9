// Synthetic tensors without a file, for benchmarks.
#pragma once

#include <memory>
#include <string_view>

#include "synth/models/synth.h"
#include "tensor/stored_tensor.h"

namespace easel::synth {

// The tensors of `file` whose names begin with `prefix`, under their full names, with the f16 values that the written
// file would have.
std::shared_ptr<const StoredTensors> make_tensors(const SynthFile& file, std::string_view prefix = {},
                                                  uint64_t seed = 0);

}  // namespace easel::synth
