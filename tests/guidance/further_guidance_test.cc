// Changes to the guidance against their formulas in f64.
#include "guidance/further_guidance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <functional>
#include <numbers>
#include <vector>

#include "guidance/guidance.h"
#include "sampling/golden.h"
#include "sampling/schedule/discrete_sampling.h"

namespace easel::guidance {
namespace {

using Numbers = std::vector<double>;

constexpr int64_t kCount = 2, kHeight = 6, kWidth = 5, kChannels = 4;
constexpr int64_t kPixels = kHeight * kWidth, kSample = kPixels * kChannels;

Tensor wave(double frequency, double phase, double scale = 1.0, int64_t height = kHeight, int64_t width = kWidth) {
  Tensor t(Shape{kCount, height, width, kChannels});
  for (int64_t i = 0; i < t.numel(); ++i)
    t.f32()[i] = static_cast<float>(scale * std::sin(static_cast<double>(i) * frequency + phase));
  return t;
}

// One sample's values.
Numbers sample(const Tensor& t, int64_t n) {
  const int64_t size = t.numel() / t.dim(0);
  Numbers out;
  for (int64_t i = 0; i < size; ++i) out.push_back(static_cast<double>(t.f32()[n * size + i]));
  return out;
}

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
double norm(const Numbers& a) { return std::sqrt(dot(a, a)); }

Numbers each(const Numbers& a, const Numbers& b, const std::function<double(double, double)>& f) {
  Numbers out;
  for (size_t i = 0; i < a.size(); ++i) out.push_back(f(a[i], b[i]));
  return out;
}

void expect_near(const Tensor& t, int64_t n, const Numbers& expected, double tolerance = 3e-6) {
  const Numbers got = sample(t, n);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], tolerance) << "sample " << n << ", " << i;
}

struct Given {
  Tensor x = wave(0.37, 0.1, 3.0), cond = wave(0.73, 0.4, 1.5), uncond = wave(0.51, 1.3, 1.2);
  float sigma = 2.0f;
  double cfg = 5.0;
  GuidanceMoment moment() const {
    return {.x = x, .sigma = sigma, .cfg = cfg, .cond = cond, .uncond = uncond, .denoised = cond};
  }
};

TEST(FurtherGuidance, TangentialDampingKeepsTheFirstSingularDirection) {
  const Given given;
  GuidanceMoment m = given.moment();
  tangential_damping()->guidance()->before(m);
  for (int64_t n = 0; n < kCount; ++n) {
    const auto minus = [](double a, double b) { return a - b; };
    const Numbers x = sample(given.x, n), u = each(x, sample(given.uncond, n), minus),
                  c = each(x, sample(given.cond, n), minus);
    // The first right singular vector of the rows u and c, by power iteration.
    Numbers v = c;
    for (int i = 0; i < 3000; ++i) {
      const double along_u = dot(u, v), along_c = dot(c, v);
      v = each(u, c, [&](double a, double b) { return along_u * a + along_c * b; });
      const double length = norm(v);
      for (double& value : v) value /= length;
    }
    const double along = dot(u, v);
    expect_near(m.uncond, n, each(x, v, [&](double a, double b) { return a - along * b; }), 1e-5);
  }
  GuidanceMoment alone = given.moment();
  alone.uncond = Tensor::zeros(given.uncond.shape());
  tangential_damping()->guidance()->before(alone);
  EXPECT_EQ(testing::max_difference(alone.uncond, Tensor::zeros(given.uncond.shape())), 0)
      << "there is no negative one";
}

Numbers projected(const Numbers& cond, const Numbers& uncond, Numbers guidance, double eta, double most, double cfg) {
  const double length = norm(guidance);
  if (most > 0)
    for (double& g : guidance) g *= std::min(1.0, most / length);
  const double along = dot(guidance, cond) / dot(cond, cond);
  Numbers out;
  for (size_t i = 0; i < cond.size(); ++i) {
    const double parallel = along * cond[i];
    out.push_back(uncond[i] + guidance[i] - parallel + eta * parallel + (cond[i] - uncond[i]) / cfg);
  }
  return out;
}

TEST(FurtherGuidance, ProjectedGuidanceIsShortenedAndRemembered) {
  const auto minus = [](double a, double b) { return a - b; };
  Given first, second;
  second.cond = wave(0.61, 0.9, 1.1);
  second.sigma = 1.0f;
  const auto step = projected_guidance(0.3, 4.0, 0.5)->guidance();
  GuidanceMoment a = first.moment(), b = second.moment(), again = second.moment();
  step->before(a);
  step->before(b);
  again.sigma = 3.0f;  // rising noise: another run
  step->before(again);
  for (int64_t n = 0; n < kCount; ++n) {
    const Numbers u = sample(first.uncond, n), c1 = sample(first.cond, n), c2 = sample(second.cond, n);
    const Numbers g1 = each(c1, u, minus), g2 = each(c2, u, minus);
    expect_near(a.cond, n, projected(c1, u, g1, 0.3, 4.0, 5.0));
    expect_near(b.cond, n,
                projected(c2, u, each(g1, g2, [](double old, double g) { return 0.5 * old + g; }), 0.3, 4.0, 5.0));
    expect_near(again.cond, n, projected(c2, u, g2, 0.3, 4.0, 5.0));
  }
}

