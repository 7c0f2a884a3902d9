// Matrix registers, emulated: what each operation does, and products of every shape by the kernels over them.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/parallel.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/cpu/isa.h"
#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/tiles/emulated_tiles.h"
#include "ops/linear.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

using namespace easel::ops::cpu;

TileShapes shapes(int64_t rows, int64_t lanes, int64_t columns) {
  TileShapes s;
  s.set(0, rows, 4 * columns);
  s.set(1, rows, 4 * lanes);
  s.set(2, lanes, 4 * columns);
  return s;
}

uint16_t bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

// One row of A, one column of B, one sum.
float dot(const std::vector<float>& a, const std::vector<float>& b, float sum) {
  const auto lanes = static_cast<int64_t>(a.size() / 2);
  std::vector<uint16_t> left, right;
  for (const float x : a) left.push_back(bf16(x));
  for (const float x : b) right.push_back(bf16(x));
  emulated_configure(shapes(1, lanes, 1));
  emulated_load(0, &sum, 4);
  emulated_load(1, left.data(), 64);
  emulated_load(2, right.data(), 4);
  emulated_multiply_bf16(0, 1, 2);
  float out = 0;
  emulated_store(0, &out, 4);
  emulated_release();
  return out;
}

TEST(Tiles, EvenAndOddValuesAreAddedApartAndThenToTheSum) {
  // In the order of the depth 2^24 + 1 + 1 would lose both ones; apart they are 2 beside 2^24.
  EXPECT_EQ(dot({16777216.0f, 1, 0, 1}, {1, 1, 1, 1}, 0), 16777218.0f);
  EXPECT_EQ(dot({1, 0, 1, 0}, {1, 0, 1, 0}, 16777216.0f), 16777218.0f);  // the sum comes last
  EXPECT_EQ(dot({1, 0}, {1, 0}, 16777216.0f), 16777216.0f);              // to even
  EXPECT_EQ(dot({3, 0}, {1, 0}, 16777216.0f), 16777220.0f);
}

TEST(Tiles, DenormalsCountAsZero) {
  const float tiny = 1e-39f, small = 1.5e-38f;
  EXPECT_EQ(dot({tiny, 0}, {1, 0}, 0), 0.0f);
  EXPECT_EQ(dot({1, 0}, {tiny, 0}, 0), 0.0f);
  EXPECT_EQ(dot({1, 0}, {0, 0}, tiny), 0.0f);
  EXPECT_EQ(dot({small, 0}, {0.5f, 0}, 0), 0.0f);
  EXPECT_GT(dot({small, 0}, {1, 0}, 0), 0.0f);
}

float flushed(float x) { return std::fabs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0f, x) : x; }

float widened(uint16_t bf16_bits) {
  const uint32_t bits = static_cast<uint32_t>(bf16_bits) << 16;
  float x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return flushed(x);
}

// One sum at a time, as the manual writes it, with values of all sizes: where nothing can become denormal the emulation
// computes without looking, and the bits must be the same.
TEST(Tiles, WholeProductsRoundAsOneSumAtATime) {
  std::mt19937 rng(5);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  constexpr int kSide = 16;
  for (const float size : {1.0f, 1e-12f, 1e-17f, 1e-19f, 1e-21f, 1e-38f}) {
    SCOPED_TRACE(size);
    std::vector<uint16_t> a(2 * kSide * kSide), b(2 * kSide * kSide);
    std::vector<float> before(kSide * kSide), after(kSide * kSide);
    for (auto* values : {&a, &b})
      for (uint16_t& v : *values) v = rng() % 8 == 0 ? uint16_t{0} : bf16(size * uniform(rng));
    for (float& v : before) v = size * size * uniform(rng);
    emulated_configure(shapes(kSide, kSide, kSide));
    emulated_load(0, before.data(), 64);
    emulated_load(1, a.data(), 64);
    emulated_load(2, b.data(), 64);
    emulated_multiply_bf16(0, 1, 2);
    emulated_store(0, after.data(), 64);
    emulated_release();
    for (size_t m = 0; m < kSide; ++m)
      for (size_t n = 0; n < kSide; ++n) {
        float even = 0, odd = 0;
        for (size_t k = 0; k < kSide; ++k) {
          even = flushed(even + flushed(widened(a[(m * kSide + k) * 2]) * widened(b[(k * kSide + n) * 2])));
          odd = flushed(odd + flushed(widened(a[(m * kSide + k) * 2 + 1]) * widened(b[(k * kSide + n) * 2 + 1])));
        }
        ASSERT_EQ(after[m * kSide + n], flushed(flushed(before[m * kSide + n]) + flushed(even + odd)));
      }
  }
}

