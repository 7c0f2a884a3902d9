// Tensors as model files store them. A Tensor is computed with; a StoredTensor is what a file holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tensor/tensor.h"
#include "tensor/tensor_map.h"

namespace easel {

// A block-quantised encoding: each row (the innermost dimension) is a sequence of blocks of equal length, whose values
// share scales. Immutable and thread-safe.
class BlockEncoding {
 public:
  virtual ~BlockEncoding() = default;
  // Identifies the encoding, also in messages ("Q8_0").
  virtual std::string_view name() const = 0;
  virtual int64_t block_values() const = 0;
  virtual size_t block_bytes() const = 0;
  // Decodes `blocks` blocks, at any alignment, to blocks * block_values() values.
  virtual void decode(const uint8_t* from, int64_t blocks, float* to) const = 0;
};

// A view of a file's bytes with a shape and an encoding: either plain, strided elements of a DType, or blocks. Copies
// share the bytes. Reading gives f32, or plain elements in place.
class StoredTensor {
 public:
  // Undefined: only defined() may be called.
  StoredTensor() = default;
  // Plain elements. Implicit, so that tensors in memory can be passed as stored tensors.
  StoredTensor(Tensor plain);  // NOLINT(google-explicit-constructor)
  // Blocks, row after row from `data`, which lies in `storage`. Throws Error(kBadFile) if a row is not a whole number
  // of blocks, or if the blocks extend beyond the storage.
  StoredTensor(StorageRef storage, const void* data, const Shape& shape, std::shared_ptr<const BlockEncoding> encoding);

  bool defined() const { return plain_.defined() || blocks_; }
  const Shape& shape() const { return blocks_ ? shape_ : plain_.shape(); }
  int rank() const { return shape().rank(); }
  int64_t dim(int i) const { return shape()[i]; }
  int64_t numel() const { return shape().numel(); }
  // "F16", "Q8_0"
  std::string_view encoding() const;
  // False for integers and booleans.
  bool is_float() const { return blocks_ || easel::is_float(plain_.dtype()); }
  // The elements in place if they are plain, else null.
  const Tensor* plain() const { return plain_.defined() ? &plain_ : nullptr; }
  // "F16[2, 77, 768]"
  std::string str() const;

  const StorageRef& storage() const { return blocks_ ? storage_ : plain_.storage(); }
  // The first byte: two tensors with one are the same values.
  const void* data() const { return blocks_ ? data_ : plain_.raw(); }
  size_t nbytes() const;

  // Rows [begin, begin + count) of the first dimension, without decoding.
  StoredTensor slice(int64_t begin, int64_t count) const;
  // A matrix with its dimensions exchanged, without decoding.
  StoredTensor transposed() const;

  // The same values as [dim(0), all other dimensions]; a copy if plain elements are not contiguous.
  StoredTensor matrix() const;

  // All values: plain elements in place, with their type and strides, or blocks decoded to f32.
  Tensor tensor() const;
  // All values as contiguous f32: in place if they are stored so, else in fresh memory.
  Tensor decoded() const { return convert(tensor(), DType::kF32); }

  // Call this after reading: tells the system that the bytes are not needed again soon, so that a file does not stay in
  // memory beside what was made from it. No effect on memory that is not mapped from a file.
  void drop_pages() const;

 private:
  Tensor plain_;
  // For blocks only.
  std::shared_ptr<const BlockEncoding> blocks_;
  StorageRef storage_;
  const uint8_t* data_ = nullptr;
  Shape shape_;
  bool transposed_ = false;  // the blocks are rows of the matrix with its dimensions exchanged
};

// The tensors of a model file, in file order. They take address space, but no memory until they are read.
using StoredTensors = NamedMap<StoredTensor>;

}  // namespace easel
