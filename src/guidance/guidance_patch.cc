#include "guidance/guidance_patch.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "ops/attention.h"
#include "sampling/map.h"

namespace easel::guidance {
namespace {

// A patch whose work needs nothing but numbers: Step is made from them for each run.
template <class Step, class... Numbers>
class PatchOf final : public GuidancePatch {
 public:
  explicit PatchOf(Numbers... numbers) : numbers_(numbers...) {}
  std::unique_ptr<GuidanceStep> start() const override {
    return std::apply([](auto... n) { return std::make_unique<Step>(n...); }, numbers_);
  }
  bool always_uncond() const override { return Step::kNeedsUncond; }

 private:
  std::tuple<Numbers...> numbers_;
};

// The standard deviation of each sample's values, of which there are n - 1 free ones.
std::vector<float> deviations(const Tensor& t) {
  const int64_t each = t.numel() / t.dim(0);
  std::vector<float> out;
  for (int64_t b = 0; b < t.dim(0); ++b) {
    const float* v = t.f32() + b * each;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < each; ++i) sum += v[i];
    const double mean = sum / static_cast<double>(each);
    for (int64_t i = 0; i < each; ++i) squares += (v[i] - mean) * (v[i] - mean);
    out.push_back(static_cast<float>(std::sqrt(squares / static_cast<double>(std::max<int64_t>(1, each - 1)))));
  }
  return out;
}

class RescaleCfg final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;
  explicit RescaleCfg(double multiplier) : multiplier_(static_cast<float>(multiplier)) {}

  bool combine(GuidanceMoment& m) override {
    const float sigma = m.sigma, variance = sigma * sigma + 1, root = std::sqrt(variance);
    const auto cfg = static_cast<float>(m.cfg);
    // As velocities, whatever the model says itself.
    const auto velocity = [=](float x, float picture) { return (x / variance - picture) * root / sigma; };
    const Tensor cond = sampling::map(velocity, m.x, m.cond), uncond = sampling::map(velocity, m.x, m.uncond);
    Tensor guided = sampling::map([=](float c, float u) { return u + cfg * (c - u); }, cond, uncond);
    const auto wanted = deviations(cond), got = deviations(guided);
    const int64_t each = guided.numel() / guided.dim(0);
    for (int64_t i = 0; i < guided.numel(); ++i) {
      const auto b = static_cast<size_t>(i / each);
      float& v = guided.f32()[i];
      v = multiplier_ * (v * (wanted[b] / got[b])) + (1.0f - multiplier_) * v;
    }
    m.denoised = sampling::map([=](float x, float v) { return x / variance - v * sigma / root; }, m.x, guided);
    return true;
  }

 private:
  float multiplier_;
};

// The middle block's attention to itself lets every pixel see itself only.
class ValuesOnly final : public models::AttentionHook {
 public:
  Tensor replace_self_attention(const models::AttentionSite& site, const models::StepInfo&, const Tensor&,
                                const Tensor&, const Tensor& v) const override {
    return site.block == models::BlockKind::kMiddle ? contiguous(v) : Tensor();
  }
};

class PerturbedAttention final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;
  explicit PerturbedAttention(double scale) : scale_(static_cast<float>(scale)) {}

  void after(GuidanceMoment& m) override {
    if (scale_ == 0) return;
    const Tensor perturbed = m.evaluate(GuidanceMoment::Side::kPositive, m.x, std::make_shared<const ValuesOnly>());
    m.denoised = sampling::map([s = scale_](float d, float c, float p) { return d + (c - p) * s; }, m.denoised, m.cond,
                               perturbed);
  }

 private:
  float scale_;
};

// Remembers where the first transformer of the middle block looks in the unconditional half.
class LookRecorder final : public models::AttentionHook {
 public:
  Tensor replace_self_attention(const models::AttentionSite& site, const models::StepInfo& step, const Tensor& q,
                                const Tensor& k, const Tensor& v) const override {
    if (site.block != models::BlockKind::kMiddle || site.transformer != 0) return Tensor();
    const auto found = std::find(step.cond_or_uncond.begin(), step.cond_or_uncond.end(), 1);
    if (found != step.cond_or_uncond.end()) record(site, step, found - step.cond_or_uncond.begin(), q, k);
    // Its own result, so that this transformer stays as it is when other guidance disturbs the middle block.
    return ops::attention(q, k, v, site.heads);
  }
  // [N,h,w] of the last evaluation; undefined before any.
  Tensor looks() const {
    std::lock_guard lock(mutex_);
    return looks_;
  }

