#include "models/weights/packed_model.h"

#include <cstring>

#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

class Hash {
 public:
  void add(const void* data, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) value_ = (value_ ^ static_cast<const uint8_t*>(data)[i]) * 1099511628211ull;
  }
  void add(uint64_t word) { value_ = (value_ ^ word) * 1099511628211ull + (value_ >> 32); }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 14695981039346656037ull;  // FNV-1a
};

// Of the values themselves, where they are in no mapped file.
void add_values(Hash& hash, const Tensor& tensor) {
  const Tensor dense = contiguous(tensor);
  const auto* bytes = static_cast<const char*>(dense.raw());
  size_t left = dense.nbytes();
  for (; left >= 8; left -= 8, bytes += 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    hash.add(word);
  }
  hash.add(bytes, left);
}

}  // namespace

std::pair<std::string, std::string> cache_key(const PackedFrom& from) {
  std::string owner = from.kind + "\n" + std::string(dtype_name(from.compute)), version;
  Hash places;
  const Storage* last = nullptr;
  for (const auto& [name, tensor] : *from.tensors) {
    places.add(name.data(), name.size());
    places.add(static_cast<uint64_t>(tensor.dtype()));
    for (const int64_t d : tensor.shape()) places.add(static_cast<uint64_t>(d));
    for (const int64_t s : tensor.strides()) places.add(static_cast<uint64_t>(s));
    if (!tensor.defined()) continue;
    const FileVersion file = tensor.storage().get() == last ? FileVersion{} : mapped_file(tensor.storage());
    if (tensor.storage().get() != last && file.path.empty()) {
      add_values(places, tensor);
      continue;
    }
    if (!file.path.empty()) {
      owner += "\n" + file.path;
      version += file.version + "\n";
      last = tensor.storage().get();
    }
    places.add(static_cast<uint64_t>(static_cast<const char*>(tensor.raw()) -
                                     static_cast<const char*>(tensor.storage()->data())));
  }
  return {owner, version + std::to_string(places.value())};
}

}  // namespace easel::models
