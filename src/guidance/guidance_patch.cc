#include "guidance/guidance_patch.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/attention.h"

namespace easel::guidance {
namespace {

// A patch that consists of numbers: each run constructs its Step from them.
template <class Step, class... Numbers>
class PatchOf final : public models::ModelPatch {
 public:
  explicit PatchOf(Numbers... numbers) : numbers_(numbers...) {}
  std::string_view kind() const override { return "guidance"; }
  std::unique_ptr<GuidanceStep> guidance() const override {
    return std::apply([](auto... n) { return std::make_unique<Step>(n...); }, numbers_);
  }
  bool always_uncond() const override { return Step::kNeedsUncond; }

 private:
  std::tuple<Numbers...> numbers_;
};

// The sum over each sample of [N,h,w,C]: [N,1,1,1].
Tensor sample_sum(const Tensor& t) { return ops::reduce(t, ops::Reduction::kSum, 1, 3); }

// The standard deviation of each sample's values, with n - 1 degrees of freedom.
Tensor deviations(const Tensor& t) {
  const Tensor off = ops::map([](auto v, auto mean) { return (v - mean) * (v - mean); }, t,
                              ops::reduce(t, ops::Reduction::kMean, 1, 3));
  const auto free = static_cast<float>(std::max<int64_t>(1, t.numel() / t.dim(0) - 1));
  return ops::map([=](auto squares) { return sqrt(squares / free); }, sample_sum(off));
}

class RescaleCfg final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;
  explicit RescaleCfg(double multiplier) : multiplier_(static_cast<float>(multiplier)) {}

  bool combine(GuidanceMoment& m) override {
    const float sigma = m.sigma, variance = sigma * sigma + 1, root = std::sqrt(variance);
    const auto cfg = static_cast<float>(m.cfg);
    // In terms of velocities, whatever the model predicts.
    const auto velocity = [=](auto x, auto picture) { return (x / variance - picture) * root / sigma; };
    const Tensor cond = ops::map(velocity, m.x, m.cond), uncond = ops::map(velocity, m.x, m.uncond);
    const Tensor guided = ops::map([=](auto c, auto u) { return u + cfg * (c - u); }, cond, uncond);
    m.denoised = ops::map(
        [=, part = multiplier_](auto x, auto v, auto wanted, auto got) {
          const auto rescaled = part * (v * (wanted / got)) + (1 - part) * v;
          return x / variance - rescaled * sigma / root;
        },
        m.x, guided, deviations(cond), deviations(guided));
    return true;
  }

 private:
  float multiplier_;
};

// Replaces the middle block's self-attention by the identity: every pixel attends to itself only.
class ValuesOnly final : public models::AttentionHook {
 public:
  Tensor replace_self_attention(const models::AttentionSite& site, const models::StepInfo&,
                                const models::SelfAttention& of) const override {
    return site.block == models::BlockKind::kMiddle ? contiguous(of.v) : Tensor();
  }
};

class PerturbedAttention final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;
  explicit PerturbedAttention(double scale) : scale_(static_cast<float>(scale)) {}

  void after(GuidanceMoment& m) override {
    if (scale_ == 0) return;
    const Tensor perturbed = m.evaluate(GuidanceMoment::Side::kPositive, m.x, std::make_shared<const ValuesOnly>());
    m.denoised =
        ops::map([s = scale_](auto d, auto c, auto p) { return d + (c - p) * s; }, m.denoised, m.cond, perturbed);
  }

 private:
  float scale_;
};

// Records the attention map of the middle block's first transformer in the unconditional evaluation.
class AttentionRecorder final : public models::AttentionHook {
 public:
  Tensor replace_self_attention(const models::AttentionSite& site, const models::StepInfo& step,
                                const models::SelfAttention& of) const override {
    if (site.block != models::BlockKind::kMiddle || site.transformer != 0) return Tensor();
    const auto found = std::find(step.cond_or_uncond.begin(), step.cond_or_uncond.end(), 1);
    if (found != step.cond_or_uncond.end()) record(site, step, found - step.cond_or_uncond.begin(), of.q, of.k);
    // Returns the usual result rather than none, so that other guidance does not replace this transformer's attention.
    return ops::attention(of.q, of.k, of.v, site.heads);
  }
  // The attention that each pixel received in the last evaluation, [N,h,w,1] on the host; undefined before the first.
  Tensor attention_map() const {
    const MutexLock lock(mutex_);
    return attention_map_;
  }

 private:
  void record(const models::AttentionSite& site, const models::StepInfo& step, int64_t chunk, const Tensor& q,
              const Tensor& k) const {
    const int64_t samples = q.dim(0) / std::ssize(step.cond_or_uncond);
    const int64_t first = chunk * samples;
    const Tensor received =
        ops::attention_received(q.slice(0, first, samples), k.slice(0, first, samples), site.heads).to(kHost);
    const MutexLock lock(mutex_);
    attention_map_ = received.view({samples, site.height, site.width, 1});
  }

  mutable Mutex mutex_;
  mutable Tensor attention_map_ EASEL_GUARDED_BY(mutex_);
};