// Multiplies the spectrum of one channel by `low` where Python's slices of the shifted spectrum select, else by `high`.
Numbers filtered(const Numbers& in, int64_t height, int64_t width, double low, double high, int64_t cutoff) {
  const auto selects = [&](int64_t size, int64_t shifted) {
    int64_t begin = size / 2 - cutoff;
    const int64_t end = std::min(size / 2 + cutoff, size);
    if (begin < 0) begin = std::max<int64_t>(0, begin + size);
    return shifted >= begin && shifted < end;
  };
  const auto turn = [](int64_t k, int64_t i, int64_t size) {
    return 2 * std::numbers::pi * static_cast<double>(k * i) / static_cast<double>(size);
  };
  Numbers out(in.size(), 0.0);
  for (int64_t ky = 0; ky < height; ++ky)
    for (int64_t kx = 0; kx < width; ++kx) {
      std::complex<double> value = 0;
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
          value += in[static_cast<size_t>(y * width + x)] * std::polar(1.0, -turn(ky, y, height) - turn(kx, x, width));
      const bool is_low = selects(height, (ky + height / 2) % height) && selects(width, (kx + width / 2) % width);
      value *= (is_low ? low : high) / static_cast<double>(height * width);
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
          out[static_cast<size_t>(y * width + x)] +=
              (value * std::polar(1.0, turn(ky, y, height) + turn(kx, x, width))).real();
    }
  return out;
}

TEST(FurtherGuidance, ScalesFrequencies) {
  for (const auto& [height, width, cutoff] :
       {std::array<int64_t, 3>{6, 5, 1}, {6, 5, 2}, {8, 7, 2}, {6, 5, 4}, {4, 5, 20}}) {
    Given given;
    given.x = wave(0.37, 0.1, 3.0, height, width);
    given.cond = wave(0.73, 0.4, 1.5, height, width);
    given.uncond = wave(0.51, 1.3, 1.2, height, width);
    GuidanceMoment m = given.moment();
    scaled_frequencies(0.7, 1.6, cutoff)->guidance()->before(m);
    for (int64_t n = 0; n < kCount; ++n) {
      const Numbers c = sample(given.cond, n), u = sample(given.uncond, n);
      Numbers expected(c.size());
      for (int64_t channel = 0; channel < kChannels; ++channel) {
        Numbers guidance;
        for (int64_t p = 0; p < height * width; ++p) {
          const auto at = static_cast<size_t>(p * kChannels + channel);
          guidance.push_back(c[at] - u[at]);
        }
        const Numbers changed = filtered(guidance, height, width, 0.7, 1.6, cutoff);
        for (int64_t p = 0; p < height * width; ++p) {
          const auto at = static_cast<size_t>(p * kChannels + channel);
          expected[at] = changed[static_cast<size_t>(p)] + u[at];
        }
      }
      expect_near(m.cond, n, expected);
    }
  }
}

TEST(FurtherGuidance, MahiroMixesByDirection) {
  const Given given;
  GuidanceMoment m = given.moment();
  m.denoised = wave(0.9, 0.2, 2.0);
  const Tensor guided = m.denoised;
  mahiro()->guidance()->after(m);
  const auto root = [](double v) { return std::copysign(std::sqrt(std::abs(v)), v); };
  double alike = 0;
  for (int64_t p = 0; p < kCount * kPixels; ++p) {
    Numbers a, b;
    for (int64_t c = 0; c < kChannels; ++c) {
      const auto at = [&](const Tensor& t) { return static_cast<double>(t.f32()[p * kChannels + c]); };
      a.push_back(root(at(given.uncond) * given.cfg));
      b.push_back(root((at(given.cond) * given.cfg + at(guided)) / 2));
    }
    alike += dot(a, b) / (norm(a) * norm(b)) / static_cast<double>(kCount * kPixels);
  }
  const double weight = 2 * (alike + 1);
  for (int64_t n = 0; n < kCount; ++n)
    expect_near(m.denoised, n,
                each(sample(guided, n), sample(given.cond, n),
                     [&](double g, double c) { return (weight * g + (4 - weight) * given.cfg * c) / 4; }),
                1e-5);
}

