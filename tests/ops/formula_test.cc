// Formulas, sums over dimensions, resampling: on every device, against loops in f64.
#include "ops/arithmetic/formula.h"

#include <algorithm>
#include <limits>

#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

class Formulas : public DeviceOps {
 protected:
  // Row after row on the device.
  Tensor row(std::initializer_list<float> values) const {
    return convert(Tensor::of({1, static_cast<int64_t>(values.size())}, values), kType).to(kDevice);
  }
  static std::vector<float> values(const Tensor& t) { return read(t); }
};
EASEL_ON_EVERY_DEVICE(Formulas);

TEST_P(Formulas, EveryStepDoesWhatItSays) {
  const Tensor a = row({-2.0f, 0.5f, 1.5f, 2.5f, 3.0f}), b = row({1.0f, 0.5f, -1.5f, 2.0f, -4.0f});
  using V = std::vector<float>;
  EXPECT_EQ(values(map([](auto x, auto y) { return x + y; }, a, b)), (V{-1, 1, 0, 4.5, -1}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x - y; }, a, b)), (V{-3, 0, 3, 0.5, 7}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x * y; }, a, b)), (V{-2, 0.25, -2.25, 5, -12}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x / y; }, a, b)), (V{-2, 1, -1, 1.25, -0.75}));
  EXPECT_EQ(values(map([](auto x, auto y) { return min(x, y); }, a, b)), (V{-2, 0.5, -1.5, 2, -4}));
  EXPECT_EQ(values(map([](auto x, auto y) { return max(x, y); }, a, b)), (V{1, 0.5, 1.5, 2.5, 3}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x > y; }, a, b)), (V{0, 0, 1, 1, 1}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x < y; }, a, b)), (V{1, 0, 0, 0, 0}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x >= y; }, a, b)), (V{0, 1, 1, 1, 1}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x <= y; }, a, b)), (V{1, 1, 0, 0, 0}));
  EXPECT_EQ(values(map([](auto x, auto y) { return x == y; }, a, b)), (V{0, 1, 0, 0, 0}));
  EXPECT_EQ(values(map([](auto x, auto y) { return select(x > y, x, 7.0f); }, a, b)), (V{7, 7, 1.5, 2.5, 3}));
  EXPECT_EQ(values(map([](auto x) { return clamp(x, -1.0f, 2.0f); }, a)), (V{-1, 0.5, 1.5, 2, 2}));
  EXPECT_EQ(values(map([](auto x) { return abs(x); }, a)), (V{2, 0.5, 1.5, 2.5, 3}));
  EXPECT_EQ(values(map([](auto x) { return -x; }, a)), (V{2, -0.5, -1.5, -2.5, -3}));
  EXPECT_EQ(values(map([](auto x) { return round(x); }, a)), (V{-2, 0, 2, 2, 3}));
  EXPECT_EQ(values(map([](auto x) { return sqrt(x * x); }, a)), (V{2, 0.5, 1.5, 2.5, 3}));
  EXPECT_EQ(values(map([](auto) { return 4.0f; }, a)), (V{4, 4, 4, 4, 4}));
  EXPECT_EQ(values(map([](auto, auto y) { return y; }, a, b)), values(b));
  EXPECT_EQ(values(map([](auto x) { return 1 - 2 * x; }, a)), (V{5, 0, -2, -4, -5}));
}

TEST_P(Formulas, PowersOfEAreThoseOfF64) {
  const Tensor a = row({-200.0f, -20.0f, -1.0f, 0.0f, 0.5f, 3.0f, 20.0f});
  const auto found = values(map([](auto x) { return exp(x); }, a));
  const auto exact = doubles(a);
  EXPECT_EQ(found[0], 0.0f);
  EXPECT_EQ(found[3], 1.0f);
  for (size_t i = 1; i < found.size(); ++i)
    EXPECT_NEAR(found[i] / std::exp(exact[i]), 1.0, kType == DType::kF32 ? 2e-6 : 4e-3) << i;
}

TEST_P(Formulas, LogarithmsAreThoseOfF64) {
  const Tensor a = row({1e-20f, 0.03f, 0.5f, 1.0f, 2.0f, 3000.0f});
  const auto found = values(map([](auto x) { return log(x); }, a));
  const auto exact = doubles(a);
  EXPECT_EQ(found[3], 0.0f);
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], std::log(exact[i]), (kType == DType::kF32 ? 1e-6 : 4e-3) * (1 + std::abs(std::log(exact[i]))))
        << i;
}

TEST_P(Formulas, NaNStaysNaN) {
  const Tensor a = row({std::numeric_limits<float>::quiet_NaN(), 3.0f});
  const auto clamped = values(map([](auto x) { return clamp(x, 0.0f, 1.0f); }, a));
  EXPECT_TRUE(std::isnan(clamped[0]));
  EXPECT_EQ(clamped[1], 1.0f);
}

