// Nodes of extensions that scale, level and mix, against their formulas in f64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "nodes/extensions/inspire_noise.h"
#include "run_node.h"
#include "sampling/random/philox.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

workflow::Literal s(const char* value) { return std::string(value); }

Tensor picture(int64_t height, int64_t width, int64_t channels = 3) {
  Tensor out(Shape{1, height, width, channels});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>((i * 37 + 11) % 251) / 251.0f;
  return out;
}
double at(const Tensor& t, int64_t y, int64_t x, int64_t c) { return t.f32()[(y * t.dim(2) + x) * t.dim(3) + c]; }

Links image_link(Tensor pixels, const char* name = "image") {
  Links out;
  out.emplace(name, computed<Image>(std::move(pixels)));
  return out;
}

double cubic(double x) {  // Keys, a = -0.75
  x = std::abs(x);
  if (x <= 1) return (1.25 * x - 2.25) * x * x + 1;
  return x < 2 ? ((-0.75 * x + 3.75) * x - 6) * x + 3 : 0;
}

TEST(WasNodes, LatentsAreScaledBetweenTheCornersCentres) {
  Latent in;
  in.samples = picture(5, 7, 4);
  for (const bool bicubic : {false, true}) {
    Links links;
    links.emplace("samples", computed<Latent>(in));
    const Value value =
        run_node("Latent Upscale by Factor (WAS)",
                 {{"mode", s(bicubic ? "bicubic" : "bilinear")}, {"factor", 1.7}, {"align", s("true")}}, links);
    const Tensor& out = value.as<Latent>().samples;
    ASSERT_EQ(out.dim(1), 8);   // 8.5 rounds to the even number
    ASSERT_EQ(out.dim(2), 12);  // 11.9
    for (int64_t y = 0; y < 8; ++y)
      for (int64_t x = 0; x < 12; ++x) {
        const double row = y * 4.0 / 7.0, column = x * 6.0 / 11.0;
        double sum = 0;
        for (int64_t j = -2; j < 8; ++j)
          for (int64_t i = -2; i < 10; ++i) {
            const double wy = bicubic ? cubic(row - j) : std::max(0.0, 1 - std::abs(row - j));
            const double wx = bicubic ? cubic(column - i) : std::max(0.0, 1 - std::abs(column - i));
            sum += wy * wx * at(in.samples, std::clamp<int64_t>(j, 0, 4), std::clamp<int64_t>(i, 0, 6), 2);
          }
        ASSERT_NEAR(at(out, y, x, 2), sum, 3e-6) << bicubic << ": " << y << ", " << x;
      }
  }
}

TEST(WasNodes, LevelsFollowTheFormula) {
  const Tensor in = picture(6, 5);
  const Value value = run_node("Image Levels Adjustment",
                               {{"black_level", 20.0}, {"mid_level", 90.0}, {"white_level", 230.0}}, image_link(in));
  const double gamma = std::log(0.5) / std::log((90.0 - 20) / (230.0 - 20));
  for (int64_t i = 0; i < in.numel(); ++i) {
    const double byte = std::floor(in.f32()[i] * 255.0);
    const double spread = std::clamp((std::max(byte, 20.0) - 20) * 255 / 210, 0.0, 255.0);
    EXPECT_NEAR(value.as<Tensor>().f32()[i] * 255, std::floor(std::pow(spread / 255, gamma) * 255 + 1e-5), 1e-3) << i;
  }
}

TEST(InspireNodes, VariationsAreMixedIntoTheNoise) {
  Latent latent;
  latent.samples = Tensor::zeros({2, 4, 4, 4});
  const Shape one{1, 4, 4, 4};
  const Tensor variation = sampling::philox_randn(99, one);
  const Tensor straight = inspire_noise(latent, {.seed = 5,
                                                 .variation_seed = 99,
                                                 .variation_strength = 0.3,
                                                 .card = true,
                                                 .batch = InspireNoise::Batch::kOneByOne})
                              .noise;
  for (int64_t n = 0; n < 2; ++n) {
    const Tensor noise = sampling::philox_randn(5 + static_cast<uint64_t>(n), one);
    for (int64_t i = 0; i < 64; ++i)
      ASSERT_NEAR(straight.f32()[n * 64 + i],
                  (0.7 * noise.f32()[i] + 0.3 * variation.f32()[i]) / std::sqrt(0.49 + 0.09), 1e-6);
  }
  const Tensor curved = inspire_noise(latent, {.seed = 5,
                                               .variation_seed = 99,
                                               .slerp = true,
                                               .card = true,
                                               .batch = InspireNoise::Batch::kGrowing,
                                               .growth = 0.05})
                            .noise;
  const Tensor noise = sampling::philox_randn(5, one);
  double dot = 0, a = 0, b = 0;
  for (int64_t i = 0; i < 64; ++i) {
    dot += double{noise.f32()[i]} * variation.f32()[i];
    a += std::pow(noise.f32()[i], 2);
    b += std::pow(variation.f32()[i], 2);
  }
  const double angle = std::acos(dot / std::sqrt(a * b));
  for (int64_t i = 0; i < 64; ++i) {
    ASSERT_NEAR(curved.f32()[i], noise.f32()[i], 1e-6);
    ASSERT_NEAR(
        curved.f32()[64 + i],
        (std::sin(0.95 * angle) * noise.f32()[i] + std::sin(0.05 * angle) * variation.f32()[i]) / std::sin(angle),
        1e-5);
  }
}