 private:
  void record(const models::AttentionSite& site, const models::StepInfo& step, int64_t chunk, const Tensor& q,
              const Tensor& k) const {
    const int64_t samples = q.dim(0) / std::ssize(step.cond_or_uncond);
    const int64_t first = chunk * samples;
    const Tensor looks = attention_received(convert(q.slice(0, first, samples), DType::kF32).to(kHost),
                                            convert(k.slice(0, first, samples), DType::kF32).to(kHost), site.heads);
    std::lock_guard lock(mutex_);
    looks_ = looks.view({samples, site.height, site.width});
  }

  // How much attention each token [N,T] gets from all tokens together, as the mean over the heads.
  static Tensor attention_received(const Tensor& q, const Tensor& k, int64_t heads) {
    const int64_t n = q.dim(0), tokens = q.dim(1), width = q.dim(2), size = width / heads;
    const float scale = 1 / std::sqrt(static_cast<float>(size));
    Tensor out = Tensor::zeros({n, tokens});
    std::mutex sum_mutex;
    parallel_for(n * heads, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> row(static_cast<size_t>(tokens)), sum(static_cast<size_t>(tokens));
      for (int64_t job = begin; job < end; ++job) {
        const int64_t offset = job / heads * tokens * width + job % heads * size;
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (int64_t i = 0; i < tokens; ++i) {
          float most = -std::numeric_limits<float>::infinity(), total = 0;
          for (int64_t j = 0; j < tokens; ++j) {
            const float *a = q.f32() + offset + i * width, *b = k.f32() + offset + j * width;
            float dot = 0;
            for (int64_t c = 0; c < size; ++c) dot += a[c] * b[c];
            row[static_cast<size_t>(j)] = dot * scale;
            most = std::max(most, dot * scale);
          }
          for (float& v : row) total += v = std::exp(v - most);
          for (size_t j = 0; j < row.size(); ++j) sum[j] += row[j] / total;
        }
        std::lock_guard lock(sum_mutex);
        float* to = out.f32() + job / heads * tokens;
        for (size_t j = 0; j < sum.size(); ++j) to[j] += sum[j] / static_cast<float>(heads);
      }
    });
    return out;
  }

  mutable std::mutex mutex_;
  mutable Tensor looks_;
};

// Gaussian over 9x9 pixels of [N,h,w,C], borders mirrored; h and w above 4.
Tensor blurred(const Tensor& x, float sigma) {
  constexpr int64_t kReach = 4;
  std::vector<float> kernel;
  float total = 0;
  for (int64_t i = -kReach; i <= kReach; ++i) {
    const float at = static_cast<float>(i) / sigma;
    kernel.push_back(std::exp(-0.5f * at * at));
    total += kernel.back();
  }
  const auto along = [&](const Tensor& from, int64_t size, int64_t stride) {
    Tensor to(from.shape());
    for (int64_t i = 0; i < from.numel(); ++i) {
      const int64_t at = i / stride % size;
      float sum = 0;
      for (int64_t k = -kReach; k <= kReach; ++k) {
        int64_t other = std::abs(at + k);
        if (other >= size) other = 2 * (size - 1) - other;
        sum += from.f32()[i + (other - at) * stride] * (kernel[static_cast<size_t>(k + kReach)] / total);
      }
      to.f32()[i] = sum;
    }
    return to;
  };
  return along(along(x, x.dim(1), x.dim(2) * x.dim(3)), x.dim(2), x.dim(3));
}

