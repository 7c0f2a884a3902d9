// Matrix products, sums over dimensions, and what is normalised by them.
#include <algorithm>

#include "base/cancel.h"
#include "base/error.h"
#include "models/onnx/operator.h"
#include "nn/layers.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models::onnx {
namespace {

using ops::Reduction;

void check_inner(const Tensor& x, int64_t in) {
  if (x.rank() < 1 || x.dim(-1) != in)
    throw Error(Fault::kBadFile, "rows " + x.str() + " for a product over " + std::to_string(in));
}

// x times a matrix that is not known before: [...,m,k] [...,k,n], leading dimensions repeated to one another.
Tensor product_of(const Tensor& a, const Tensor& b) {
  if (a.rank() < 1 || b.rank() < 1) throw Error(Fault::kBadFile, a.str() + " times " + b.str());
  const Tensor left = a.rank() == 1 ? reshaped(a, {1, a.dim(0)}) : a,
               right = b.rank() == 1 ? reshaped(b, {b.dim(0), 1}) : b;
  const int64_t m = left.dim(-2), k = left.dim(-1), n = right.dim(-1);
  if (right.dim(-2) != k) throw Error(Fault::kBadFile, a.str() + " times " + b.str());
  const auto leading = [](const Tensor& t) {
    Shape out;
    for (int d = 0; d + 2 < t.rank(); ++d) out.push_back(t.dim(d));
    return out;
  };
  const Shape batch = common_shape(leading(left), leading(right));
  const auto spread = [&](const Tensor& t, int64_t rows, int64_t columns) {
    Shape shape = with_rank(leading(t), batch.rank());
    shape.push_back(rows);
    shape.push_back(columns);
    const Tensor ranked = reshaped(t, shape);
    Shape whole = batch;
    whole.push_back(rows);
    whole.push_back(columns);
    return contiguous(ranked.expand(checked_size(whole))).view({batch.numel(), rows, columns});
  };
  const Tensor lefts = spread(left, m, k), rights = spread(right, k, n).to(kHost);
  Shape shape = batch;
  if (a.rank() > 1) shape.push_back(m);
  if (b.rank() > 1) shape.push_back(n);
  std::vector<Tensor> out;
  checked_size({batch.numel(), m, n});
  for (int64_t i = 0; i < batch.numel(); ++i) {
    poll_cancelled();
    const nn::Linear one(StoredTensor(rights.select(0, i).permute({1, 0})), StoredTensor(), DType::kF32,
                         ops::Packer::pack().on(a.device()));
    out.push_back(one(contiguous(lefts.slice(0, i, 1))));
  }
  return ops::concat(out, 0).view(shape);
}

Run matrix_product(Node& node) {
  const StoredTensor* stored = node.stored(1);
  const Value* constant = node.constant(1);
  const bool matrix = (stored && stored->is_float() && stored->rank() == 2) ||
                      (constant && !constant->is_whole && constant->floats.rank() == 2);
  if (!matrix) return [](const Inputs& in) -> Outputs { return {product_of(in.floats(0), in.floats(1))}; };
  const StoredTensor weight = node.weights(1).transposed();
  const nn::Linear linear(weight, StoredTensor(), DType::kF32, node.packer());
  node.holds(linear.bytes());
  return [linear](const Inputs& in) -> Outputs {
    check_inner(in.floats(0), linear.in_features());
    return {linear(contiguous(in.floats(0)))};
  };
}

// alpha A B + beta C.
Run general_product(Node& node) {
  const float alpha = node.number("alpha", 1.0f), beta = node.number("beta", 1.0f);
  const bool turned_a = node.integer("transA", 0) != 0, turned_b = node.integer("transB", 0) != 0;
  if (!node.known(1)) node.refuse("its matrix B is computed");
  const StoredTensor b = node.weights(1);
  if (b.rank() != 2) throw Error(Fault::kBadFile, "a matrix " + b.str());
  const nn::Linear linear(turned_b ? b : b.transposed(), StoredTensor(), DType::kF32, node.packer());
  node.holds(linear.bytes());
  return [=](const Inputs& in) -> Outputs {
    const Tensor& given = in.floats(0);
    if (given.rank() != 2) throw Error(Fault::kBadFile, "a matrix " + given.str());
    const Tensor a = contiguous(turned_a ? given.permute({1, 0}) : given);
    check_inner(a, linear.in_features());
    const Tensor product = linear(a);
    if (!in.has(2)) return {alpha == 1.0f ? product : ops::affine(product, alpha)};
    const Tensor c = reshaped(in.floats(2), with_rank(in.floats(2).shape(), 2));
    if (in.floats(2).rank() > 2 || !(common_shape(c.shape(), product.shape()) == product.shape()))
      throw Error(Fault::kBadFile, "a sum of " + c.str() + " and " + product.str());
    return {ops::map([=](auto v, auto added) { return v * alpha + added * beta; }, product, c)};
  };
}

// Over some of the dimensions, which stay with size 1.
Tensor reduced(const Tensor& x, Reduction how, const std::vector<int>& axes) {
  if (x.numel() == 0) throw Error(Fault::kBadFile, "no values to sum up");
  // The dimensions that lie next to one another in memory, where the order of maps is theirs.
  if (lies_channels_last(x) && axes == std::vector<int>{2, 3})
    return channels_first(ops::reduce(channels_last(x), how, 1, 2));
  Tensor out = x;
  for (size_t i = 0; i < axes.size();) {
    size_t end = i + 1;
    while (end < axes.size() && axes[end] == axes[end - 1] + 1) ++end;
    out = ops::reduce(out, how, axes[i], axes[end - 1]);
    i = end;
  }
  return out;
}

enum class Around { kNothing, kSquares, kRootOfSquares };

Run reducing(Node& node, Reduction how, int64_t axes_by_input, Around around = Around::kNothing) {
  const bool keep = node.integer("keepdims", 1) != 0;
  const bool none_means_none = node.integer("noop_with_empty_axes", 0) != 0;
  if (node.opset() < axes_by_input && node.inputs() > 1) node.refuse("its axes are an input");
  const std::vector<int64_t> given = node.listed("axes", 1);
  return [=](const Inputs& in) -> Outputs {
    Tensor x = in.floats(0);
    std::vector<int> axes;
    for (const int64_t axis : given) axes.push_back(axis_of(axis, x.rank()));
    if (axes.empty() && none_means_none) return {x};
    if (axes.empty())
      for (int d = 0; d < x.rank(); ++d) axes.push_back(d);
    std::sort(axes.begin(), axes.end());
    if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) throw Error(Fault::kBadFile, "an axis twice");
    if (x.rank() == 0) return {x};
    if (around != Around::kNothing) {
      const auto square = [](auto v) { return v * v; };
      x = lies_channels_last(x) ? channels_first(ops::map(square, channels_last(x))) : ops::map(square, x);
    }
    Tensor out = reduced(x, how, axes);
    if (around == Around::kRootOfSquares) out = ops::map([](auto v) { return ops::sqrt(v); }, contiguous(out));
    if (keep) return {out};
    Shape shape;
    for (int d = 0; d < x.rank(); ++d)
      if (std::find(axes.begin(), axes.end(), d) == axes.end()) shape.push_back(x.dim(d));
    return {reshaped(out, shape)};
  };
}
// From these versions on, axes are an input.
constexpr int64_t kSumByInput = 13, kOthersByInput = 18;
Run mean(Node& node) { return reducing(node, Reduction::kMean, kOthersByInput); }
Run sum(Node& node) { return reducing(node, Reduction::kSum, kSumByInput); }
Run least(Node& node) { return reducing(node, Reduction::kMin, kOthersByInput); }
Run most(Node& node) { return reducing(node, Reduction::kMax, kOthersByInput); }
Run length(Node& node) { return reducing(node, Reduction::kSum, kOthersByInput, Around::kRootOfSquares); }
Run squares(Node& node) { return reducing(node, Reduction::kSum, kOthersByInput, Around::kSquares); }