TEST(InspireNodes, OnAProcessorABatchDrawnTogetherIsThatOfKSampler) {
  Latent latent;
  latent.samples = Tensor::zeros({2, 3, 5, 4});
  sampling::TorchGenerator rng;
  const Tensor expected = sampling::prepare_noise(rng, latent.samples.shape(), 77);
  const guidance::GivenNoise made = inspire_noise(latent, {.seed = 77});
  for (int64_t i = 0; i < expected.numel(); ++i) ASSERT_EQ(made.noise.f32()[i], expected.f32()[i]);
  EXPECT_EQ(sampling::TorchGenerator(made.continues_with).random(), rng.random());
}

TEST(NoiseNodes, LatentsAreMixedOnTheArcAndWhereTheMaskIs) {
  Latent low, high;
  low.samples = picture(4, 6, 4);
  high.samples = sampling::philox_randn(3, Shape{1, 4, 6, 4});
  Tensor mask(Shape{1, 4, 6});
  for (int64_t i = 0; i < mask.numel(); ++i) mask.f32()[i] = static_cast<float>(i % 3) / 2;
  double aa = 0, bb = 0, ab = 0;
  for (int64_t i = 0; i < 96; ++i) {
    aa += std::pow(low.samples.f32()[i], 2);
    bb += std::pow(high.samples.f32()[i], 2);
    ab += double{low.samples.f32()[i]} * high.samples.f32()[i];
  }
  const double angle = std::acos(ab / std::sqrt(aa * bb));
  Links links;
  links.emplace("latents1", computed<Latent>(low));
  links.emplace("latents2", computed<Latent>(high));
  links.emplace("mask", computed<Mask>(mask));
  const Value mixed = run_node("BNK_SlerpLatent", {{"factor", 0.3}}, links);
  for (int64_t i = 0; i < 96; ++i) {
    const double a = low.samples.f32()[i], b = high.samples.f32()[i], m = mask.f32()[i / 4];
    const double arc = (std::sin(0.7 * angle) * a + std::sin(0.3 * angle) * b) / std::sin(angle);
    ASSERT_NEAR(mixed.as<Latent>().samples.f32()[i], m * arc + (1 - m) * a, 2e-6) << i;
  }
  Links more;
  more.emplace("latents", computed<Latent>(low));
  more.emplace("noise", computed<Latent>(high));
  const Value noised = run_node("BNK_InjectNoise", {{"strength", 2.5}}, more);
  for (int64_t i = 0; i < 96; ++i)
    ASSERT_NEAR(noised.as<Latent>().samples.f32()[i], low.samples.f32()[i] + 2.5 * high.samples.f32()[i], 2e-6) << i;
}

TEST(ComfyrollNodes, NumbersAreRoundedAsInPython) {
  const auto rounded = [](double value, int64_t digits) {
    return run_node("CR Math Operation", {{"a", value}, {"operation", s("abs")}, {"decimal_places", digits}})
        .as<double>();
  };
  EXPECT_EQ(rounded(2.675, 2), 2.67);  // the binary value is below the half
  EXPECT_EQ(rounded(0.125, 2), 0.12);  // a half goes to the even digit
  EXPECT_EQ(rounded(0.375, 2), 0.38);
  EXPECT_THROW(run_node("CR Math Operation", {{"a", -1.0}, {"operation", s("sqrt")}, {"decimal_places", int64_t{2}}}),
               Error);
}

}  // namespace
}  // namespace easel::nodes
