// Operators that move values or take some of them, and change none.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "models/onnx/operator.h"
#include "ops/elementwise.h"

namespace easel::models::onnx {
namespace {

// The same for floats and whole numbers: another shape.
Value as_shape(const Value& x, const Shape& shape) {
  if (!x.is_whole) return {reshaped(x.floats, shape)};
  if (shape.numel() != static_cast<int64_t>(x.whole.values.size()))
    throw Error(Fault::kBadFile, x.str() + " as " + shape.str());
  return {Whole{shape, x.whole.values}};
}

Shape shape_of(const std::vector<int64_t>& sizes) {
  if (sizes.size() > static_cast<size_t>(Shape::kMaxRank))
    throw Error(Fault::kUnsupported, "a value of more than six dimensions");
  return checked_size(Shape{std::span<const int64_t>(sizes)});
}

Run reshape(Node& node) {
  if (node.integer("allowzero", 0) != 0) node.refuse("its zeros are sizes");
  constexpr int64_t kByInput = 5;
  const bool by_input = node.opset() >= kByInput;
  const std::vector<int64_t> given = by_input ? std::vector<int64_t>{} : node.integers("shape");
  return [=](const Inputs& in) -> Outputs {
    const Value& x = in.any(0);
    std::vector<int64_t> sizes = by_input ? in.whole(1).values : given;
    int64_t known = 1;
    size_t open = sizes.size();
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i] == 0) {
        if (static_cast<int>(i) >= x.shape().rank()) throw Error(Fault::kBadFile, "a size that is not there is kept");
        sizes[i] = x.shape()[static_cast<int>(i)];
      }
      if (sizes[i] == -1) {
        if (open != sizes.size()) throw Error(Fault::kBadFile, "two sizes of a shape are open");
        open = i;
      } else if (sizes[i] < 0 || sizes[i] > kLargestSize || known > kMostElements) {
        throw Error(Fault::kBadFile, "a size of " + std::to_string(sizes[i]));
      } else {
        known *= sizes[i];
      }
    }
    if (open != sizes.size()) sizes[open] = known > 0 ? x.shape().numel() / known : 0;
    return {as_shape(x, shape_of(sizes))};
  };
}

Run flatten(Node& node) {
  const int64_t axis = node.integer("axis", 1);
  return [axis](const Inputs& in) -> Outputs {
    const Value& x = in.any(0);
    const int rank = x.shape().rank(), at = axis == rank ? rank : axis_of(axis, rank);
    Shape shape{1, 1};
    for (int d = 0; d < rank; ++d) shape[d < at ? 0 : 1] *= x.shape()[d];
    return {as_shape(x, shape)};
  };
}

Run squeeze(Node& node) {
  const std::vector<int64_t> axes = node.listed("axes", 1);
  return [axes](const Inputs& in) -> Outputs {
    const Shape shape = in.any(0).shape();
    std::vector<int64_t> sizes;
    for (int d = 0; d < shape.rank(); ++d) {
      const bool named =
          std::any_of(axes.begin(), axes.end(), [&](int64_t a) { return axis_of(a, shape.rank()) == d; });
      if (named && shape[d] != 1) throw Error(Fault::kBadFile, "a dimension of " + std::to_string(shape[d]) + " goes");
      if (!named && (!axes.empty() || shape[d] != 1)) sizes.push_back(shape[d]);
    }
    return {as_shape(in.any(0), shape_of(sizes))};
  };
}

Run unsqueeze(Node& node) {
  const std::vector<int64_t> axes = node.listed("axes", 1);
  return [axes](const Inputs& in) -> Outputs {
    const Shape shape = in.any(0).shape();
    const size_t rank = static_cast<size_t>(shape.rank()) + axes.size();
    if (rank > static_cast<size_t>(Shape::kMaxRank))
      throw Error(Fault::kUnsupported, "a value of more than six dimensions");
    std::vector<int64_t> sizes(rank, 0);
    for (const int64_t axis : axes) sizes[static_cast<size_t>(axis_of(axis, static_cast<int>(rank)))] = 1;
    int next = 0;
    for (int64_t& size : sizes)
      if (size == 0) size = next < shape.rank() ? shape[next++] : 1;
    return {as_shape(in.any(0), shape_of(sizes))};
  };
}

