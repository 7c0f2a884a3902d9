#include "guidance/further_guidance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "guidance/zeros.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "tensor/memory_guard.h"

namespace easel::guidance {
namespace {

// A patch whose runs each construct their Step from the same values.
template <class Step, class... Values>
class PatchOf final : public models::ModelPatch {
 public:
  explicit PatchOf(Values... values) : values_(std::move(values)...) {}
  std::string_view kind() const override { return "guidance"; }
  std::unique_ptr<GuidanceStep> guidance() const override {
    return std::apply([](const auto&... v) { return std::make_unique<Step>(v...); }, values_);
  }

 private:
  std::tuple<Values...> values_;
};

template <class Step, class... Values>
models::ModelPatchPtr patch(Values... values) {
  return std::make_shared<const PatchOf<Step, Values...>>(std::move(values)...);
}

// The sum over each sample of products of two maps, [N,1,1,1].
Tensor dot(const Tensor& a, const Tensor& b) {
  return ops::reduce(ops::map([](auto x, auto y) { return x * y; }, a, b), ops::Reduction::kSum, 1, 3);
}

class TangentialDamping final : public GuidanceStep {
 public:
  // The first right singular vector of the two noises as rows is a combination of them, whose weights are the first
  // eigenvector of the 2x2 matrix of their products.
  void before(GuidanceMoment& m) override {
    if (all_zero(m.uncond)) return;  // the negative list is not evaluated, or there is none
    const auto minus = [](auto x, auto p) { return x - p; };
    const Tensor u = ops::map(minus, m.x, m.uncond), c = ops::map(minus, m.x, m.cond);
    m.uncond = ops::map(
        [](auto x, auto un, auto co, auto uu, auto cc, auto uc) {
          const auto apart = sqrt((uu - cc) * (uu - cc) + 4 * uc * uc);
          // Without a first direction (noises of one length at right angles) any of them is as good.
          const auto some = apart > 0;
          const auto square = select(some, 0.5f * (1 + (uu - cc) / apart), 1.0f);
          const auto both = select(some, uc / apart, 0.0f);
          return x - (square * un + both * co);
        },
        m.x, u, c, dot(u, u), dot(c, c), dot(u, c));
  }
};

class Projected final : public GuidanceStep {
 public:
  Projected(double eta, double threshold, double momentum)
      : eta_(static_cast<float>(eta)),
        threshold_(static_cast<float>(threshold)),
        momentum_(static_cast<float>(momentum)) {}

  void before(GuidanceMoment& m) override {
    if (m.sigma > last_sigma_) average_ = {};
    last_sigma_ = m.sigma;
    const Tensor plain = ops::map([](auto c, auto u) { return c - u; }, m.cond, m.uncond);
    Tensor guidance = plain;
    if (momentum_ > 0) {
      if (average_.defined())
        guidance = ops::map([by = momentum_](auto old, auto g) { return by * old + g; }, average_, plain);
      average_ = guidance;
    }
    if (threshold_ > 0)
      guidance = ops::map([most = threshold_](auto g, auto squares) { return g * min(most / sqrt(squares), 1.0f); },
                          guidance, dot(guidance, guidance));
    const auto scale = static_cast<float>(m.cfg);
    m.cond = ops::map(
        [=, eta = eta_](auto c, auto u, auto g, auto along, auto squares) {
          const auto length = max(sqrt(squares), 1e-12f);
          const auto parallel = along / length * (c / length);
          return (u + ((g - parallel) + eta * parallel)) + (c - u) / scale;
        },
        m.cond, m.uncond, guidance, dot(guidance, m.cond), dot(m.cond, m.cond));
  }

