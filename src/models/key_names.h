// Small questions about the key names of a checkpoint.
#pragma once

#include <charconv>
#include <string>

#include "nn/weights.h"

namespace easel::models {

// The number in a key part ("11"), or -1 when it is not one.
inline int64_t key_number(const std::string& part) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  return error == std::errc() && end == part.data() + part.size() && value >= 0 && value < 10000 ? value : -1;
}

// One more than the highest number among the children of `w` ("0", "1", ... of a module list), so that a gap
// in the numbering counts as a missing entry instead of ending the list.
inline int64_t numbered_children(const nn::Weights& w) {
  int64_t count = 0;
  for (const std::string& child : w.children()) count = std::max(count, key_number(child) + 1);
  return count;
}

// `w` itself, having noted its bias as missing where the file has none. Layers take an absent bias for zeros;
// the ones whose published files always have it are built through this.
inline const nn::Weights& with_bias(const nn::Weights& w) {
  if (!w.has("bias")) w.get("bias");
  return w;
}

// Runs `build`, which packs the tensors of a file. What an op refuses there is the file's fault, not Easel's.
template <class Build>
auto from_file(const nn::Weights& w, Build&& build) {
  try {
    return build();
  } catch (const Error& e) {
    if (e.fault() != Fault::kInternal) throw;
    throw Error(Fault::kBadFile, "a tensor has a shape no such model has: " + e.message()).in_file(w.file());
  }
}

}  // namespace easel::models