// Each input may be repeated along any dimension, lie at any strides, and be longer than one block.
TEST_P(Formulas, InputsAreRepeatedToOneShape) {
  for (int i = 0; i < 24; ++i) {
    const Shape shape{pick(1, 3), pick(1, 12), pick(1, 40), pick(1, 9)};
    const auto some = [&] {
      Shape s = shape;
      for (int d = 0; d < 4; ++d)
        if (pick(0, 2) == 0) s[d] = 1;
      const Tensor t = random(s);
      return pick(0, 2) == 0   ? spread(t, pick(1, 5))
             : pick(0, 2) == 0 ? random({s[2], s[0], s[3], s[1]}).permute({1, 3, 0, 2})
                               : t;
    };
    const Tensor a = some(), b = some(), c = some();
    const Tensor out = map([](auto x, auto y, auto z) { return x * 0.5f + max(y, z) / (1 + abs(x)); }, a, b, c);
    Shape wanted = a.shape();
    for (const Tensor* t : {&b, &c})
      for (int d = 0; d < 4; ++d) wanted[d] = std::max(wanted[d], t->dim(d));
    ASSERT_EQ(out.shape(), wanted);
    EXPECT_EQ(out.dtype(), a.dtype());
    const auto x = doubles(a.expand(wanted)), y = doubles(b.expand(wanted)), z = doubles(c.expand(wanted));
    std::vector<double> expected;
    for (size_t k = 0; k < x.size(); ++k) expected.push_back(x[k] * 0.5 + std::max(y[k], z[k]) / (1 + std::abs(x[k])));
    EXPECT_LT(relative_error(out, tensor_of(wanted, expected)), tolerance());
  }
}

TEST_P(Formulas, UpdateChangesAPartAndNothingElse) {
  const Tensor whole = random({2, 6, 7, 5}), before = clone(whole), part = random_f32({2, 3, 4, 1});
  const Tensor view = whole.slice(1, 2, 3).slice(2, 1, 4).slice(3, 0, 4);
  update(
      view, [](auto old, auto v) { return old + 2 * v; }, part);
  const auto now = doubles(whole), old = doubles(before), added = doubles(part);
  for (int64_t i = 0; i < whole.numel(); ++i) {
    const int64_t c = i % 5, x = i / 5 % 7, y = i / 35 % 6, n = i / 210;
    const bool inside = y >= 2 && y < 5 && x >= 1 && x < 5 && c < 4;
    const double wanted =
        old[static_cast<size_t>(i)] + (inside ? 2 * added[static_cast<size_t>(((n * 3 + y - 2) * 4 + x - 1))] : 0.0);
    if (inside) EXPECT_NEAR(now[static_cast<size_t>(i)], wanted, 2e-2 * (kType == DType::kBF16) + 1e-6) << i;
    else EXPECT_EQ(now[static_cast<size_t>(i)], wanted) << i;
  }
}

// An uninitialised tensor is filled: its old values are not looked at.
TEST_P(Formulas, CopyWritesWhatIsRepeated) {
  Tensor out({300, 4}, kType, kDevice);
  const Tensor from = random({1, 4});
  copy(from, out);
  EXPECT_EQ(max_difference(out, from.expand({300, 4})), 0.0);
}

TEST_P(Formulas, RefuseShapesThatDoNotFit) {
  const Tensor a = random({2, 3}), b = random({2, 2}), row_of_a = random({1, 3});
  EXPECT_THROW(map([](auto x, auto y) { return x + y; }, a, b), Error);
  EXPECT_THROW(map([](auto x, auto y) { return x + y; }, a, random({3})), Error);
  EXPECT_THROW(update(
                   row_of_a, [](auto old, auto y) { return old + y; }, a),
               Error);
  EXPECT_THROW(update(
                   row_of_a.expand({2, 3}), [](auto old, auto y) { return old + y; }, a),
               Error);
  EXPECT_THROW(map(
                   [](auto x) {
                     Term sum = x * 1.0f;
                     for (int i = 0; i < Formula::kMostSteps; ++i) sum = sum + x;
                     return sum;
                   },
                   a),
               Error);
  EXPECT_THROW(map([](auto x) { return x * 1; }, Tensor({2}, DType::kI32)), Error);
}

