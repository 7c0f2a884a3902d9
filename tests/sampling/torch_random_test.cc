#include "sampling/random/torch_random.h"

#include <gtest/gtest.h>

#include <vector>

#include "golden.h"
#include "sampling/random/torch_math.h"

namespace easel::sampling {
namespace {

std::vector<float> normals(TorchGenerator& rng, size_t count) {
  std::vector<float> values(count);
  rng.randn(values);
  return values;
}

// torch.manual_seed(42): randn(20), randn(5), randn(3), rand(4), randint(0, 10, (6,)), randint(-5, 2**40, (3,)).
TEST(TorchRandom, FollowsTorchThroughMixedDraws) {
  TorchGenerator rng(42);
  const std::vector<float> block = {
      1.9269152879714966f,  1.4872840642929077f,  0.9007171988487244f,  -2.1055209636688232f,  -0.7581311464309692f,
      1.078317642211914f,   0.8008005619049072f,  1.680620551109314f,   0.3558599054813385f,   -0.6866229772567749f,
      -0.4933563470840454f, 0.2414877861738205f,  -0.2316243201494217f, 0.041759490966796875f, -0.2515752911567688f,
      0.859858512878418f,   -0.3097267746925354f, -0.3957104980945587f, 0.8034093379974365f,   -0.6215953826904297f};
  EXPECT_EQ(normals(rng, 20), block);
  EXPECT_EQ(normals(rng, 5), (std::vector<float>{-0.765838623046875f, -0.7506223320960999f, 1.3525477647781372f,
                                                 0.6863219141960144f, -0.32775864005088806f}));
  EXPECT_EQ(normals(rng, 3), (std::vector<float>{0.7949687242507935f, 0.2815195620059967f, 0.056163541972637177f}));
  std::vector<float> uniform(4);
  rng.rand(uniform);
  EXPECT_EQ(uniform,
            (std::vector<float>{0.11648857593536377f, 0.9102694392204285f, 0.6440156698226929f, 0.7071067690849304f}));
  for (int64_t expected : {5, 4, 8, 8, 6, 0}) EXPECT_EQ(rng.randint(0, 10), expected);
  for (int64_t expected : {87819920875, 713016086772, 566607843206}) {
    EXPECT_EQ(rng.randint(-5, int64_t{1} << 40), expected);
  }
  EXPECT_THROW(rng.randint(3, 3), Error);
}

TEST(TorchRandom, SeedsKeepTheirLowerHalf) {
  TorchGenerator rng((uint64_t{1} << 32) + 5);
  EXPECT_EQ(normals(rng, 6), (std::vector<float>{-0.4867807626724243f, -0.6038215756416321f, -0.5580962300300598f,
                                                 0.6675242781639099f, -0.19741509854793549f, 1.9427834749221802f}));
  TorchGenerator same(5);
  rng.manual_seed((uint64_t{7} << 32) + 5);
  EXPECT_EQ(normals(rng, 100), normals(same, 100));
}

TEST(TorchRandom, NoiseIsDrawnChannelsFirst) {
  TorchGenerator rng, plain(9);
  const Tensor noise = prepare_noise(rng, Shape{2, 3, 5, 4}, 9);
  const std::vector<float> drawn = normals(plain, 120);
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t pixel = 0; pixel < 15; ++pixel) {
      for (int64_t c = 0; c < 4; ++c) {
        EXPECT_EQ(noise.f32()[(n * 15 + pixel) * 4 + c], drawn[static_cast<size_t>((n * 4 + c) * 15 + pixel)]);
      }
    }
  }
  EXPECT_EQ(rng.random(), plain.random());
}

TEST(TorchRandom, BatchIndexPicksNoiseOfALargerBatch) {
  TorchGenerator rng;
  const Shape one{1, 4, 4, 4};
  rng.manual_seed(11);
  std::vector<Tensor> sequence;
  for (int i = 0; i < 4; ++i) sequence.push_back(rng.randn(one));
  const std::vector<int64_t> index = {3, 0, 3};
  const Tensor noise = prepare_noise(rng, Shape{3, 4, 4, 4}, 11, index);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(
        testing::max_difference(noise.slice(0, i, 1), sequence[static_cast<size_t>(index[static_cast<size_t>(i)])]), 0);
  }
  EXPECT_THROW(prepare_noise(rng, Shape{2, 4, 4, 4}, 11, index), Error);
  EXPECT_THROW(prepare_noise(rng, Shape{1, 4, 4, 4}, 11, std::vector<int64_t>{-1}), Error);
  EXPECT_THROW(prepare_noise(rng, Shape{1, 4, 4, 4}, 11, std::vector<int64_t>{1 << 20}), Error);
}

TEST(TorchRandom, NormalsAreNormal) {
  TorchGenerator rng(1);
  const std::vector<float> values = normals(rng, 1000003);
  double sum = 0, squares = 0;
  for (float v : values) {
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 0.005);
  EXPECT_NEAR(squares / count, 1, 0.005);
}

TEST(TorchMath, StaysWithinAnUlpOfExact) {
  for (float x = -20.0f; x < 20.0f; x += 0.0137f) {
    EXPECT_NEAR(torch_exp(x) / std::exp(static_cast<double>(x)), 1, 1.3e-7);
    EXPECT_NEAR(torch_expm1(x) / std::expm1(static_cast<double>(x)), 1, 6e-8);
  }
  for (float x = 1e-6f; x < 1e3f; x *= 1.013f) {
    const double exact = std::log(static_cast<double>(x));
    EXPECT_NEAR(torch_log(x), exact, 1.2e-7 * std::abs(exact));
  }
  EXPECT_EQ(torch_exp(-INFINITY), 0);
  EXPECT_EQ(torch_exp(INFINITY), INFINITY);
  EXPECT_EQ(torch_exp(-200.0f), 0);
  EXPECT_TRUE(std::isnan(torch_exp(NAN)));
  EXPECT_EQ(torch_log(0.0f), -INFINITY);
  EXPECT_EQ(torch_log(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(torch_log(-1.0f)));
}

TEST(TorchRandom, MatchesTheGoldenNoise) {
  EASEL_NEEDS_SHARED();
  int compared = 0;
  for (const auto& [name, expected] : testing::load_golden("noise.safetensors")) {
    const uint64_t seed = std::stoull(name.substr(6, name.find('.', 6) - 6));
    TorchGenerator rng;
    const Tensor noise = prepare_noise(rng, testing::channels_last(expected).shape(), seed);
    EXPECT_EQ(testing::max_difference(testing::channels_first(noise), expected), 0) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 15);
}

}  // namespace
}  // namespace easel::sampling
