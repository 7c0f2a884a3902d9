// Products of 8-bit integers: exact where bytes are exact, within the bound of the rounding elsewhere, alike at every
// instruction level.
#include "base/parallel.h"
#include "ops/conv2d.h"
#include "ops/cpu/isa.h"
#include "ops/linear.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

using cpu::Isa;

class Int8 : public TypedOps<BFloat16> {
 protected:
  // Runs `check` at every level.
  template <class F>
  void at_every_level(const F& check) {
    const Isa before = cpu::isa();
    for (const Isa level : cpu::isa_levels()) {
      cpu::set_isa(level);
      SCOPED_TRACE(cpu::isa_name(level));
      check();
    }
    cpu::set_isa(before);
  }
  // Whole numbers of which `low` and `high` are among each row, so that a byte is one of them exactly.
  Tensor whole_numbers(int64_t rows, int64_t width, int64_t low, int64_t high) {
    Tensor t({rows, width});
    for (float& v : t.values()) v = static_cast<float>(pick(low, high));
    for (int64_t r = 0; r < rows; ++r) {
      t.f32()[r * width] = static_cast<float>(low);
      t.f32()[r * width + width - 1] = static_cast<float>(high);
    }
    return t;
  }
  static std::vector<double> product(const Tensor& x, const Tensor& w) {
    const auto xs = doubles(x), ws = doubles(w);
    const auto depth = static_cast<size_t>(w.dim(1)), outputs = static_cast<size_t>(w.dim(0));
    std::vector<double> y(xs.size() / depth * outputs);
    for (size_t i = 0; i < y.size(); ++i)
      for (size_t k = 0; k < depth; ++k) y[i] += xs[i / outputs * depth + k] * ws[i % outputs * depth + k];
    return y;
  }
};

TEST_F(Int8, WholeNumbersAreMultipliedExactly) {
  at_every_level([&] {
    for (int i = 0; i < 12; ++i) {
      const int64_t rows = pick(1, 60), depth = pick(2, 700), outputs = pick(1, 200);
      const Tensor x = convert(whole_numbers(rows, depth, -40, 213), DType::kBF16);
      const Tensor w = whole_numbers(outputs, depth, -127, 127);
      const Tensor y = linear(x, *pack_linear(w, {}, DType::kI8), {.f32_out = true});
      EXPECT_LT(max_difference(y, tensor_of({rows, outputs}, product(x, w))), 0.01)
          << rows << "x" << depth << "x" << outputs;
    }
  });
}

// Rounding moves a value by half a step at most, of its row for values and of its output for weights.
TEST_F(Int8, ErrorStaysWithinTheBoundOfTheRounding) {
  for (int i = 0; i < 20; ++i) {
    const int64_t rows = pick(1, 300), depth = pick(1, 5000 / (i + 1)), outputs = pick(1, 300 / (i % 3 + 1));
    const Tensor x = random({rows, depth}, 1.5f, 0.4f), w = random({outputs, depth}, 0.1f);
    const Tensor y = linear(x, *pack_linear(w, {}, DType::kI8), {.f32_out = true});
    const auto exact = product(x, w), xs = doubles(x), ws = doubles(w);
    const auto n = static_cast<size_t>(depth), out = static_cast<size_t>(outputs);
    const auto step = [&](const std::vector<double>& v, size_t row, bool symmetric) {
      double low = 0, high = 0;
      for (size_t k = row * n; k < (row + 1) * n; ++k) low = std::min(low, v[k]), high = std::max(high, v[k]);
      return symmetric ? std::max(-low, high) / 127 : (high - low) / 253;
    };
    for (int sample = 0; sample < 200; ++sample) {
      const auto r = static_cast<size_t>(pick(0, rows - 1)), o = static_cast<size_t>(pick(0, outputs - 1));
      const double dx = step(xs, r, false) / 2, dw = step(ws, o, true) / 2;
      double bound = 1e-5;
      for (size_t k = 0; k < n; ++k) bound += (std::abs(xs[r * n + k]) + dx) * dw + std::abs(ws[o * n + k]) * dx;
      EXPECT_LE(std::abs(static_cast<double>(y.f32()[r * out + o]) - exact[r * out + o]), bound);
    }
    // Errors are of either sign, so that a whole product is much better than its bound.
    EXPECT_LT(relative_error(y, tensor_of({rows, outputs}, exact)), 0.03);
  }
}

TEST_F(Int8, AppliesTheSamePostOperationsAsBf16) {
  const Tensor x = random({2, 61, 150}), w = random({134, 150}, 0.1f), b = random_f32({134});
  const Tensor residual = random({2, 61, 134});
  const auto bytes = pack_linear(w, b, DType::kI8), exact = pack_linear(w, b, kType);
  EXPECT_EQ(bytes->compute, DType::kBF16);
  EXPECT_LT(bytes->bytes, exact->bytes);
  for (const Activation a : {Activation::kNone, Activation::kSilu, Activation::kGelu}) {
    const LinearArgs args{a, residual, 0.5f};
    EXPECT_LT(relative_error(linear(x, *bytes, args), linear(x, *exact, args)), 0.02);
  }
  const auto gated = pack_linear(w, b, DType::kI8, true), exact_gated = pack_linear(w, b, kType, true);
  EXPECT_LT(relative_error(linear(x, *gated), linear(x, *exact_gated)), 0.03);
  EXPECT_EQ(max_difference(linear(spread(x, 10), *bytes), linear(x, *bytes)), 0.0);
}

