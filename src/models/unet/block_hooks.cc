#include "models/unet/block_hooks.h"

#include <algorithm>

#include "image/scale/taps.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"

namespace easel::models {
namespace {

class FreeUHook final : public BlockHook {
 public:
  FreeUHook(const FreeU& options, int64_t width) : options_(options), width_(width) {}

  void before_output(const StepInfo&, Tensor& h, Tensor& skip) const override {
    const bool four = h.dim(3) == width_ * 4, two = h.dim(3) == width_ * 2;
    if (!four && !two) return;
    h = strengthened(h, four ? options_.backbone4 : options_.backbone2);
    skip = ops::scale_low_frequencies(skip, four ? options_.skip4 : options_.skip2);
  }

 private:
  Tensor strengthened(const Tensor& h, float by) const {
    Tensor out = clone(h);
    const Tensor half = out.slice(3, 0, h.dim(3) / 2);
    if (!options_.by_mean) {
      ops::update(half, [=](auto v) { return v * by; });
      return out;
    }
    const Tensor mean = ops::reduce(h, ops::Reduction::kMean, 3, 3);
    const Tensor least = ops::reduce(mean, ops::Reduction::kMin, 1, 2);
    const Tensor most = ops::reduce(mean, ops::Reduction::kMax, 1, 2);
    ops::update(
        half,
        [=](auto v, auto m, auto low, auto high) {
          const auto range = high - low;
          // The reference divides 0 by 0 on a map that is the same everywhere.
          return v * ((by - 1) * select(range > 0, (m - low) / range, 0) + 1);
        },
        mean, least, most);
    return out;
  }

  FreeU options_;
  int64_t width_;
};

// image::resize() by ops, for the methods that are weighted sums of rows and columns; other methods run on the host.
Tensor resized(const Tensor& h, image::Size size, image::ResizeMethod method) {
  using image::ResizeMethod;
  const auto along = [&](int64_t from, int64_t to) -> ops::Taps {
    if (method == ResizeMethod::kNearestExact) return {1, image::nearest_exact_index(from, to), {}};
    const image::Taps taps = method == ResizeMethod::kBilinear ? image::linear_taps(from, to)
                             : method == ResizeMethod::kArea   ? image::area_taps(from, to)
                                                               : image::cubic_taps(from, to);
    return {taps.count, taps.index, taps.weight};
  };
  if (method == ResizeMethod::kLanczos || method == ResizeMethod::kBislerp)
    return image::resize(h.to(kHost), size, method).to(h.device());
  return ops::resample(h, along(h.dim(1), size.height), along(h.dim(2), size.width));
}

class DeepShrinkHook final : public BlockHook {
 public:
  explicit DeepShrinkHook(const DeepShrink& options) : options_(options) {}

  Tensor before_skip(int index, const StepInfo& step, const Tensor& h) const override {
    return options_.after_skip ? h : shrunk(index, step, h);
  }
  Tensor after_skip(int index, const StepInfo& step, const Tensor& h) const override {
    return options_.after_skip ? shrunk(index, step, h) : h;
  }
  void before_output(const StepInfo&, Tensor& h, Tensor& skip) const override {
    if (h.dim(1) != skip.dim(1) || h.dim(2) != skip.dim(2)) h = resized(h, {skip.dim(2), skip.dim(1)}, options_.up);
  }

 private:
  Tensor shrunk(int index, const StepInfo& step, const Tensor& h) const {
    if (index != options_.block || step.sigma > options_.first_sigma || step.sigma < options_.last_sigma) return h;
    const auto side = [&](int64_t size) {
      return std::max<int64_t>(1, image::round_half_even(static_cast<double>(size) * (1.0 / options_.factor)));
    };
    return resized(h, {side(h.dim(2)), side(h.dim(1))}, options_.down);
  }

  DeepShrink options_;
};

}  // namespace

BlockHookPtr free_u(const FreeU& options, const UNetConfig& config) {
  return std::make_shared<const FreeUHook>(options, config.model_channels);
}

BlockHookPtr deep_shrink(const DeepShrink& options) { return std::make_shared<const DeepShrinkHook>(options); }

}  // namespace easel::models