Run softmax(Node& node) {
  constexpr int64_t kOneAxis = 13;  // before, all dimensions from the axis on together
  const bool one = node.opset() >= kOneAxis;
  const int64_t given = node.integer("axis", one ? -1 : 1);
  return [=](const Inputs& in) -> Outputs {
    const Tensor x = contiguous(in.floats(0));
    const int axis = axis_of(given, x.rank()), last = one ? axis : x.rank() - 1;
    if (x.numel() == 0) return {x};
    const Tensor raised = ops::map([](auto v, auto highest) { return ops::exp(v - highest); }, x,
                                   ops::reduce(x, Reduction::kMax, axis, last));
    return {
        ops::map([](auto v, auto all) { return v / all; }, raised, ops::reduce(raised, Reduction::kSum, axis, last))};
  };
}

Run batch_norm(Node& node) {
  const float epsilon = node.number("epsilon", 1e-5f);
  node.ignore("momentum");
  node.ignore("spatial");
  if (node.integer("training_mode", 0) != 0) node.refuse("it is in training");
  for (size_t i = 1; i <= 4; ++i)
    if (!node.known(i)) node.refuse("its numbers are computed");
  const int64_t count = node.weights(1).numel();
  for (size_t i = 2; i <= 4; ++i)
    if (node.weights(i).numel() != count)
      throw Error(Fault::kBadFile, node.weights(i).str() + " beside " + node.weights(1).str());
  node.holds(2 * static_cast<size_t>(count) * sizeof(float));
  if (node.packer().measures()) return {};
  const auto row = [&](size_t i) { return reshaped(node.weights(i).decoded(), {1, count}); };
  const Tensor weight = row(1), bias = row(2), centre = row(3), variance = row(4);
  const Tensor scale = ops::map([=](auto w, auto v) { return w / ops::sqrt(v + epsilon); }, weight, variance);
  const Tensor shift = ops::map([](auto b, auto c, auto s) { return b - c * s; }, bias, centre, scale);
  const Device device = node.packer().device();
  const Tensor scales = scale.to(device), shifts = shift.to(device);
  return [=](const Inputs& in) -> Outputs {
    const Tensor& x = in.floats(0);
    const int64_t channels = scales.numel();
    if (x.rank() < 2 || x.dim(1) != channels)
      throw Error(Fault::kBadFile, x.str() + " for " + std::to_string(channels) + " channels");
    const auto f = [](auto v, auto s, auto t) { return v * s + t; };
    if (lies_channels_last(x))
      return {channels_first(
          ops::map(f, channels_last(x), scales.view({1, 1, 1, channels}), shifts.view({1, 1, 1, channels})))};
    Shape shape{1, channels};
    for (int d = 2; d < x.rank(); ++d) shape.push_back(1);
    return {ops::map(f, x, scales.view(shape), shifts.view(shape))};
  };
}

