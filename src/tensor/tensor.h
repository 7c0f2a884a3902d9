// Tensor: a typed, strided view of shared memory on some device. It has no arithmetic; that is in ops.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "base/error.h"
#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/storage.h"

namespace easel {

// Up to six dimensions, no heap.
class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[static_cast<size_t>(i < 0 ? i + rank_ : i)]; }
  int64_t& operator[](int i) { return dims_[static_cast<size_t>(i < 0 ? i + rank_ : i)]; }
  // Product of all dimensions; 1 for rank 0.
  int64_t numel() const;
  void push_back(int64_t dim);
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  bool operator==(const Shape& o) const;
  // "[2, 77, 768]"
  std::string str() const;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// Storage, an offset into it and its device. Copies share the memory. Element (i,j,..) lies i*stride(0) + j*stride(1) +
// ... elements after the offset. Values can be accessed directly only on the host; on other devices only the backend
// reads and writes them.
class Tensor {
 public:
  // An undefined tensor: only defined() may be called.
  Tensor() = default;
  // Uninitialised and contiguous, from the device's pool. Throws Error(kMemory), also for sizes beyond any memory, and
  // Error(kUnsupported) for a device without a backend.
  explicit Tensor(const Shape& shape, DType dtype = DType::kF32, Device device = kHost);
  // A view of host memory owned by `storage`. Strides in elements; must stay inside the storage (checked).
  Tensor(StorageRef storage, void* data, const Shape& shape, const Shape& strides, DType dtype);

  static Tensor zeros(const Shape& shape, DType dtype = DType::kF32, Device device = kHost);
  static Tensor full(const Shape& shape, float value, Device device = kHost);  // f32
  static Tensor of(const Shape& shape, std::span<const float> values);
  static Tensor of(const Shape& shape, std::initializer_list<float> values);

  bool defined() const { return static_cast<bool>(storage_); }
  const Shape& shape() const { return shape_; }
  const Shape& strides() const { return strides_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int i) const { return shape_[i]; }  // negative counts from the end
  int64_t stride(int i) const { return strides_[i]; }
  int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  bool on_host() const { return device_ == kHost; }
  size_t nbytes() const { return static_cast<size_t>(numel()) * dtype_size(dtype_); }
  // Rows packed without gaps, in C order.
  bool contiguous() const;
  const StorageRef& storage() const { return storage_; }
  // Bytes from the beginning of the storage to the first element.
  size_t offset() const { return offset_; }

  // The first element. Throws Error(kInternal) unless on_host(), as do all functions that give access to values.
  void* raw() {
    check_host();
    return data_;
  }
  const void* raw() const {
    check_host();
    return data_;
  }
  // Typed pointer. T must be the C++ type of dtype() (checked; BFloat16, Half, uint8_t for 8-bit kinds).
  template <class T>
  T* data() {
    check_host();
    check_type(type_of<T>());
    return static_cast<T*>(data_);
  }
  template <class T>
  const T* data() const {
    check_host();
    check_type(type_of<T>());
    return static_cast<const T*>(data_);
  }
  float* f32() { return data<float>(); }
  const float* f32() const { return data<float>(); }
  // All elements of a contiguous f32 tensor.
  std::span<float> values();
  std::span<const float> values() const;

  // The same memory under another shape. Needs contiguous(); one dimension may be -1.
  Tensor view(const Shape& shape) const;
  // Elements [start, start+length) of one dimension, sharing memory.
  Tensor slice(int dim, int64_t start, int64_t length) const;
  // slice() of length 1 with the dimension dropped.
  Tensor select(int dim, int64_t index) const;
  // Dimensions reordered, sharing memory.
  Tensor permute(std::initializer_list<int> order) const;
  // Broadcasts dimensions of size 1 to `shape` by a stride of 0, sharing memory. Throws Error(kInternal) if any other
  // dimension differs from `shape`.
  Tensor expand(const Shape& shape) const;
  // [..., C] as [rows, C], sharing memory, if the leading dimensions have one common stride; else undefined.
  Tensor rows() const;

  // A contiguous copy on another device, or the tensor itself if it is already there. Returns when the copy is
  // complete. Throws like the constructor.
  Tensor to(Device device) const;

  // "F32[2, 77, 768]"
  std::string str() const;

 private:
  template <class T>
  static constexpr DType type_of();
  void check_type(DType wanted) const;
  void check_host() const {
    if (!on_host()) refuse_access();
  }
  [[noreturn]] void refuse_access() const;
  void skip(int64_t elements);

  StorageRef storage_;
  void* data_ = nullptr;  // storage's data + offset on the host, else null
  size_t offset_ = 0;
  Shape shape_, strides_;
  DType dtype_ = DType::kF32;
  Device device_;
};

template <>
constexpr DType Tensor::type_of<float>() {
  return DType::kF32;
}
template <>
constexpr DType Tensor::type_of<double>() {
  return DType::kF64;
}
template <>
constexpr DType Tensor::type_of<BFloat16>() {
  return DType::kBF16;
}
template <>
constexpr DType Tensor::type_of<Half>() {
  return DType::kF16;
}
template <>
constexpr DType Tensor::type_of<int64_t>() {
  return DType::kI64;
}
template <>
constexpr DType Tensor::type_of<int32_t>() {
  return DType::kI32;
}
template <>
constexpr DType Tensor::type_of<int8_t>() {
  return DType::kI8;
}
template <>
constexpr DType Tensor::type_of<uint8_t>() {
  return DType::kU8;
}

// Strides of a contiguous tensor of this shape.
Shape contiguous_strides(const Shape& shape);

// A contiguous tensor of the given type (f32, f16, bf16, or that of `t`) with the values of `t` (any strides, any
// type), on the same device. Returns `t` itself if it is already so. Floats are rounded to nearest even. On the host it
// runs on all threads.
Tensor convert(const Tensor& t, DType dtype);
inline Tensor contiguous(const Tensor& t) { return t.contiguous() ? t : convert(t, t.dtype()); }
// Like convert(), but always fresh memory.
Tensor clone(const Tensor& t);

}  // namespace easel
