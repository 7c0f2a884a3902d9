#include "models/unet/style_aligned.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr float kEps = 1e-5f;

class Aligned final : public AttentionHook {
 public:
  explicit Aligned(const StyleAligned& how) : how_(how) {}

  bool align_rows(const StepInfo& step, Tensor& q, Tensor& k, Tensor& v) const override {
    if (how_.align_queries) q = aligned(step, q);
    if (how_.align_keys) k = aligned(step, k);
    if (how_.align_values) v = aligned(step, v);
    k = ops::concat({k, of_first(step, k, how_.scale)}, 1);
    v = ops::concat({v, of_first(step, v)}, 1);
    return true;
  }

  Tensor beside_in_norms(const StepInfo& step, const Tensor& x) const override {
    return how_.share_norms ? of_first(step, x) : Tensor();
  }

 private:
  // As many as there are in t, each the first of its chunk; those of the others times `scale`.
  static Tensor of_first(const StepInfo& step, const Tensor& t, float scale = 1) {
    const int64_t chunks = std::max<int64_t>(1, static_cast<int64_t>(step.cond_or_uncond.size()));
    const int64_t size = t.dim(0) / chunks;
    std::vector<Tensor> out;
    for (int64_t first = 0; first < t.dim(0); first += size) {
      const Tensor style = contiguous(t.slice(0, first, 1));
      out.push_back(style);
      if (size > 1) out.push_back(ops::repeat(scale == 1 ? style : ops::affine(style, scale), size - 1));
    }
    return ops::concat(out, 0);
  }

  // With the first picture's mean and deviation of each channel.
  static Tensor aligned(const StepInfo& step, const Tensor& rows) {
    // torch's deviation, of one fewer than there are.
    const float fewer = 1.0f / static_cast<float>(std::max<int64_t>(1, rows.dim(1) - 1));
    const Tensor mean = ops::reduce(rows, ops::Reduction::kMean, 1, 1);
    const Tensor squares =
        ops::reduce(ops::map([](auto v, auto m) { return (v - m) * (v - m); }, convert(rows, DType::kF32), mean),
                    ops::Reduction::kSum, 1, 1);
    const Tensor deviation = ops::map([fewer](auto s) { return ops::sqrt(s * fewer + kEps); }, squares);
    return ops::map([](auto v, auto m, auto d, auto new_m, auto new_d) { return (v - m) / d * new_d + new_m; }, rows,
                    mean, deviation, of_first(step, mean), of_first(step, deviation));
  }

  StyleAligned how_;
};

}  // namespace

std::shared_ptr<const AttentionHook> style_aligned(const StyleAligned& how) {
  return std::make_shared<const Aligned>(how);
}

}  // namespace easel::models