TEST(Tiles, NaNStaysNaN) {
  EXPECT_TRUE(std::isnan(dot({std::numeric_limits<float>::infinity(), 0}, {0, 0}, 1)));
  EXPECT_TRUE(std::isnan(dot({1, 1}, {1, 1}, std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isinf(dot({2, 1}, {3e38f, 1}, 0)));
}

TEST(Tiles, BytesAreUnsignedBySignedAndExact) {
  const uint8_t a[4] = {255, 255, 1, 0};
  const int8_t b[4] = {127, -128, -1, 55};
  const int32_t before = 1000;
  int32_t out = 0;
  emulated_configure(shapes(1, 1, 1));
  emulated_load(0, &before, 4);
  emulated_load(1, a, 4);
  emulated_load(2, b, 4);
  emulated_multiply_bytes(0, 1, 2);
  emulated_store(0, &out, 4);
  EXPECT_EQ(out, 1000 + 255 * 127 - 255 * 128 - 1);
  emulated_release();
}

TEST(Tiles, RowsAreLoadedAndStoredAtAnyDistanceAndNoOthersAreTouched) {
  std::vector<uint8_t> from(400, 7), to(400, 9);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint8_t>(i);
  emulated_configure(shapes(3, 2, 5));
  emulated_load(0, from.data(), 100);
  emulated_store(0, to.data(), 90);
  for (size_t i = 0; i < to.size(); ++i) {
    const size_t row = i / 90, byte = i % 90;
    EXPECT_EQ(to[i], row < 3 && byte < 20 ? from[row * 100 + byte] : 9) << i;
  }
  emulated_zero(0);
  emulated_store(0, to.data(), 90);
  EXPECT_EQ(to[90], 0);
  emulated_release();
}

TEST(Tiles, MistakesOfAKernelAreSeen) {
  emulated_release();
  const float x[16] = {};
  EXPECT_THROW(emulated_load(0, x, 64), std::logic_error);
  emulated_configure(shapes(4, 3, 2));
  EXPECT_THROW(emulated_load(5, x, 64), std::logic_error);
  EXPECT_THROW(emulated_multiply_bf16(0, 2, 1), std::logic_error);
  EXPECT_THROW(emulated_multiply_bytes(0, 1, 1), std::logic_error);
  emulated_release();
}

class TileProducts : public TypedOps<BFloat16> {
 protected:
  void SetUp() override {
    TypedOps::SetUp();
    before_ = isa();
    set_isa(isa_levels().back());
  }
  void TearDown() override {
    set_isa(before_);
    TypedOps::TearDown();
  }

 private:
  Isa before_{};
};

// Every edge: rows that end within a group, outputs within a vector or a pair, depths within a step or a lane, and
// depths of several calls.
TEST_F(TileProducts, LinearLayersOfEveryShape) {
  for (int i = 0; i < 60; ++i) {
    const int64_t rows = pick(1, i % 4 == 0 ? 450 : 70), depth = pick(1, i % 3 == 0 ? 800 : 100);
    const int64_t outputs = 2 * pick(1, 100);
    const bool gated = i % 5 == 0;
    SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(depth) + "x" + std::to_string(outputs));
    const Tensor x = random({rows, depth}), w = random({outputs, depth}, 0.2f), b = random_f32({outputs});
    const auto tiles = pack_linear(w, b, kType, gated);
    const auto exact = pack_linear(convert(w, DType::kF32), b, DType::kF32, gated);
    LinearArgs args{.f32_out = true};
    if (!gated) {
      args.residual = random_f32({rows, outputs});
      args.scale = 0.7f;
      args.activation = Activation::kSilu;
    }
    EXPECT_LT(relative_error(linear(x, *tiles, args), linear(convert(x, DType::kF32), *exact, args)), 2e-5);
    EXPECT_LT(relative_error(linear(spread(x, 6), *tiles, args), linear(x, *tiles, args)), 1e-7);
  }
}

TEST_F(TileProducts, RowsThatLieWellAreReadInPlaceAndOthersGatheredAlike) {
  for (const int64_t depth : {32, 320, 640, 1024, 2048}) {
    const Tensor x = random({100, depth}), w = random({96, depth}, 0.1f);
    const auto packed = pack_linear(w, {}, kType);
    EXPECT_EQ(max_difference(linear(x, *packed), linear(spread(x, 2), *packed)), 0.0);
  }
}

// Maps whose lines are whole groups of rows, and others; windows as they are, folded and transformed.
TEST_F(TileProducts, ConvolutionsOfEveryKind) {
  ConvShape plain{.pad = 1}, halved{.stride = 2, .pad = 1}, winograd{.pad = 1}, up{.pad = 1};
  plain.method = ConvMethod::kDirect;
  winograd.method = ConvMethod::kWinograd;
  up.upsample2x = true;
  for (const auto& [h, width, in, out] :
       {std::array<int64_t, 4>{16, 16, 32, 32}, {9, 13, 34, 70}, {5, 64, 64, 96}, {40, 33, 352, 16}, {1, 1, 6, 5}})
    for (const ConvShape& shape : {plain, halved, winograd, up}) {
      SCOPED_TRACE(std::to_string(h) + "x" + std::to_string(width) + "x" + std::to_string(in) + "x" +
                   std::to_string(out) + " stride " + std::to_string(shape.stride) + " method " +
                   std::to_string(static_cast<int>(shape.method)));
      const Tensor x = random({2, h, width, in}), w = random({out, in, 3, 3}, 0.1f), b = random_f32({out});
      ConvArgs args{.activation = Activation::kSilu, .upsample2x = shape.upsample2x, .f32_out = true};
      args.channel_bias = random_f32({2, out});
      const auto exact = pack_conv2d(convert(w, DType::kF32), b, shape, DType::kF32);
      args.residual = random_f32(conv2d(convert(x, DType::kF32), *exact, args).shape());
      const Tensor expected = conv2d(convert(x, DType::kF32), *exact, args);
      const bool rounds = shape.method == ConvMethod::kWinograd || shape.upsample2x;
      EXPECT_LT(relative_error(conv2d(x, *pack_conv2d(w, b, shape, kType), args), expected), rounds ? 4e-3 : 2e-5);
      if (in < 32 || out < 32) continue;
      EXPECT_LT(relative_error(conv2d(x, *pack_conv2d(w, b, shape, DType::kI8), args), expected), 0.02);
    }
}

// Blocks of queries and keys that end anywhere; heads of whole and of part steps.
TEST_F(TileProducts, AttentionOfEveryShape) {
  for (int i = 0; i < 30; ++i) {
    const int64_t heads = pick(1, 3), width = i < 12 ? std::array<int64_t, 4>{40, 64, 80, 160}[i % 4] : 2 * pick(1, 70);
    const int64_t queries = pick(1, 230), keys = i % 2 == 0 ? pick(1, 90) : pick(300, 700);
    SCOPED_TRACE(std::to_string(queries) + "x" + std::to_string(keys) + "x" + std::to_string(width));
    const Tensor q = random({2, queries, heads * width}), k = random({2, keys, heads * width});
    const Tensor v = random({2, keys, heads * width});
    AttentionArgs args;
    args.causal = i % 3 == 0;
    if (i % 5 == 0) args.bias = random_f32({queries, keys});
    const Tensor exact =
        attention(convert(q, DType::kF32), convert(k, DType::kF32), convert(v, DType::kF32), heads, args);
    EXPECT_LT(relative_error(attention(q, k, v, heads, args), exact), tolerance());
  }
}

// What docs/performance.md reckons with: loads, stores and products of registers, which no clock is needed for.
class TileWork : public TileProducts {
 protected:
  void SetUp() override {
    TileProducts::SetUp();
    set_isa(Isa::kAmxEmulated);
    threads_ = thread_count();
    set_thread_count(1);
  }
  void TearDown() override {
    set_thread_count(threads_);
    TileProducts::TearDown();
  }
  template <class F>
  static TileCounts count(const F& compute) {
    emulated_counts() = {};
    compute();
    return emulated_counts();
  }

 private:
  int threads_ = 1;
};

TEST_F(TileWork, AWholeProductLoadsOnePieceForEachProductOfRegisters) {
  const Tensor x = random({384, 640}), w = random({64, 640}, 0.1f);
  const auto packed = pack_linear(w, {}, kType);
  const TileCounts work = count([&] { linear(x, *packed); });
  const int64_t products = 384 / 16 * 64 / 16 * 640 / 32, sums = 384 / 16 * 64 / 16;
  EXPECT_EQ(work.products, products);
  EXPECT_EQ(work.loads, products + sums);  // two parts of the depth: the sums of the first are loaded once
  EXPECT_EQ(work.stores, 2 * sums);
  EXPECT_EQ(work.configurations, 1);
}

TEST_F(TileWork, BytesTakeHalfTheProducts) {
  const Tensor x = random({384, 640}), w = random({64, 640}, 0.1f);
  const auto packed = pack_linear(w, {}, DType::kI8);
  EXPECT_EQ(count([&] { linear(x, *packed); }).products, 384 / 16 * 64 / 16 * 640 / 64);
}

TEST_F(TileWork, ConvolutionsMultiplyNoMoreThanTheirMethodNeeds) {
  const Tensor x = random({1, 16, 16, 64}), w = random({64, 64, 3, 3}, 0.1f);
  ConvShape direct{.pad = 1}, winograd{.pad = 1};
  direct.method = ConvMethod::kDirect;
  winograd.method = ConvMethod::kWinograd;
  const auto sum = pack_conv2d(w, {}, direct, kType), transformed = pack_conv2d(w, {}, winograd, kType);
  EXPECT_EQ(count([&] { conv2d(x, *sum); }).products, 256 / 16 * 4 * 9 * 2);
  EXPECT_EQ(count([&] { conv2d(x, *transformed); }).products, 16 * 64 / 16 * 4 * 2);
}

TEST_F(TileWork, AttentionMultipliesWholeSteps) {
  const Tensor q = random({1, 96, 64}), k = random({1, 320, 64}), v = random({1, 320, 64});
  EXPECT_EQ(count([&] { attention(q, k, v, 1); }).products, 96 / 16 * (320 / 16 * 2 + 4 * 320 / 32));
}

TEST_F(TileProducts, ARowsResultDependsOnThatRowOnly) {
  const Tensor x = random({200, 700}), w = random({70, 700}, 0.1f);
  const auto packed = pack_linear(w, {}, kType);
  const Tensor all = linear(x, *packed, {.f32_out = true});
  EXPECT_LT(max_difference(linear(x.slice(0, 77, 90), *packed, {.f32_out = true}), all.slice(0, 77, 90)), 1e-5);
}

}  // namespace
}  // namespace easel::ops::testing
