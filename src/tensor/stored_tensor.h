// Tensors as they lie in a model file: a Tensor is what is computed on, a StoredTensor is what a file holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tensor/tensor.h"
#include "tensor/tensor_map.h"

namespace easel {

// How a block format writes its values: each row (the innermost dimension) is a sequence of blocks of one length, whose
// values share scales. Immutable and thread-safe.
class BlockEncoding {
 public:
  virtual ~BlockEncoding() = default;
  // For messages, and to tell encodings apart ("Q8_0").
  virtual std::string_view name() const = 0;
  virtual int64_t block_values() const = 0;
  virtual size_t block_bytes() const = 0;
  // `blocks` blocks, at any alignment, as blocks * block_values() values.
  virtual void decode(const uint8_t* from, int64_t blocks, float* to) const = 0;
};

// A named view of a file's bytes with a shape and an encoding: either plain elements of a DType at strides, or blocks.
// Copying it shares the bytes. Reading gives f32, or the elements where they lie when they are plain.
class StoredTensor {
 public:
  // Undefined: defined() is false, nothing else may be asked of it.
  StoredTensor() = default;
  // Plain elements. Implicit: where stored tensors are wanted, a tensor in memory is one.
  StoredTensor(Tensor plain);  // NOLINT(google-explicit-constructor)
  // Blocks, row after row from `data`, which lies in `storage`. Throws Error(kBadFile) when a row is not a whole number
  // of blocks, or the blocks leave the storage.
  StoredTensor(StorageRef storage, const void* data, const Shape& shape, std::shared_ptr<const BlockEncoding> encoding);

  bool defined() const { return plain_.defined() || blocks_; }
  const Shape& shape() const { return blocks_ ? shape_ : plain_.shape(); }
  int rank() const { return shape().rank(); }
  int64_t dim(int i) const { return shape()[i]; }
  int64_t numel() const { return shape().numel(); }
  // "F16", "Q8_0"
  std::string_view encoding() const;
  // Whether its values are fractions: not those of whole numbers and truth values.
  bool is_float() const { return blocks_ || easel::is_float(plain_.dtype()); }
  // The elements where they lie, if each has a place of its own; else null.
  const Tensor* plain() const { return plain_.defined() ? &plain_ : nullptr; }
  // "F16[2, 77, 768]"
  std::string str() const;

  const StorageRef& storage() const { return blocks_ ? storage_ : plain_.storage(); }
  // The first byte: two tensors with one are the same values.
  const void* data() const { return blocks_ ? data_ : plain_.raw(); }
  size_t nbytes() const;

  // Rows [begin, begin + count) of the first dimension, still stored.
  StoredTensor slice(int64_t begin, int64_t count) const;
  // A matrix with its dimensions exchanged, still stored.
  StoredTensor transposed() const;

  // The same values as [dim(0), everything else]; a copy if plain elements do not lie one after another.
  StoredTensor matrix() const;

  // All values: the elements where they lie, with their type and strides, or blocks decoded to f32.
  Tensor tensor() const;
  // All values as contiguous f32: fresh memory unless they lie so already.
  Tensor decoded() const { return convert(tensor(), DType::kF32); }

  // To be called after reading: tells the system that the bytes will not be needed again soon, so that the file never
  // stands in memory beside what is made of it. No effect on memory that is not mapped from a file.
  void drop_pages() const;

 private:
  Tensor plain_;
  // Of blocks only.
  std::shared_ptr<const BlockEncoding> blocks_;
  StorageRef storage_;
  const uint8_t* data_ = nullptr;
  Shape shape_;
  bool transposed_ = false;  // the blocks are rows of the matrix with its dimensions exchanged
};

// What a model file holds, in file order. Holding it costs address space, not memory.
using StoredTensors = NamedMap<StoredTensor>;

}  // namespace easel
