#include "models/weights/packed_model.h"

#include "base/hash.h"
#include "tensor/fingerprint.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

// The identity of tensors: the files that hold them, and the version of those files with all offsets in them.
struct Identity {
  std::string files, version;
};

Identity identify(const StoredTensors& tensors, bool by_values) {
  Identity out;
  Hash64 places;
  const Storage* last = nullptr;
  bool last_is_file = false;
  for (const auto& [name, tensor] : tensors) {
    places.add(name).add(uint64_t{name.size()});
    if (!tensor.defined()) continue;
    places.add(tensor.encoding()).add(static_cast<uint64_t>(tensor.rank()));
    for (const int64_t d : tensor.shape()) places.add(static_cast<uint64_t>(d));
    if (tensor.plain())
      for (const int64_t s : tensor.plain()->strides()) places.add(static_cast<uint64_t>(s));
    if (tensor.storage().get() != last) {
      const FileVersion file = mapped_file(tensor.storage());
      last = tensor.storage().get();
      last_is_file = static_cast<bool>(file);
      if (file) {
        out.files += "\n" + file.path;
        out.version += file.version + "\n";
      }
    }
    if (last_is_file) {
      places.add(static_cast<uint64_t>(static_cast<const char*>(tensor.data()) -
                                       static_cast<const char*>(tensor.storage()->data())));
    } else if (by_values) {
      const Fingerprint values = fingerprint(tensor.tensor());
      places.add(values.low).add(values.high);
    } else {
      places.add(reinterpret_cast<uintptr_t>(tensor.data()));
    }
  }
  out.version += std::to_string(places.value());
  return out;
}

std::string kind_of(const PackedFrom& from) { return from.kind + "\n" + std::string(dtype_name(from.compute)); }

}  // namespace

std::string identity_of(const StoredTensors& tensors) { return identify(tensors, false).version; }

std::string shared_key(const PackedFrom& from, Device device) {
  std::string key = kind_of(from) + "\n" + device_name(device) + "\n" + identity_of(*from.tensors);
  for (const nn::WeightPatchPtr& patch : from.patches) key += "\n" + patch->key();
  return key;
}

std::pair<std::string, std::string> cache_key(const PackedFrom& from) {
  const Identity identity = identify(*from.tensors, true);
  return {kind_of(from) + identity.files, identity.version};
}

}  // namespace easel::models
