#include "models/patch/orthogonal.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/patch/matrices.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace easel::models {
namespace {

// One b x b identity, to be repeated: [1,b,b].
Tensor identity(int64_t b) {
  std::vector<float> values(static_cast<size_t>(b * b), 0.0f);
  for (int64_t i = 0; i < b; ++i) values[static_cast<size_t>(i * b + i)] = 1.0f;
  return Tensor::of({1, b, b}, values);
}

// The columns [0, b) or [b, 2b) of rows of two matrices side by side.
Tensor half(const Tensor& pair, int which) {
  const int64_t b = pair.dim(1);
  return contiguous(pair.slice(2, which * b, b));
}

// (I + Q) (I - Q)^-1 for k skew matrices at once (Cayley), [k,b,b]. The two commute, so that eliminating I - Q in
// [I - Q | I + Q] leaves it on the right. No pivot is looked for: I - Q has a positive definite symmetric part, which
// keeps every pivot at 1 or more.
Tensor cayley(const Tensor& q) {
  const int64_t k = q.dim(0), b = q.dim(1);
  const Tensor one = identity(b);
  Tensor pair({k, b, 2 * b});
  const auto minus = [](auto, auto i, auto v) { return i - v; };
  const auto plus = [](auto, auto i, auto v) { return i + v; };
  ops::update(pair.slice(2, 0, b), minus, one, q);
  ops::update(pair.slice(2, b, b), plus, one, q);
  const Tensor ones = one.view({b, b});
  for (int64_t p = 0; p < b; ++p) {
    const Tensor row = ops::map([](auto v, auto pivot) { return v / pivot; }, pair.slice(1, p, 1),
                                clone(pair.slice(1, p, 1).slice(2, p, 1)));
    // Every other row loses its part of the pivot's; the pivot's own becomes `row`.
    const Tensor column = clone(pair.slice(2, p, 1)), own = contiguous(ones.slice(1, p, 1)).view({1, b, 1});
    ops::update(
        pair,
        [](auto old, auto part, auto is_pivot, auto pivot_row) {
          return select(is_pivot == 1.0f, pivot_row, old - part * pivot_row);
        },
        column, own, row);
  }
  return half(pair, 1);
}

// blocks[k] (transposed, where `turned`) times the k-th part of rows [k*b, rest].
Tensor by_block(const Tensor& blocks, const Tensor& rows, bool turned) {
  const int64_t k = blocks.dim(0), b = blocks.dim(1), rest = rows.numel() / (k * b);
  const Tensor parts = contiguous(rows).view({k, b, rest});
  Tensor out({k, b, rest});
  for (int64_t i = 0; i < k; ++i) {
    const Tensor block = blocks.select(0, i);
    const Tensor left = contiguous(turned ? block.permute({1, 0}) : block);
    ops::copy(product(left, parts.select(0, i)), out.select(0, i));
  }
  return out.view({k * b, rest});
}

// Neighbours `apart` rows from each other come to stand together, or go back.
Tensor interleaved(const Tensor& rows, int64_t apart, bool back) {
  const int64_t out = rows.dim(0), rest = rows.dim(1);
  const Tensor split =
      back ? rows.view({out / (2 * apart), apart, 2, rest}) : rows.view({out / (2 * apart), 2, apart, rest});
  return contiguous(split.permute({0, 2, 1, 3})).view({out, rest});
}

// The skew matrix of a row of numbers above its diagonal.
Tensor skew_of(const float* upper, int64_t b) {
  std::vector<float> values(static_cast<size_t>(b * b), 0.0f);
  for (int64_t i = 0; i < b; ++i)
    for (int64_t j = i + 1; j < b; ++j, ++upper) {
      values[static_cast<size_t>(i * b + j)] = *upper;
      values[static_cast<size_t>(j * b + i)] = -*upper;
    }
  return Tensor::of({b, b}, values);
}

}  // namespace