TEST(FurtherGuidance, RenormsBelowALevelAndLeavesGuidanceOutAboveIt) {
  const Given given;
  for (const double most : {0.0, 1.3, 1000.0}) {
    GuidanceMoment m = given.moment();
    ASSERT_TRUE(renormed_guidance(2.5, most)->guidance()->combine(m));
    for (int64_t n = 0; n < kCount; ++n) {
      const Numbers c = sample(given.cond, n);
      Numbers expected = each(c, sample(given.uncond, n), [&](double a, double u) { return u + given.cfg * (a - u); });
      const double length = norm(expected), limit = norm(c) * most;
      if (most > 0 && length >= limit)
        for (double& v : expected) v *= limit / length;
      expect_near(m.denoised, n, expected, 1e-5);
    }
  }
  GuidanceMoment above = given.moment();
  ASSERT_TRUE(renormed_guidance(2.0, 1.0)->guidance()->combine(above));
  EXPECT_EQ(testing::max_difference(above.denoised, given.cond), 0);
}

TEST(FurtherGuidance, ScalesThePredictedNoise) {
  const Given given;
  GuidanceMoment m = given.moment();
  scaled_noise(1.05)->guidance()->after(m);
  for (int64_t n = 0; n < kCount; ++n)
    expect_near(m.denoised, n,
                each(sample(given.x, n), sample(given.cond, n), [](double x, double d) { return x - (x - d) / 1.05; }));
}

TEST(FurtherGuidance, RescalesTheScoreOverTime) {
  const Given given;
  const sampling::DiscreteSampling levels(testing::kPublishedBetas, sampling::Prediction::kEps);
  GuidanceMoment m = given.moment();
  const auto step = rescaled_score(0.8, 1.5)->guidance();
  step->begin(levels);
  step->after(m);
  const double snr = 1.0 / 4.0, ratio = (snr * 2.25 + 1) / (snr * 2.25 / 0.8 + 1);
  for (int64_t n = 0; n < kCount; ++n)
    expect_near(m.denoised, n, each(sample(given.x, n), sample(given.cond, n), [&](double x, double d) {
                  return x + ratio * (d - x);
                }));
}

Numbers tonemapped(const Numbers& in, double multiplier) {
  Numbers lengths;
  for (size_t p = 0; p < in.size() / kChannels; ++p)
    lengths.push_back(norm({in[p * 4], in[p * 4 + 1], in[p * 4 + 2], in[p * 4 + 3]}) + 1e-10);
  double mean = 0, squares = 0;
  for (const double l : lengths) mean += l / static_cast<double>(lengths.size());
  for (const double l : lengths) squares += (l - mean) * (l - mean);
  const double top = (std::sqrt(squares / static_cast<double>(lengths.size() - 1)) * 5 + mean) * multiplier;
  Numbers out;
  for (size_t i = 0; i < in.size(); ++i) {
    const double l = lengths[i / kChannels];
    out.push_back(in[i] / l * (l / top / (l / top + 1) * top));
  }
  return out;
}

TEST(LatentOperations, TonemapByReinhard) {
  const Tensor in = wave(0.37, 0.1, 3.0);
  const Tensor out = (*tonemap_reinhard(0.6))(in);
  for (int64_t n = 0; n < kCount; ++n) expect_near(out, n, tonemapped(sample(in, n), 0.6));
  EXPECT_EQ(testing::max_difference((*tonemap_reinhard(0.0))(in), Tensor::zeros(in.shape())), 0);
}

TEST(LatentOperations, Sharpen) {
  const Tensor in = wave(0.37, 0.1, 3.0);
  constexpr int64_t kRadius = 2;
  const Tensor out = (*sharpen_latent(kRadius, 0.8, 0.3))(in);
  const auto mirrored = [](int64_t i, int64_t n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; };
  double total = 0;
  const auto weight = [](int64_t dy, int64_t dx) {
    return std::exp(-static_cast<double>(dy * dy + dx * dx) / (kRadius * kRadius) / (2 * 0.8 * 0.8));
  };
  for (int64_t dy = -kRadius; dy <= kRadius; ++dy)
    for (int64_t dx = -kRadius; dx <= kRadius; ++dx) total += weight(dy, dx);
  for (int64_t n = 0; n < kCount; ++n) {
    const Numbers values = sample(in, n);
    const auto length = [&](int64_t p) {
      const auto at = static_cast<size_t>(p * kChannels);
      return norm({values[at], values[at + 1], values[at + 2], values[at + 3]}) + 1e-6;
    };
    Numbers expected;
    for (int64_t p = 0; p < kPixels; ++p)
      for (int64_t c = 0; c < kChannels; ++c) {
        double soft = 0;
        for (int64_t dy = -kRadius; dy <= kRadius; ++dy)
          for (int64_t dx = -kRadius; dx <= kRadius; ++dx) {
            const int64_t at = mirrored(p / kWidth + dy, kHeight) * kWidth + mirrored(p % kWidth + dx, kWidth);
            soft += weight(dy, dx) / total * values[static_cast<size_t>(at * kChannels + c)] / length(at);
          }
        const double direction = values[static_cast<size_t>(p * kChannels + c)] / length(p);
        expected.push_back(length(p) * (direction + 3.0 * (direction - soft)));
      }
    expect_near(out, n, expected, 1e-5);
  }
  EXPECT_THROW((*sharpen_latent(5, 1.0, 0.1))(in), Error);
}