Run transpose(Node& node) {
  const std::vector<int64_t> given = node.integers("perm");
  return [given](const Inputs& in) -> Outputs {
    const Value& x = in.any(0);
    const int rank = x.shape().rank();
    std::vector<int> order(given.begin(), given.end());
    if (order.empty())
      for (int d = rank; d-- > 0;) order.push_back(d);
    std::vector<int> sorted = order, all(static_cast<size_t>(rank));
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 0);
    if (sorted != all) throw Error(Fault::kBadFile, "an order of dimensions that is none");
    if (!x.is_whole) return {permuted(x.floats, order)};
    if (rank > 1) throw Error(Fault::kUnsupported, "whole numbers are transposed, which Easel does not compute");
    return {x};
  };
}

// Rows, columns and channels that begin, end and step as NumPy's slices do.
struct Range {
  int64_t start = 0, count = 0, step = 1;
};
Range range_of(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (step == 0) throw Error(Fault::kBadFile, "a step of 0");
  if (step < -kLargestSize || step > kLargestSize) step = step < 0 ? -kLargestSize : kLargestSize;
  const bool back = step < 0;
  const auto at = [&](int64_t v) {
    const int64_t from_end = v < 0 ? (v < -size ? -1 : v + size) : v;
    return std::clamp<int64_t>(from_end, back ? -1 : 0, back ? size - 1 : size);
  };
  const int64_t first = at(start), last = back && end < -size ? -1 : at(end);
  const int64_t length = back ? first - last : last - first, by = back ? -step : step;
  return {first, length > 0 ? (length + by - 1) / by : 0, step};
}

Tensor stepped(const Tensor& x, int d, const Range& r) {
  if (r.step == 1 || r.count <= 1) return x.slice(d, r.count == 0 ? 0 : r.start, r.count);
  const int64_t span = r.count * r.step;
  // Every step-th of them: as cells of a step each, where there is a dimension left for them and all cells are whole.
  const int64_t first = r.step > 0 ? r.start / r.step * r.step : r.start;
  if (r.step > 0 && first + span <= x.dim(d) && x.rank() < Shape::kMaxRank) {
    const Tensor part = contiguous(x.slice(d, first, span));
    Shape cells;
    for (int i = 0; i < x.rank(); ++i) {
      cells.push_back(i == d ? r.count : part.dim(i));
      if (i == d) cells.push_back(r.step);
    }
    return part.view(cells).select(d + 1, r.start - first);
  }
  std::vector<Tensor> out;
  constexpr int64_t kMost = 4096;
  if (r.count > kMost) throw Error(Fault::kUnsupported, "a slice of this kind and size, which Easel does not compute");
  for (int64_t i = 0; i < r.count; ++i) out.push_back(x.slice(d, r.start + i * r.step, 1));
  return ops::concat(out, d);
}

Value sliced(const Value& x, int d, const Range& r) {
  if (!x.is_whole) return {stepped(x.floats, d, r)};
  if (x.whole.shape.rank() != 1)
    throw Error(Fault::kUnsupported, "whole numbers of several dimensions are sliced, which Easel does not compute");
  Whole out{{r.count}, {}};
  for (int64_t i = 0; i < r.count; ++i) out.values.push_back(x.whole.values[static_cast<size_t>(r.start + i * r.step)]);
  return {std::move(out)};
}

