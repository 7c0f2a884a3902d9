// Reference values, for tests that compare with them.
#pragma once

#include <string>

#include "formats/tensors/safetensors.h"
#include "support/shared.h"

namespace easel::testing {

// All tensors of the reference file goldens/tiny/<name>, e.g. load_golden("text.safetensors").
// Only after EASEL_NEEDS_SHARED(). Throws Error(kMissing) when there is no such file.
inline TensorMap load_golden(const std::string& name) {
  TensorMap out;
  for (const auto& [key, tensor] :
       formats::read_safetensors(MappedFile::open(shared_dir() / "goldens" / "tiny" / name)))
    out.set(key, tensor.tensor());
  return out;
}

// The one tensor `key` of that file. Throws Error(kMissing) when the file lacks it.
inline Tensor load_golden(const std::string& name, const std::string& key) {
  const TensorMap all = load_golden(name);
  const Tensor* found = all.find(key);
  if (!found) throw Error(Fault::kMissing, "no golden '" + key + "'").in_file(name);
  return *found;
}

}  // namespace easel::testing