struct Guided {
  Tensor denoised, uncond;
};

// Whole guidance over a network that gives x times the first value of its context, plus `bend` for its second value.
Guided guided_with(const GuidanceOptions& options, const Tensor& bend = {}) {
  const models::Network network = [&](const models::NetworkBatch& batch) {
    Tensor out(batch.x.shape());
    const int64_t per_row = out.numel() / out.dim(0), width = batch.inputs.context.numel() / out.dim(0);
    for (int64_t i = 0; i < out.numel(); ++i) {
      const float* context = batch.inputs.context.f32() + i / per_row * width;
      out.f32()[i] = batch.x.f32()[i] * context[0];
      if (bend.defined()) out.f32()[i] += context[1] * bend.f32()[i % bend.numel()];
    }
    return out;
  };
  models::ConditioningEntry positive, negative;
  positive.cond = Tensor::full(Shape{1, 1, 3}, 0.5f);
  negative.cond = Tensor::full(Shape{1, 1, 3}, -0.3f);
  const Shape shape{kCount, kHeight, kWidth, kChannels};
  const sampling::DiscreteSampling levels(testing::kPublishedBetas, sampling::Prediction::kEps);
  Guidance guidance(prepare_conditioning({positive}, {negative}, shape, levels,
                                         [](const models::ConditioningEntry& e, bool) {
                                           return models::NetworkInputs{.context = e.cond, .y = {}, .concat = {}};
                                         }),
                    shape, network, options);
  Tensor denoised = guidance.denoised(wave(0.37, 0.1, 3.0), 2.0f);
  return {std::move(denoised), guidance.uncond_denoised()};
}

Tensor guided_by(double cfg, const std::vector<models::ModelPatchPtr>& patches) {
  return guided_with({.cfg = cfg, .patches = patches}).denoised;
}

TEST(FurtherGuidance, SamplersThatStepFromTheNegativePredictionGetItDamped) {
  const Tensor x = wave(0.37, 0.1, 3.0), bend = wave(0.9, 0.7, 2.0);
  const auto predicted = [&](float by) {
    Tensor out(x.shape());
    for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = by * (x.f32()[i] + bend.f32()[i]);
    return out;
  };
  GuidanceMoment damped{.x = x, .sigma = 2.0f, .cfg = 4.0, .cond = predicted(0.5f), .uncond = predicted(-0.3f)};
  tangential_damping()->guidance()->before(damped);
  ASSERT_GT(testing::relative_error(damped.uncond, predicted(-0.3f)), 0.01);
  for (const double cfg : {1.0, 4.0}) {
    const Guided got = guided_with({.cfg = cfg, .always_uncond = true, .patches = {tangential_damping()}}, bend);
    EXPECT_LT(testing::relative_error(got.uncond, damped.uncond), 1e-6) << cfg;
  }
  const Guided alone = guided_with({.cfg = 1.0, .patches = {tangential_damping()}}, bend);
  EXPECT_EQ(testing::max_difference(alone.uncond, Tensor::zeros(x.shape())), 0);
  EXPECT_EQ(testing::max_difference(alone.denoised, predicted(0.5f)), 0) << "the negative one has no effect";
}

TEST(FurtherGuidance, TakesPlaceBeforeTheListsAreCombined) {
  // All of the guidance, of any length: once more the difference of the two lists.
  EXPECT_LT(testing::relative_error(guided_by(4.0, {projected_guidance(1.0, 0.0, 0.0)}), guided_by(5.0, {})), 1e-6);
  const Tensor operated = guided_by(4.0, {operated_guidance(tonemap_reinhard(0.6))});
  const Tensor x = wave(0.37, 0.1, 3.0);
  for (int64_t n = 0; n < kCount; ++n) {
    Numbers guidance = sample(x, n);
    for (double& g : guidance) g *= 0.8;
    expect_near(operated, n,
                each(sample(x, n), tonemapped(guidance, 0.6), [](double v, double g) { return -0.3 * v + 4.0 * g; }),
                1e-5);
  }
}

}  // namespace
}  // namespace easel::guidance
