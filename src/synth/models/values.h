// The values of synthetic tensors: a function of the file's name, the tensor's name and a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::synth {

// How the numbers v in [-1, 1) of a tensor become its values: offset + factor * v, each step in f32.
struct ValueRule {
  float offset = 0, factor = 1;
};

// The rule for a tensor, by its name and shape. Values have the range of trained ones, so that activations neither
// vanish nor explode. With `velocity`, the bias by whose deviation SD 2.x models that predict v are recognised is
// large; without, it is as small as all biases.
ValueRule value_rule(std::string_view tensor, const Shape& shape, bool velocity = true);

// Where the pseudo-random sequence of a tensor starts: FNV-1a of "file/tensor", mixed with the seed.
// `file` is the file's own name without folders.
uint64_t value_state(std::string_view file, std::string_view tensor, uint64_t seed);

// Elements [first, first + count) of the sequence as f16: out[i] is element first + i. v comes from
// splitmix64 of (state, index), 24 bits of it. Runs on all threads.
void fill_values(uint64_t state, ValueRule rule, int64_t first, int64_t count, Half* out);

}  // namespace easel::synth
