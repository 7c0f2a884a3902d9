#include "formats/tensors/owned_bytes.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"
#include "tensor/mapped_file.h"

namespace easel::formats {
namespace {

class OwnedStorage final : public Storage {
 public:
  OwnedStorage(void* data, size_t bytes) : Storage(data, bytes) {}
  void release() noexcept override {
    std::free(data_);
    delete this;
  }
};

}  // namespace

StorageRef owned_bytes(size_t bytes) {
  void* p = std::malloc(bytes > 0 ? bytes : 1);
  if (!p) throw Error(Fault::kMemory, "out of memory: the system refused " + std::to_string(bytes >> 20) + " MiB");
  return StorageRef(new OwnedStorage(p, bytes));
}

Tensor view_or_copy(const StorageRef& storage, const void* data, const Shape& shape, DType dtype) {
  const size_t bytes = static_cast<size_t>(shape.numel()) * dtype_size(dtype);
  if (reinterpret_cast<uintptr_t>(data) % dtype_size(dtype) == 0)
    return Tensor(storage, const_cast<void*>(data), shape, contiguous_strides(shape), dtype);
  StorageRef copy = owned_bytes(bytes);
  std::memcpy(copy->data(), data, bytes);
  drop_pages(storage, data, bytes);
  return Tensor(copy, copy->data(), shape, contiguous_strides(shape), dtype);
}

}  // namespace easel::formats