Run slice(Node& node) {
  constexpr int64_t kByInputs = 10;
  const bool by_inputs = node.opset() >= kByInputs;
  std::vector<int64_t> starts, ends, axes;
  if (!by_inputs) {
    starts = node.integers("starts");
    ends = node.integers("ends");
    axes = node.integers("axes");
  }
  return [=](const Inputs& in) -> Outputs {
    const std::vector<int64_t> from = by_inputs ? in.whole(1).values : starts,
                               to = by_inputs ? in.whole(2).values : ends;
    const std::vector<int64_t> on = !by_inputs ? axes : in.has(3) ? in.whole(3).values : std::vector<int64_t>{};
    const std::vector<int64_t> steps = in.has(4) ? in.whole(4).values : std::vector<int64_t>(from.size(), 1);
    if (to.size() != from.size() || (!on.empty() && on.size() != from.size()) || steps.size() != from.size())
      throw Error(Fault::kBadFile, "a slice has not as many ends as starts");
    Value out = in.any(0);
    for (size_t i = 0; i < from.size(); ++i) {
      const int d = axis_of(on.empty() ? static_cast<int64_t>(i) : on[i], out.shape().rank());
      out = sliced(out, d, range_of(out.shape()[d], from[i], to[i], steps[i]));
    }
    return {out};
  };
}

constexpr size_t kMostParts = 64;

Run split(Node& node) {
  const int64_t axis = node.integer("axis", 0);
  const int64_t count = node.integer("num_outputs", static_cast<int64_t>(node.outputs()));
  const std::vector<int64_t> given = node.listed("split", 1);
  if (given.empty() && (count < 1 || count > static_cast<int64_t>(kMostParts)))
    throw Error(Fault::kBadFile, "a split into " + std::to_string(count) + " parts");
  return [=](const Inputs& in) -> Outputs {
    const Value& x = in.any(0);
    const int d = axis_of(axis, x.shape().rank());
    std::vector<int64_t> sizes = given;
    if (sizes.empty()) {
      const int64_t all = x.shape()[d], each = (all + count - 1) / count;
      for (int64_t at = 0, i = 0; i < count; ++i, at += each) sizes.push_back(std::clamp<int64_t>(all - at, 0, each));
    }
    Outputs out;
    int64_t at = 0;
    for (const int64_t size : sizes) {
      if (size < 0 || size > x.shape()[d] - at) throw Error(Fault::kBadFile, "parts that do not fit into " + x.str());
      out.push_back(sliced(x, d, {at, size, 1}));
      at += size;
    }
    if (at != x.shape()[d]) throw Error(Fault::kBadFile, "parts that are not all of " + x.str());
    return out;
  };
}

Run concat(Node& node) {
  constexpr int64_t kNone = std::numeric_limits<int32_t>::max();
  const int64_t axis = node.integer("axis", node.opset() < 4 ? 1 : kNone);
  return [axis](const Inputs& in) -> Outputs {
    const int rank = in.any(0).shape().rank(), d = axis_of(axis, rank);
    if (in.any(0).is_whole) {
      if (rank != 1)
        throw Error(Fault::kUnsupported,
                    "whole numbers of several dimensions are joined, which Easel does not compute");
      Whole out{{0}, {}};
      for (size_t i = 0; i < in.count(); ++i) {
        const Whole& part = in.whole(i);
        if (part.shape.rank() != 1) throw Error(Fault::kBadFile, "values of different ranks are joined");
        out.shape[0] += part.shape[0];
      }
      checked_size(out.shape, kMostWhole);
      for (size_t i = 0; i < in.count(); ++i)
        out.values.insert(out.values.end(), in.whole(i).values.begin(), in.whole(i).values.end());
      return {std::move(out)};
    }
    std::vector<Tensor> parts;
    Shape shape = in.floats(0).shape();
    shape[d] = 0;
    for (size_t i = 0; i < in.count(); ++i) {
      const Tensor& part = in.floats(i);
      Shape without = part.shape();
      if (without.rank() == rank) {
        shape[d] += without[d];
        without[d] = shape[d];
      }
      if (!(without == shape)) throw Error(Fault::kBadFile, part.str() + " beside " + in.floats(0).str());
      parts.push_back(part);
    }
    checked_size(shape);
    if (std::none_of(parts.begin(), parts.end(), lies_channels_last)) return {ops::concat(parts, d)};
    constexpr std::array<int, 4> kPlaces{0, 3, 1, 2};  // of [N,C,H,W] in [N,H,W,C]
    for (Tensor& part : parts) part = channels_last(part);
    return {channels_first(ops::concat(parts, kPlaces[static_cast<size_t>(d)]))};
  };
}