 private:
  float eta_, threshold_, momentum_;
  float last_sigma_ = std::numeric_limits<float>::infinity();
  Tensor average_;
};

// The frequencies of a side that Python's slice [size/2 - cutoff : size/2 + cutoff] of the shifted spectrum selects,
// where a negative begin counts from the end.
std::set<int64_t> low_frequencies(int64_t size, int64_t cutoff) {
  const int64_t centre = size / 2;
  int64_t begin = centre - cutoff;
  if (begin < 0) begin = std::max<int64_t>(begin + size, 0);
  std::set<int64_t> out;
  for (int64_t i = begin; i < std::min(centre + cutoff, size); ++i) out.insert(i - centre);
  return out;
}

// The real and the imaginary part of the projection to some frequencies of a side, as sums over all its pixels.
std::pair<ops::Taps, ops::Taps> projection(int64_t size, const std::set<int64_t>& frequencies) {
  std::vector<float> real, imaginary;  // by the distance of two pixels, modulo the size
  for (int64_t d = 0; d < size; ++d) {
    double re = 0, im = 0;
    for (const int64_t k : frequencies) {
      const double turn = 2 * std::numbers::pi * static_cast<double>(k * d % size) / static_cast<double>(size);
      re += std::cos(turn);
      im += std::sin(turn);
    }
    real.push_back(static_cast<float>(re / static_cast<double>(size)));
    imaginary.push_back(static_cast<float>(im / static_cast<double>(size)));
  }
  std::pair<ops::Taps, ops::Taps> out{{size, {}, {}}, {size, {}, {}}};
  for (ops::Taps* taps : {&out.first, &out.second}) {
    taps->index.reserve(static_cast<size_t>(size * size));
    taps->weight.reserve(static_cast<size_t>(size * size));
  }
  for (int64_t i = 0; i < size; ++i) {
    poll_cancelled();
    for (int64_t j = 0; j < size; ++j) {
      const auto d = static_cast<size_t>((i - j + size) % size);
      out.first.index.push_back(j);
      out.first.weight.push_back(real[d]);
      out.second.index.push_back(j);
      out.second.weight.push_back(imaginary[d]);
    }
  }
  return out;
}

// What the projections of a map's two sides take.
size_t projection_bytes(int64_t height, int64_t width) {
  return static_cast<size_t>(height * height + width * width) * 2 * (sizeof(int64_t) + sizeof(float));
}

class Frequencies final : public GuidanceStep {
 public:
  Frequencies(double low, double high, int64_t cutoff)
      : low_(static_cast<float>(low)), high_(static_cast<float>(high)), cutoff_(cutoff) {}

  void before(GuidanceMoment& m) override {
    const Tensor guidance = ops::map([](auto c, auto u) { return c - u; }, m.cond, m.uncond);
    const int64_t height = guidance.dim(1), width = guidance.dim(2);
    if (!rows_ || rows_->first.size() != height || columns_->first.size() != width) {
      rows_.reset();
      columns_.reset();
      claim_.reset();
      claim_.emplace(projection_bytes(height, width));
      rows_ = projection(height, low_frequencies(height, cutoff_));
      columns_ = projection(width, low_frequencies(width, cutoff_));
    }
    const Tensor real = ops::resample(guidance, rows_->first, columns_->first);
    const Tensor imaginary = ops::resample(guidance, rows_->second, columns_->second);
    m.cond = ops::map([high = high_, more = low_ - high_](auto g, auto re, auto im,
                                                          auto u) { return high * g + more * (re - im) + u; },
                      guidance, real, imaginary, m.uncond);
  }

 private:
  float low_, high_;
  int64_t cutoff_;
  std::optional<MemoryClaim> claim_;  // for the two below
  std::optional<std::pair<ops::Taps, ops::Taps>> rows_, columns_;
};

class Operated final : public GuidanceStep {
 public:
  explicit Operated(LatentOperationPtr operation) : operation_(std::move(operation)) {}

  void before(GuidanceMoment& m) override {
    const Tensor changed = (*operation_)(ops::map([](auto c, auto u) { return c - u; }, m.cond, m.uncond));
    m.cond = ops::map([](auto g, auto u) { return g + u; }, changed, m.uncond);
  }

