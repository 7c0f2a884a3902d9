// What flows between the operations of an ONNX graph, and how it lies in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/stored_tensor.h"

namespace easel::models::onnx {

// Whole numbers and truth values: sizes, places, axes. They stay on the host.
struct Whole {
  Shape shape;
  std::vector<int64_t> values;  // in C order
};

// Floats of any precision are f32 tensors, on the device that computes, in ONNX's order of dimensions. Maps [N,C,H,W]
// usually lie in memory channels last, as ops want them: operations hand that on.
struct Value {
  Value() = default;
  Value(Tensor tensor) : floats(std::move(tensor)), defined(true) {}  // NOLINT(google-explicit-constructor)
  Value(Whole numbers)
      : whole(std::move(numbers)), is_whole(true), defined(true) {}  // NOLINT(google-explicit-constructor)

  const Shape& shape() const { return is_whole ? whole.shape : floats.shape(); }
  std::string str() const { return is_whole ? "whole numbers " + whole.shape.str() : floats.str(); }

  Tensor floats;
  Whole whole;
  bool is_whole = false;
  bool defined = false;
};

// A tensor of a file: floats on the device, or whole numbers. Throws Error(kBadFile) for one too large.
Value value_of(const StoredTensor& tensor, Device device);

// A file that asks for larger values is refused.
constexpr int64_t kMostElements = int64_t{1} << 28, kMostWhole = int64_t{1} << 22, kLargestSize = int64_t{1} << 24;
// Throws Error(kBadFile) for a shape that no network has.
const Shape& checked_size(const Shape& shape, int64_t most = kMostElements);

// An axis of `rank` dimensions, negative ones counted from the end. Throws Error(kBadFile).
int axis_of(int64_t axis, int rank);
// The shape that both are repeated to, as NumPy does it. Throws Error(kBadFile).
Shape common_shape(const Shape& a, const Shape& b);
// With leading dimensions of 1. `rank` is not less than its own.
Shape with_rank(const Shape& shape, int rank);
// The same values under another shape of as many elements.
Tensor reshaped(const Tensor& x, const Shape& shape);
// Tensor::permute() for an order that is known only now.
Tensor permuted(const Tensor& x, std::span<const int> order);

// A map [N,C,H,W] as [N,H,W,C], and back; both share memory.
inline Tensor channels_last(const Tensor& x) { return x.permute({0, 2, 3, 1}); }
inline Tensor channels_first(const Tensor& x) { return x.permute({0, 3, 1, 2}); }
// Whether it is a map that lies channels last.
bool lies_channels_last(const Tensor& x);

}  // namespace easel::models::onnx