Run gather(Node& node) {
  const int64_t axis = node.integer("axis", 0);
  return [axis](const Inputs& in) -> Outputs {
    const Value& x = in.any(0);
    const Whole& index = in.whole(1);
    const int rank = x.shape().rank(), d = axis_of(axis, rank);
    std::vector<int64_t> places;
    for (const int64_t i : index.values)
      places.push_back(axis_of(i, static_cast<int>(std::min<int64_t>(x.shape()[d], kLargestSize))));
    Shape shape;
    std::vector<int64_t> sizes;
    for (int i = 0; i < rank; ++i) {
      if (i != d) sizes.push_back(x.shape()[i]);
      else sizes.insert(sizes.end(), index.shape.begin(), index.shape.end());
    }
    shape = shape_of(sizes);
    if (x.is_whole) {
      if (rank != 1)
        throw Error(Fault::kUnsupported,
                    "whole numbers of several dimensions are gathered, which Easel does not compute");
      Whole out{shape, {}};
      for (const int64_t i : places) out.values.push_back(x.whole.values[static_cast<size_t>(i)]);
      return {std::move(out)};
    }
    if (places.size() == 1) return {reshaped(x.floats.slice(d, places[0], 1), shape)};
    if (shape.numel() == 0) return {Tensor(shape, DType::kF32, x.floats.device())};
    // As rows of a table, in whose place the dimension then goes.
    std::vector<int> order{d};
    for (int i = 0; i < rank; ++i)
      if (i != d) order.push_back(i);
    const Tensor first = contiguous(permuted(x.floats, order));
    Shape taken_shape{static_cast<int64_t>(places.size())};
    for (int i = 1; i < rank; ++i) taken_shape.push_back(first.dim(i));
    const std::vector<int32_t> ids(places.begin(), places.end());
    const Tensor taken = ops::embedding(first.view({first.dim(0), first.numel() / first.dim(0)}).to(kHost), ids,
                                        DType::kF32, x.floats.device());
    std::vector<int> back;
    for (int i = 0; i < rank; ++i) back.push_back(i < d ? i + 1 : i == d ? 0 : i);
    return {reshaped(permuted(taken.view(taken_shape), back), shape)};
  };
}

Run expand(Node&) {
  return [](const Inputs& in) -> Outputs {
    const Value& x = in.any(0);
    const Shape shape = common_shape(x.shape(), shape_of(in.whole(1).values));
    if (x.is_whole) {
      checked_size(shape, kMostWhole);
      return {joined(x.whole, {shape, std::vector<int64_t>(static_cast<size_t>(shape.numel()))},
                     [](int64_t v, int64_t) { return v; })};
    }
    return {contiguous(reshaped(x.floats, with_rank(x.floats.shape(), shape.rank())).expand(shape))};
  };
}

constexpr Operator kOperators[] = {
    {"Concat", concat},       {"Expand", expand},       {"Flatten", flatten},         {"Gather", gather},
    {"Reshape", reshape},     {"Slice", slice},         {"Split", split, kMostParts}, {"Squeeze", squeeze},
    {"Transpose", transpose}, {"Unsqueeze", unsqueeze},
};

}  // namespace

std::span<const Operator> shape_operators() { return kOperators; }

}  // namespace easel::models::onnx
