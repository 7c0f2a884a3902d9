// Small helpers for the key names of a checkpoint.
#pragma once

#include <charconv>
#include <string>

#include "nn/weights.h"

namespace easel::models {

// The number in a part of a key ("11"), or -1 if it is not a number.
inline int64_t key_number(const std::string& part) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  return error == std::errc() && end == part.data() + part.size() && value >= 0 && value < 10000 ? value : -1;
}

// The number that follows `prefix` in `name`, or -1. `rest` becomes what follows the number, without the dot.
inline int64_t number_after(const std::string& name, const std::string& prefix, std::string& rest) {
  if (!name.starts_with(prefix)) return -1;
  const size_t dot = std::min(name.find('.', prefix.size()), name.size());
  rest = dot < name.size() ? name.substr(dot + 1) : "";
  return key_number(name.substr(prefix.size(), dot - prefix.size()));
}

// `text` with every `what` in it replaced.
inline std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

// One more than the highest number among the children of `w` ("0", "1", ... of a module list), so that a gap
// in the numbering counts as a missing entry instead of ending the list.
inline int64_t numbered_children(const nn::Weights& w) {
  int64_t count = 0;
  for (const std::string& child : w.children()) count = std::max(count, key_number(child) + 1);
  return count;
}

// Returns `w`, and records its bias as missing if the file has none. Layers take an absent bias as zeros; this is for
// layers that have one in every published file.
inline const nn::Weights& with_bias(const nn::Weights& w) {
  if (!w.has("bias")) w.get("bias");
  return w;
}

// Runs `build`, which packs the tensors of a file. An error of an op is turned into one about the file.
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