class SelfAttention final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = true;
  SelfAttention(double scale, double blur_sigma)
      : scale_(static_cast<float>(scale)), sigma_(static_cast<float>(blur_sigma)) {}

  models::AttentionHookPtr hook() const override { return recorder_; }

  void after(GuidanceMoment& m) override {
    const Tensor looks = recorder_->looks();
    // Too small to blur, or a model without attention in its middle.
    if (std::min(m.x.dim(1), m.x.dim(2)) <= 4 || !looks.defined()) return;
    const Tensor degraded = degrade(m.uncond, looks);
    const Tensor noisy = sampling::map([](float d, float x, float u) { return d + x - u; }, degraded, m.x, m.uncond);
    const Tensor again = m.evaluate(GuidanceMoment::Side::kNegative, noisy, nullptr);
    m.denoised =
        sampling::map([s = scale_](float v, float d, float a) { return v + (d - a) * s; }, m.denoised, degraded, again);
  }

 private:
  // Blurs what gets more attention than a token gives.
  Tensor degrade(const Tensor& picture, const Tensor& looks) const {
    if (sigma_ <= 0) return picture;
    Tensor out = blurred(picture, sigma_);
    const int64_t h = out.dim(1), w = out.dim(2), channels = out.dim(3), rows = looks.dim(1), columns = looks.dim(2);
    for (int64_t i = 0; i < out.numel(); ++i) {
      const int64_t x = i / channels % w, y = i / channels / w % h, n = i / channels / w / h;
      const int64_t from = (n * rows + y * rows / h) * columns + x * columns / w;
      if (!(looks.f32()[from] > 1.0f)) out.f32()[i] = picture.f32()[i];
    }
    return out;
  }

  float scale_, sigma_;
  std::shared_ptr<const LookRecorder> recorder_ = std::make_shared<const LookRecorder>();
};

class ZeroStar final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;

  void after(GuidanceMoment& m) override {
    const int64_t each = m.x.numel() / m.x.dim(0);
    const auto cfg = static_cast<float>(m.cfg);
    for (int64_t b = 0; b < m.x.dim(0); ++b) {
      const float *x = m.x.f32() + b * each, *c = m.cond.f32() + b * each, *u = m.uncond.f32() + b * each;
      double dot = 0, squares = 1e-8;
      for (int64_t i = 0; i < each; ++i) {
        dot += static_cast<double>((x[i] - c[i]) * (x[i] - u[i]));
        squares += static_cast<double>((x[i] - u[i]) * (x[i] - u[i]));
      }
      const auto alpha = static_cast<float>(dot / squares);
      float* out = m.denoised.f32() + b * each;
      for (int64_t i = 0; i < each; ++i) out[i] += u[i] * (alpha - 1) + cfg * u[i] * (1 - alpha);
    }
  }
};

class Norm final : public GuidanceStep {
 public:
  static constexpr bool kNeedsUncond = false;
  explicit Norm(double strength) : strength_(static_cast<float>(strength)) {}

  void after(GuidanceMoment& m) override {
    const int64_t channels = m.x.dim(3);
    const auto length = [=](const float* v) {
      float squares = 0;
      for (int64_t i = 0; i < channels; ++i) squares += v[i] * v[i];
      return std::sqrt(squares);
    };
    for (int64_t i = 0; i < m.x.numel(); i += channels) {
      float* out = m.denoised.f32() + i;
      const float scale = std::clamp(length(m.cond.f32() + i) / (length(out) + 1e-8f), 0.0f, 1.0f);
      for (int64_t c = 0; c < channels; ++c) out[c] = out[c] * scale * strength_;
    }
  }

 private:
  float strength_;
};

template <class Step, class... Numbers>
models::SamplingPatchPtr patch(Numbers... numbers) {
  return std::make_shared<const PatchOf<Step, Numbers...>>(numbers...);
}

}  // namespace

models::SamplingPatchPtr rescale_cfg(double multiplier) { return patch<RescaleCfg>(multiplier); }
models::SamplingPatchPtr perturbed_attention_guidance(double scale) { return patch<PerturbedAttention>(scale); }
models::SamplingPatchPtr self_attention_guidance(double scale, double blur_sigma) {
  return patch<SelfAttention>(scale, blur_sigma);
}
models::SamplingPatchPtr cfg_zero_star() { return patch<ZeroStar>(); }
models::SamplingPatchPtr cfg_norm(double strength) { return patch<Norm>(strength); }

}  // namespace easel::guidance