TEST_F(Int8, ARowsResultDependsOnThatRowOnly) {
  const Tensor x = random({700, 320}), w = random({640, 320}, 0.1f);
  const auto packed = pack_linear(w, {}, DType::kI8);
  const Tensor all = linear(x, *packed);
  for (const int64_t row : {0, 5, 383, 384, 699})
    EXPECT_EQ(max_difference(linear(x.slice(0, row, 1), *packed), all.slice(0, row, 1)), 0.0);
  const int threads = thread_count();
  set_thread_count(threads == 1 ? 3 : 1);
  EXPECT_EQ(max_difference(linear(x, *packed), all), 0.0);
  set_thread_count(threads);
}

TEST_F(Int8, ZerosStayZerosAndNaNIsNotLost) {
  Tensor x = Tensor::zeros({3, 40});
  for (int64_t i = 0; i < 40; ++i) x.f32()[40 + i] = 2.5f;  // a row of one value
  x.f32()[85] = std::numeric_limits<float>::infinity();
  const Tensor w = random({20, 40}), b = random_f32({20});
  const Tensor y = linear(convert(x, kType), *pack_linear(w, b, DType::kI8), {.f32_out = true});
  EXPECT_EQ(max_difference(y.slice(0, 0, 1).view({20}), b), 0.0);
  const auto sums = product(x.slice(0, 1, 1), w);
  for (int64_t o = 0; o < 20; ++o) {
    EXPECT_NEAR(y.f32()[20 + o], sums[static_cast<size_t>(o)] + static_cast<double>(b.f32()[o]), 0.5);
    EXPECT_TRUE(std::isnan(y.f32()[40 + o]));
  }
}

TEST_F(Int8, ProductsTooDeepForTheSumsAreComputedInBf16) {
  const Tensor x = random({2, 65540}), w = random({3, 65540}, 0.01f);
  const Tensor y = linear(x, *pack_linear(w, {}, DType::kI8), {.f32_out = true});
  EXPECT_EQ(max_difference(y, linear(x, *pack_linear(w, {}, kType), {.f32_out = true})), 0.0);
}

TEST_F(Int8, ConvolutionsAreCloseToF32AtEveryLevel) {
  for (const auto& [h, width, in, out] : {std::array<int64_t, 4>{8, 8, 32, 32}, {9, 13, 34, 70}, {32, 20, 64, 96}}) {
    const Tensor x = random({2, h, width, in}), w = random({out, in, 3, 3}, 0.1f), b = random_f32({out});
    ConvArgs args;
    args.channel_bias = random_f32({2, out});
    args.residual = random_f32({2, h, width, out});
    args.f32_out = true;
    const Tensor exact = conv2d(convert(x, DType::kF32), *pack_conv2d(w, b, {1, 1}, DType::kF32), args);
    at_every_level([&] {
      const auto packed = pack_conv2d(w, b, {1, 1}, DType::kI8);
      EXPECT_EQ(packed->compute, DType::kBF16);
      EXPECT_LT(relative_error(conv2d(x, *packed, args), exact), 0.02);
    });
  }
}

TEST_F(Int8, DirectAndEnlargingConvolutionsAreCloseToF32AtEveryLevel) {
  ConvShape halved{.stride = 2, .pad = 1}, direct{.pad = 1}, enlarging{.pad = 1},
      before_down{.stride = 2, .pad_after = 1};
  direct.method = ConvMethod::kDirect;
  enlarging.upsample2x = true;
  for (const auto& [h, width, in, out] : {std::array<int64_t, 4>{8, 8, 32, 32}, {9, 13, 37, 70}, {16, 10, 330, 64}})
    for (const ConvShape& shape : {halved, direct, enlarging, before_down}) {
      const Tensor x = random({2, h, width, in}), w = random({out, in, 3, 3}, 0.1f), b = random_f32({out});
      ConvArgs args;
      args.upsample2x = shape.upsample2x;
      args.channel_bias = random_f32({2, out});
      const Tensor exact = conv2d(convert(x, DType::kF32), *pack_conv2d(w, b, shape, DType::kF32), args);
      at_every_level([&] {
        const auto packed = pack_conv2d(w, b, shape, DType::kI8);
        EXPECT_LT(relative_error(conv2d(x, *packed, args), exact), 0.02);
        if (!shape.upsample2x) return;
        const Tensor plain = conv2d(convert(x, DType::kF32), *pack_conv2d(w, b, {1, 1}, DType::kF32));
        EXPECT_LT(relative_error(conv2d(x, *packed), plain), 0.02);  // windows that were folded, unfolded
      });
    }
}

TEST_F(Int8, ConvolutionsOfFewChannelsAreComputedInBf16) {
  const Tensor x = random({1, 12, 12, 4}), w = random({48, 4, 3, 3}, 0.1f);
  EXPECT_EQ(
      max_difference(conv2d(x, *pack_conv2d(w, {}, {1, 1}, DType::kI8)), conv2d(x, *pack_conv2d(w, {}, {1, 1}, kType))),
      0.0);
}

// Every pixel is rounded by itself, so that how the map is cut into tiles does not matter.
TEST_F(Int8, ConvolutionsDependOnNoThreads) {
  const Tensor x = random({2, 24, 24, 64}), w = random({64, 64, 3, 3}, 0.1f);
  ConvShape enlarging{.pad = 1};
  enlarging.upsample2x = true;
  const auto winograd = pack_conv2d(w, {}, {1, 1}, DType::kI8), folded = pack_conv2d(w, {}, enlarging, DType::kI8);
  const auto run = [&] { return std::array{conv2d(x, *winograd), conv2d(x, *folded, {.upsample2x = true})}; };
  const auto before = run();
  const int threads = thread_count();
  set_thread_count(threads == 1 ? 3 : 1);
  const auto after = run();
  set_thread_count(threads);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(max_difference(after[i], before[i]), 0.0);
}

}  // namespace
}  // namespace easel::ops::testing