// [N,h,w,C] blurred by a Gaussian kernel of 9x9 pixels, with mirrored borders; h and w above 4.
Tensor blurred(const Tensor& x, float sigma) {
  constexpr int64_t kReach = 4;
  std::vector<float> kernel;
  float total = 0;
  for (int64_t i = -kReach; i <= kReach; ++i) {
    const float at = static_cast<float>(i) / sigma;
    kernel.push_back(std::exp(-0.5f * at * at));
    total += kernel.back();
  }
  for (float& k : kernel) k /= total;
  const auto mirrored = [&](int64_t size) {
    ops::Taps taps{2 * kReach + 1, {}, {}};
    for (int64_t i = 0; i < size; ++i)
      for (int64_t k = -kReach; k <= kReach; ++k) {
        const int64_t at = std::abs(i + k);
        taps.index.push_back(at < size ? at : 2 * (size - 1) - at);
        taps.weight.push_back(kernel[static_cast<size_t>(k + kReach)]);
      }
    return taps;
  };
  return ops::resample(x, mirrored(x.dim(1)), mirrored(x.dim(2)));
}

class SelfAttention final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = true;
  SelfAttention(double scale, double blur_sigma)
      : scale_(static_cast<float>(scale)), sigma_(static_cast<float>(blur_sigma)) {}

  models::AttentionHookPtr hook() const override { return recorder_; }

  void after(GuidanceMoment& m) override {
    const Tensor attention = recorder_->attention_map();
    // The latent is too small to blur, or the model's middle block has no attention.
    if (std::min(m.x.dim(1), m.x.dim(2)) <= 4 || !attention.defined()) return;
    const Tensor degraded = degrade(m.uncond, attention);
    const Tensor noisy = ops::map([](auto d, auto x, auto u) { return d + x - u; }, degraded, m.x, m.uncond);
    const Tensor again = m.evaluate(GuidanceMoment::Side::kNegative, noisy, nullptr);
    m.denoised =
        ops::map([s = scale_](auto v, auto d, auto a) { return v + (d - a) * s; }, m.denoised, degraded, again);
  }

 private:
  // Blurs the pixels that receive more than an average share of attention (a token gives 1 in all).
  Tensor degrade(const Tensor& picture, const Tensor& attention) const {
    if (sigma_ <= 0) return picture;
    const Tensor large = ops::resample(attention, ops::nearest_taps(attention.dim(1), picture.dim(1)),
                                       ops::nearest_taps(attention.dim(2), picture.dim(2)));
    return ops::map([](auto sharp, auto soft, auto share) { return select(share > 1, soft, sharp); }, picture,
                    blurred(picture, sigma_), large);
  }

  float scale_, sigma_;
  std::shared_ptr<const AttentionRecorder> recorder_ = std::make_shared<const AttentionRecorder>();
};

class ZeroStar final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;

  void after(GuidanceMoment& m) override {
    const auto cfg = static_cast<float>(m.cfg);
    const Tensor along =
        sample_sum(ops::map([](auto x, auto c, auto u) { return (x - c) * (x - u); }, m.x, m.cond, m.uncond));
    const Tensor squares = sample_sum(ops::map([](auto x, auto u) { return (x - u) * (x - u); }, m.x, m.uncond));
    m.denoised = ops::map(
        [=](auto out, auto u, auto dot, auto square) {
          const auto alpha = dot / (square + 1e-8f);
          return out + (u * (alpha - 1) + cfg * u * (1 - alpha));
        },
        m.denoised, m.uncond, along, squares);
  }
};

class Norm final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;
  explicit Norm(double strength) : strength_(static_cast<float>(strength)) {}

  void after(GuidanceMoment& m) override {
    const auto squares = [](const Tensor& t) {
      return ops::reduce(ops::map([](auto v) { return v * v; }, t), ops::Reduction::kSum, 3, 3);
    };
    m.denoised = ops::map(
        [strength = strength_](auto out, auto wanted, auto got) {
          return out * clamp(sqrt(wanted) / (sqrt(got) + 1e-8f), 0, 1) * strength;
        },
        m.denoised, squares(m.cond), squares(m.denoised));
  }

 private:
  float strength_;
};

template <class Step, class... Numbers>
models::ModelPatchPtr patch(Numbers... numbers) {
  return std::make_shared<const PatchOf<Step, Numbers...>>(numbers...);
}

}  // namespace

models::ModelPatchPtr rescale_cfg(double multiplier) { return patch<RescaleCfg>(multiplier); }
models::ModelPatchPtr perturbed_attention_guidance(double scale) { return patch<PerturbedAttention>(scale); }
models::ModelPatchPtr self_attention_guidance(double scale, double blur_sigma) {
  return patch<SelfAttention>(scale, blur_sigma);
}
models::ModelPatchPtr cfg_zero_star() { return patch<ZeroStar>(); }
models::ModelPatchPtr cfg_norm(double strength) { return patch<Norm>(strength); }

}  // namespace easel::guidance