Run layer_norm(Node& node) {
  const float epsilon = node.number("epsilon", 1e-5f);
  const int64_t axis = node.integer("axis", -1);
  node.ignore("stash_type");
  return [=](const Inputs& in) -> Outputs {
    const Tensor& x = in.floats(0);
    if (axis_of(axis, x.rank()) != x.rank() - 1)
      throw Error(Fault::kUnsupported, "it normalises several dimensions, which Easel does not compute");
    for (const size_t i : {size_t{1}, size_t{2}})
      if (in.has(i) && !(in.floats(i).shape() == Shape{x.dim(-1)}))
        throw Error(Fault::kBadFile, "weights " + in.floats(i).str() + " for " + x.str());
    return {ops::layer_norm(contiguous(x), in.has(1) ? in.floats(1) : Tensor(), in.has(2) ? in.floats(2) : Tensor(),
                            epsilon)};
  };
}

constexpr Operator kOperators[] = {
    {"BatchNormalization", batch_norm},
    {"Gemm", general_product},
    {"LayerNormalization", layer_norm},
    {"MatMul", matrix_product},
    {"ReduceL2", length},
    {"ReduceMax", most},
    {"ReduceMean", mean},
    {"ReduceMin", least},
    {"ReduceSum", sum},
    {"ReduceSumSquare", squares},
    {"Softmax", softmax},
};

}  // namespace

std::span<const Operator> product_operators() { return kOperators; }

}  // namespace easel::models::onnx
