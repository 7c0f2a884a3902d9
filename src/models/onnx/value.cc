#include "models/onnx/value.h"

#include <algorithm>

#include "base/error.h"
#include "formats/onnx/onnx.h"

namespace easel::models::onnx {

const Shape& checked_size(const Shape& shape, int64_t most) {
  int64_t count = 1;
  for (const int64_t d : shape) {
    if (d < 0 || d > kLargestSize) throw Error(Fault::kBadFile, "a size of " + std::to_string(d));
    count = std::min(count * std::max<int64_t>(d, 1), most + 1);
  }
  if (count > most) throw Error(Fault::kBadFile, "a value of shape " + shape.str() + ", larger than any network has");
  return shape;
}

Value value_of(const StoredTensor& tensor, Device device) {
  if (tensor.is_float()) {
    checked_size(tensor.shape());
    return {tensor.decoded().to(device)};
  }
  checked_size(tensor.shape(), kMostWhole);
  return {Whole{tensor.shape(), formats::whole_numbers(tensor)}};
}

int axis_of(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank)
    throw Error(Fault::kBadFile, "axis " + std::to_string(axis) + " of " + std::to_string(rank) + " dimensions");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape with_rank(const Shape& shape, int rank) {
  Shape out;
  for (int d = shape.rank(); d < rank; ++d) out.push_back(1);
  for (const int64_t d : shape) out.push_back(d);
  return out;
}

Shape common_shape(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape out = with_rank(a, rank);
  const Shape other = with_rank(b, rank);
  for (int d = 0; d < rank; ++d) {
    if (out[d] != other[d] && out[d] != 1 && other[d] != 1)
      throw Error(Fault::kBadFile, "values of shapes " + a.str() + " and " + b.str() + " together");
    if (out[d] == 1) out[d] = other[d];
  }
  return checked_size(out);
}

Tensor reshaped(const Tensor& x, const Shape& shape) {
  if (shape.numel() != x.numel()) throw Error(Fault::kBadFile, x.str() + " as " + shape.str());
  return contiguous(x).view(shape);
}

Tensor permuted(const Tensor& x, std::span<const int> order) {
  const auto o = [&](size_t i) { return order[i]; };
  switch (order.size()) {
    case 0:
    case 1: return x;
    case 2: return x.permute({o(0), o(1)});
    case 3: return x.permute({o(0), o(1), o(2)});
    case 4: return x.permute({o(0), o(1), o(2), o(3)});
    case 5: return x.permute({o(0), o(1), o(2), o(3), o(4)});
    default: return x.permute({o(0), o(1), o(2), o(3), o(4), o(5)});
  }
}

bool lies_channels_last(const Tensor& x) { return x.rank() == 4 && channels_last(x).contiguous(); }

}  // namespace easel::models::onnx