TEST_P(Formulas, ReduceGivesSumsMeansAndExtremes) {
  const Tensor x = random({2, 5, 7, 70}, 2.0f, 0.3f);
  const auto s = doubles(x);
  const auto value = [&](int64_t n, int64_t i, int64_t j, int64_t c) {
    return s[static_cast<size_t>(((n * 5 + i) * 7 + j) * 70 + c)];
  };
  const Tensor mean = reduce(x, Reduction::kMean, 1, 2), sum = reduce(x, Reduction::kSum, 3, 3);
  const Tensor least = reduce(x, Reduction::kMin, 0, -1), most = reduce(x, Reduction::kMax, -1, -1);
  ASSERT_EQ(mean.shape(), (Shape{2, 1, 1, 70}));
  ASSERT_EQ(sum.shape(), (Shape{2, 5, 7, 1}));
  ASSERT_EQ(least.shape(), (Shape{1, 1, 1, 1}));
  const auto means = read(mean), sums = read(sum), largest = read(most);
  EXPECT_EQ(item(least), *std::min_element(s.begin(), s.end()));
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t c = 0; c < 70; ++c) {
      double total = 0;
      for (int64_t p = 0; p < 35; ++p) total += value(n, p / 7, p % 7, c);
      EXPECT_NEAR(means[static_cast<size_t>(n * 70 + c)], total / 35, 1e-6);
    }
    for (int64_t p = 0; p < 35; ++p) {
      double total = 0, top = -1e9;
      for (int64_t c = 0; c < 70; ++c) {
        total += value(n, p / 7, p % 7, c);
        top = std::max(top, value(n, p / 7, p % 7, c));
      }
      EXPECT_NEAR(sums[static_cast<size_t>(n * 35 + p)], total, 1e-4);
      EXPECT_EQ(largest[static_cast<size_t>(n * 35 + p)], top);
    }
  }
  EXPECT_THROW(reduce(x, Reduction::kSum, 2, 1), Error);
  EXPECT_THROW(reduce(x, Reduction::kSum, 0, 4), Error);
  EXPECT_THROW(item(x), Error);
}

TEST_P(Formulas, ResampleCopiesAndWeighs) {
  const Tensor x = random({1, 2, 3, 2});
  const Tensor big = resample(x, nearest_taps(2, 4), {1, {2, 1, 0}, {}});
  ASSERT_EQ(big.shape(), (Shape{1, 4, 3, 2}));
  const auto s = doubles(x), b = doubles(big);
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t c = 0; c < 2; ++c) EXPECT_EQ(b[(i * 3 + j) * 2 + c], s[(i / 2 * 3 + 2 - j) * 2 + c]);
  const Tensor half = resample(x, {2, {0, 1}, {0.25f, 0.75f}}, {1, {1}, {}});
  const auto h = doubles(half);
  for (size_t c = 0; c < 2; ++c) EXPECT_NEAR(h[c], 0.25 * s[2 + c] + 0.75 * s[8 + c], 1e-2);
  EXPECT_THROW(resample(x, {1, {2}, {}}, {1, {0}, {}}), Error);
  EXPECT_THROW(resample(x, {2, {0, 1}, {}}, {1, {0}, {}}), Error);
  EXPECT_THROW(resample(x, {2, {0, 1, 1}, {1, 1, 1}}, {1, {0}, {}}), Error);
}

// The attention of one query is shared among the keys, so that all keys together receive one for each query.
TEST_P(Formulas, AttentionReceivedIsThatGiven) {
  const Tensor q = random({2, 9, 24}), k = random({2, 6, 24});
  const Tensor received = attention_received(q, k, 3);
  ASSERT_EQ(received.shape(), (Shape{2, 6}));
  for (const float v : read(reduce(received, Reduction::kSum, 1, 1))) EXPECT_NEAR(v, 9, 1e-4);
  EXPECT_THROW(attention_received(q, random({1, 6, 24}), 3), Error);
  EXPECT_THROW(attention_received(q, k, 5), Error);
}

// By 0 a map loses its mean; the change is in proportion to the factor less 1; a wave of another frequency stays.
TEST_P(Formulas, LowFrequenciesAreScaledAlone) {
  const double close = kType == DType::kF32 ? 1e-5 : 1e-2;
  const Tensor x = random({1, 8, 6, 3});
  const auto change = [&](const Tensor& t, float by) {
    return map([](auto now, auto before) { return now - before; }, scale_low_frequencies(t, by), t);
  };
  EXPECT_EQ(max_difference(scale_low_frequencies(x, 1.0f), x), 0.0);
  const Tensor without = scale_low_frequencies(x, 0.0f);
  for (const float v : read(reduce(without, Reduction::kMean, 1, 2))) EXPECT_NEAR(v, 0, close);
  EXPECT_LT(relative_error(change(x, 5.0f), affine(change(x, 2.0f), 4.0f)), 2 * close);
  Tensor wave({1, 8, 6, 1});
  for (int64_t i = 0; i < wave.numel(); ++i) wave.f32()[i] = (i / 6 % 4 < 2) != (i % 2 == 0) ? 1.0f : -1.0f;
  EXPECT_LT(max_difference(change(convert(wave, kType).to(kDevice), 0.0f), Tensor::zeros(wave.shape())), close);
}

}  // namespace
}  // namespace easel::ops::testing