 private:
  LatentOperationPtr operation_;
};

class Mahiro final : public GuidanceStep {
 public:
  void after(GuidanceMoment& m) override {
    const auto scale = static_cast<float>(m.cfg);
    const auto root = [](auto v) { return sqrt(abs(v)) * ((v > 0) - (v < 0)); };
    const Tensor negative = ops::map([=](auto u) { return root(u * scale); }, m.uncond);
    const Tensor merged =
        ops::map([=](auto c, auto guided) { return root((c * scale + guided) / 2); }, m.cond, m.denoised);
    const auto pixel_dot = [](const Tensor& a, const Tensor& b) {
      return ops::reduce(ops::map([](auto x, auto y) { return x * y; }, a, b), ops::Reduction::kSum, 3, 3);
    };
    const Tensor cosines =
        ops::map([](auto ab, auto aa, auto bb) { return ab / (max(sqrt(aa), 1e-8f) * max(sqrt(bb), 1e-8f)); },
                 pixel_dot(negative, merged), pixel_dot(negative, negative), pixel_dot(merged, merged));
    // One number for all pictures of the batch, as in the reference.
    const Tensor alike = ops::reduce(cosines, ops::Reduction::kMean, 0, 3);
    m.denoised = ops::map(
        [=](auto guided, auto c, auto similarity) {
          const auto weight = 2 * (similarity + 1);
          return (weight * guided + (4 - weight) * (c * scale)) / 4;
        },
        m.denoised, m.cond, alike);
  }
};

class Renormed final : public GuidanceStep {
 public:
  Renormed(double below, double most) : below_(static_cast<float>(below)), most_(static_cast<float>(most)) {}

  bool combine(GuidanceMoment& m) override {
    m.denoised = m.cond;
    if (!(m.sigma < below_)) return true;
    const auto scale = static_cast<float>(m.cfg);
    const Tensor guided = ops::map([=](auto c, auto u) { return u + scale * (c - u); }, m.cond, m.uncond);
    m.denoised = guided;
    if (most_ > 0)
      m.denoised = ops::map(
          [most = most_](auto g, auto wanted, auto got) {
            const auto limit = sqrt(wanted) * most, length = sqrt(got);
            return select(length >= limit, g * (limit / length), g);
          },
          guided, dot(m.cond, m.cond), dot(guided, guided));
    return true;
  }

 private:
  float below_, most_;
};

class ScaledNoise final : public GuidanceStep {
 public:
  explicit ScaledNoise(double factor) : factor_(static_cast<float>(factor)) {}

  void after(GuidanceMoment& m) override {
    m.denoised = ops::map([by = factor_](auto x, auto d) { return x - (x - d) / by; }, m.x, m.denoised);
  }

 private:
  float factor_;
};

class RescaledScore final : public GuidanceStep {
 public:
  RescaledScore(double k, double sigma) : k_(k), variance_(sigma * sigma) {}

  void begin(const sampling::ModelSampling& sampling) override { sampling_ = &sampling; }
  void after(GuidanceMoment& m) override {
    if (k_ == 1 || m.sigma == 0) return;
    const float signal = sampling_ ? sampling_->signal(m.sigma) : 1.0f;
    const double root = static_cast<double>(signal) / static_cast<double>(m.sigma), snr = root * root;
    if (snr == 0) return;
    const auto ratio = static_cast<float>((snr * variance_ + 1) / (snr * variance_ / k_ + 1));
    m.denoised = ops::map(
        [=](auto x, auto d) {
          const auto noisy = x / signal;
          return noisy + ratio * (d - noisy);
        },
        m.x, m.denoised);
  }

 private:
  double k_, variance_;
  const sampling::ModelSampling* sampling_ = nullptr;  // of the run, which outlives this
};

}  // namespace

models::ModelPatchPtr tangential_damping() { return patch<TangentialDamping>(); }
models::ModelPatchPtr projected_guidance(double eta, double norm_threshold, double momentum) {
  return patch<Projected>(eta, norm_threshold, momentum);
}
models::ModelPatchPtr scaled_frequencies(double low, double high, int64_t cutoff) {
  return patch<Frequencies>(low, high, cutoff);
}
models::ModelPatchPtr operated_guidance(LatentOperationPtr operation) { return patch<Operated>(std::move(operation)); }
models::ModelPatchPtr mahiro() { return patch<Mahiro>(); }
models::ModelPatchPtr renormed_guidance(double below, double most) { return patch<Renormed>(below, most); }
models::ModelPatchPtr scaled_noise(double factor) { return patch<ScaledNoise>(factor); }
models::ModelPatchPtr rescaled_score(double k, double sigma) { return patch<RescaledScore>(k, sigma); }

}  // namespace easel::guidance