Tensor input_rotation_change(const StoredTensor& rotations, const Tensor& weight) {
  const int64_t out = weight.dim(0), in = weight.numel() / std::max<int64_t>(1, out);
  const auto refuse = [&] {
    throw Error(Fault::kMismatch,
                "oft_R of shape " + rotations.shape().str() + " for a weight of shape " + weight.shape().str());
  };
  if (rotations.rank() != 2 || rotations.dim(0) < 1) refuse();
  const int64_t k = rotations.dim(0), numbers = rotations.dim(1);
  const auto b = static_cast<int64_t>(std::lround((1 + std::sqrt(1.0 + 8.0 * static_cast<double>(numbers))) / 2));
  if (numbers < 1 || b * (b - 1) / 2 != numbers || in % b != 0 || (k != 1 && k * b != in)) refuse();
  const std::vector<float> upper = ops::read(rotations.decoded());
  const Tensor rows = weight.view({out, in});
  Tensor change({out, in});
  Tensor turn;  // R - I
  for (int64_t i = 0; i < in / b; ++i) {
    if (i < k) {
      const Tensor q = skew_of(upper.data() + i * numbers, b);
      turn = q;
      Tensor power = q;
      for (int n = 2; n <= 4; ++n) {
        power = product(power, q);
        turn = ops::add(turn, power);
      }
    }
    const Tensor part = contiguous(rows.slice(1, i * b, b));
    // W R^T: what is packed is R itself, by its rows.
    const Tensor turned = ops::linear(part, *ops::pack_linear(ops::affine(turn, 2.0f), {}, DType::kF32));
    ops::copy(turned, change.slice(1, i * b, b));
  }
  return change;
}

Tensor orthogonal_change(const LoraModule& module, const Tensor& weight, float strength) {
  const Tensor blocks = module.find("oft_blocks")->decoded();
  const int64_t out = weight.dim(0);
  const auto refuse = [&] {
    throw Error(Fault::kMismatch,
                "oft_blocks of shape " + blocks.shape().str() + " for a weight of shape " + weight.shape().str());
  };
  const bool butterfly = blocks.rank() == 4;
  if (!butterfly && blocks.rank() != 3) refuse();
  const int64_t b = blocks.dim(-1), k = blocks.dim(-3), stages = butterfly ? blocks.dim(0) : 1;
  if (b < 1 || k < 1 || stages < 1 || blocks.dim(-2) != b || out % b != 0 || k != out / b) refuse();
  // Each stage joins rows twice as far apart as the one before.
  if (butterfly && (b % 2 != 0 || stages > 30 || out % (b << (stages - 1)) != 0)) refuse();

  const Tensor all = blocks.view({stages * k, b, b});
  Tensor q = ops::map([](auto v, auto other) { return v - other; }, all, all.permute({0, 2, 1}));
  if (const StoredTensor* alpha = module.find("alpha"); alpha && alpha->numel() == 1) {
    // kohya's own networks ("oft_unet_...") count it for each output.
    const float most =
        ops::item(alpha->decoded().view({1})) * (module.name.starts_with("oft_") ? static_cast<float>(out) : 1.0f);
    const float norm = std::sqrt(ops::item(ops::reduce(ops::mul(q, q), ops::Reduction::kSum, 0, 2).view({1}))) + 1e-8f;
    if (most > 0.0f && norm > most) q = ops::affine(q, most / norm);
  }
  const Tensor weighed = ops::map([=](auto r, auto one) { return one + strength * (r - one); }, cayley(q), identity(b));
  const Tensor rows = weight.view({out, weight.numel() / out});
  Tensor turned = rows;
  if (!butterfly) turned = by_block(weighed, rows, true);
  for (int64_t stage = 0; butterfly && stage < stages; ++stage) {
    const int64_t apart = (b / 2) << stage;
    turned = by_block(weighed.slice(0, stage * k, k), interleaved(turned, apart, false), false);
    turned = interleaved(turned, apart, true);
  }
  if (const StoredTensor* rescale = module.find("rescale")) {
    if (rescale->numel() != out && rescale->numel() != 1) refuse();
    turned = ops::map([](auto v, auto by) { return v * by; }, turned, rescale->decoded().view({-1, 1}));
  }
  return ops::map([](auto now, auto old) { return now - old; }, turned, rows);
}

}  // namespace easel::models
