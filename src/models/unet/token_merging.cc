#include "models/unet/token_merging.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <vector>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "sampling/random/torch_random.h"

namespace easel::models {
namespace {

constexpr int64_t kStride = 2;   // one of 2 x 2 tokens stays
constexpr int64_t kRows = 1024;  // compared at once

// Rows of x [1,T,C], in any order: [1,n,C].
Tensor rows_of(const Tensor& x, const std::vector<int64_t>& index) {
  const ops::Taps taps{.count = 1, .index = index, .weight = {}};
  return ops::resample(x.view({1, x.dim(1), 1, x.dim(2)}), taps, {.count = 1, .index = {0}, .weight = {}})
      .view({1, static_cast<int64_t>(index.size()), x.dim(2)});
}

// Which tokens stay, and which may be merged into one of them, both in order.
struct Split {
  std::vector<int64_t> staying, others;
};

Split draw(int64_t height, int64_t width, sampling::TorchGenerator& random) {
  const int64_t down = height / kStride, across = width / kStride;
  std::vector<bool> stays(static_cast<size_t>(height * width));
  for (int64_t i = 0; i < down; ++i)
    for (int64_t j = 0; j < across; ++j) {
      const int64_t drawn = random.randint(0, kStride * kStride);
      stays[static_cast<size_t>((i * kStride + drawn / kStride) * width + j * kStride + drawn % kStride)] = true;
    }
  Split out;
  for (size_t i = 0; i < stays.size(); ++i) (stays[i] ? out.staying : out.others).push_back(static_cast<int64_t>(i));
  return out;
}

// For each of the other tokens the one that stays and is most like it, by the angle between them, and how like.
struct Likeness {
  std::vector<float> value, at;
};

Likeness compare(const Tensor& tokens, const Split& split) {
  const Tensor squares = ops::map([](auto v) { return v * v; }, tokens);
  const Tensor length = ops::reduce(squares, ops::Reduction::kSum, 2, 2);
  const Tensor unit = ops::map([](auto v, auto s) { return v / sqrt(s); }, tokens, length);
  const Tensor staying = rows_of(unit, split.staying), others = rows_of(unit, split.others);
  const int64_t count = staying.dim(1), width = staying.dim(2);
  const auto matrix = ops::pack_linear(staying.to(kHost).view({count, width}), Tensor(), DType::kF32, false,
                                       ops::Packer::pack().on(tokens.device()));
  std::vector<float> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  const Tensor number = Tensor::of({1, 1, count}, numbers).to(tokens.device());
  const auto none = static_cast<float>(count - 1);  // for what compares with nothing, not being a number
  Likeness out;
  for (int64_t first = 0; first < others.dim(1); first += kRows) {
    const Tensor part = contiguous(others.slice(1, first, std::min(kRows, others.dim(1) - first)));
    const Tensor scores = ops::linear(part, *matrix);
    const Tensor best = ops::reduce(scores, ops::Reduction::kMax, 2, 2);
    const Tensor places =
        ops::map([=](auto s, auto most, auto n) { return select(s == most, n, none); }, scores, best, number);
    // What is not a number, of tokens of zeros, is less like any than all others.
    const std::vector<float> values = ops::read(ops::map([](auto b) { return select(b == b, b, -2.0f); }, best));
    const std::vector<float> at = ops::read(ops::reduce(places, ops::Reduction::kMin, 2, 2));
    out.value.insert(out.value.end(), values.begin(), values.end());
    out.at.insert(out.at.end(), at.begin(), at.end());
  }
  return out;
}

// Queries of one sample: those that are merged into none, then those that stay, with what was merged into them.
struct Merging {
  std::vector<int64_t> alone;                // tokens
  std::vector<int64_t> staying;              // tokens, those first that most others are merged into
  std::vector<std::vector<int64_t>> rounds;  // the first, second, ... token merged into staying[0], [1], ...
  std::vector<float> sizes;                  // of the groups, by `staying`
  std::vector<int64_t> place;                // of each token's result
};

Merging plan(const Split& split, const Likeness& likeness, int64_t merged) {
  const size_t others = split.others.size(),
               count = static_cast<size_t>(std::min<int64_t>(merged, std::ssize(split.others)));
  std::vector<size_t> order(others);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return likeness.value[a] > likeness.value[b]; });
  std::vector<std::vector<int64_t>> groups(split.staying.size());
  for (size_t i = 0; i < count; ++i)
    groups[static_cast<size_t>(likeness.at[order[i]])].push_back(split.others[order[i]]);
  Merging out;
  for (size_t i = count; i < others; ++i) out.alone.push_back(split.others[order[i]]);
  std::vector<size_t> by_size(groups.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return groups[a].size() > groups[b].size(); });
  out.place.resize(split.staying.size() + others);
  int64_t at = 0;
  for (const int64_t token : out.alone) out.place[static_cast<size_t>(token)] = at++;
  for (const size_t group : by_size) {
    out.staying.push_back(split.staying[group]);
    out.sizes.push_back(static_cast<float>(groups[group].size() + 1));
    out.place[static_cast<size_t>(split.staying[group])] = at;
    for (size_t k = 0; k < groups[group].size(); ++k) {
      if (out.rounds.size() <= k) out.rounds.emplace_back();
      out.rounds[k].push_back(groups[group][k]);
      out.place[static_cast<size_t>(groups[group][k])] = at;
    }
    ++at;
  }
  return out;
}

// The queries q [1,T,C] so merged: the mean of each group.
Tensor merged(const Tensor& q, const Merging& merging) {
  const Tensor x = convert(q, DType::kF32);
  const Tensor sums = rows_of(x, merging.staying);
  for (const std::vector<int64_t>& round : merging.rounds)
    ops::update(
        sums.slice(1, 0, std::ssize(round)), [](auto sum, auto more) { return sum + more; }, rows_of(x, round));
  const Tensor sizes = Tensor::of({1, std::ssize(merging.sizes), 1}, merging.sizes).to(x.device());
  const Tensor means = ops::map([](auto sum, auto size) { return sum / size; }, sums, sizes);
  if (merging.alone.empty()) return convert(means, q.dtype());
  return convert(ops::concat({rows_of(x, merging.alone), means}, 1), q.dtype());
}

class TokenMerging final : public AttentionHook {
 public:
  explicit TokenMerging(double ratio) : ratio_(ratio) {}

  Tensor replace_self_attention(const AttentionSite& site, const StepInfo& step,
                                const SelfAttention& of) const override {
    const int64_t tokens = of.q.dim(1), height = step.latent_height, width = step.latent_width;
    const auto count = static_cast<int64_t>(static_cast<double>(tokens) * ratio_);
    if (tokens != height * width || count <= 0 || height == 1 || width == 1 || !step.random) return {};
    const Split split = draw(height, width, *step.random);
    std::vector<Tensor> out;
    for (int64_t i = 0; i < of.q.dim(0); ++i) {
      const auto sample = [&](const Tensor& t) { return contiguous(t.slice(0, i, 1)); };
      const Merging merging = plan(split, compare(convert(sample(of.rows), DType::kF32), split), count);
      const Tensor queries = merged(sample(of.q), merging);
      out.push_back(
          rows_of(ops::attention(queries, of.k.slice(0, i, 1), of.v.slice(0, i, 1), site.heads), merging.place));
    }
    return out.size() == 1 ? out[0] : ops::concat(out, 0);
  }

 private:
  double ratio_;
};

}  // namespace

AttentionHookPtr merge_tokens(double ratio) { return std::make_shared<const TokenMerging>(ratio); }

}  // namespace easel::models
