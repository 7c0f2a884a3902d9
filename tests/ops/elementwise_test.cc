#include "ops/elementwise.h"

#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

class Elementwise : public DeviceOps {
 protected:
  // f(x, y) over all elements, b already of the shape of a.
  template <class F>
  static Tensor zip(const Tensor& a, const Tensor& b, F f) {
    const auto x = doubles(a), y = doubles(b);
    std::vector<double> out(x.size());
    for (size_t i = 0; i < x.size(); ++i) out[i] = f(x[i], y[i]);
    return tensor_of(a.shape(), out);
  }
};
EASEL_ON_EVERY_DEVICE(Elementwise);

TEST_P(Elementwise, Activates) {
  const Tensor x = random({3, 7, 41}, 4.0f);
  for (const Activation a : {Activation::kNone, Activation::kSilu, Activation::kGelu, Activation::kQuickGelu,
                             Activation::kRelu, Activation::kLeakyRelu}) {
    const Tensor expected = zip(x, x, [a](double v, double) { return reference_activation(a, v); });
    EXPECT_LT(relative_error(activate(x, a), expected), tolerance());
    EXPECT_LT(relative_error(activate(spread(x, 3), a), expected), tolerance());
  }
}

TEST_P(Elementwise, ActivationsKeepTheirLimits) {
  const Tensor values = convert(Tensor::of({6}, {-1e4f, -90.0f, -0.0f, 0.0f, 90.0f, 1e4f}), kType);
  const Tensor x = values.to(kDevice);
  for (const Activation a : {Activation::kSilu, Activation::kGelu, Activation::kQuickGelu}) {
    const Tensor y = convert(activate(x, a), DType::kF32).to(kHost);
    EXPECT_NEAR(y.f32()[0], 0.0f, 1e-30);
    EXPECT_NEAR(y.f32()[1], 0.0f, 1e-30);
    EXPECT_EQ(y.f32()[2], 0.0f);
    EXPECT_NEAR(y.f32()[4], 90.0f, 1e-5);
    EXPECT_EQ(y.f32()[5], convert(values, DType::kF32).f32()[5]);
  }
}

TEST_P(Elementwise, AddsMultipliesAndBlends) {
  for (const Shape& shape : {Shape{5}, Shape{2, 3, 4, 33}, Shape{64, 1000}}) {
    const Tensor a = random(shape), b = random(shape);
    EXPECT_LT(relative_error(add(a, b, -0.75f), zip(a, b, [](double x, double y) { return x - 0.75 * y; })),
              tolerance());
    EXPECT_LT(relative_error(mul(a, b), zip(a, b, [](double x, double y) { return x * y; })), tolerance());
    EXPECT_LT(relative_error(lerp(a, b, 0.25f), zip(a, b, [](double x, double y) { return x + (y - x) * 0.25; })),
              tolerance());
    EXPECT_LT(relative_error(affine(a, 2.5f, -1.0f), zip(a, a, [](double x, double) { return 2.5 * x - 1.0; })),
              tolerance());
    EXPECT_EQ(max_difference(add(spread(a, 5), spread(b, 9)), add(a, b)), 0.0);
  }
}

TEST_P(Elementwise, BroadcastsSizeOne) {
  const Tensor a = random({2, 3, 5, 8});
  for (const Shape& shape :
       {Shape{1, 1, 1, 8}, Shape{2, 1, 1, 1}, Shape{1, 3, 5, 1}, Shape{1, 1, 1, 1}, Shape{2, 1, 5, 8}}) {
    const Tensor b = random(shape), flat = convert(b, DType::kF32).to(kHost);
    Tensor wide({2, 3, 5, 8});
    for (int64_t i = 0; i < wide.numel(); ++i) {
      const int64_t index[] = {i / 120, i / 40 % 3, i / 8 % 5, i % 8};
      int64_t at = 0;
      for (int d = 0; d < 4; ++d) at += shape[d] == 1 ? 0 : index[d] * flat.stride(d);
      wide.f32()[i] = flat.f32()[at];
    }
    EXPECT_LT(relative_error(mul(a, b), zip(a, wide, [](double x, double y) { return x * y; })), tolerance());
    EXPECT_LT(relative_error(add(a, b), zip(a, wide, [](double x, double y) { return x + y; })), tolerance());
  }
  EXPECT_THROW(add(a, random({2, 3, 5, 7})), Error);
  EXPECT_THROW(mul(a, random({8})), Error);
}

TEST_P(Elementwise, JoinsAlongEveryDimension) {
  const Tensor a = random({2, 3, 4, 5});
  for (int dim = -4; dim < 4; ++dim) {
    Shape other = a.shape();
    other[dim] = 7;
    const Tensor b = random(other), y = concat({a, b, a}, dim);
    EXPECT_EQ(y.dim(dim), 2 * a.dim(dim) + 7);
    EXPECT_EQ(max_difference(contiguous(y.slice(dim, 0, a.dim(dim))), a), 0.0);
    EXPECT_EQ(max_difference(contiguous(y.slice(dim, a.dim(dim), 7)), b), 0.0);
    EXPECT_EQ(max_difference(contiguous(y.slice(dim, a.dim(dim) + 7, a.dim(dim))), a), 0.0);
    EXPECT_EQ(max_difference(concat({spread(a, 2), b, a}, dim), y), 0.0);
  }
  EXPECT_THROW(concat({a, random({2, 3, 4, 6})}, 0), Error);
  EXPECT_THROW(concat({}, 0), Error);
}

TEST_P(Elementwise, RepeatsTheWhole) {
  const Tensor x = random({2, 3}), y = repeat(x, 3);
  EXPECT_EQ(y.shape(), (Shape{6, 3}));
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(max_difference(contiguous(y.slice(0, 2 * i, 2)), x), 0.0);
}

TEST_P(Elementwise, ResizesByTwo) {
  const Tensor x = random({2, 5, 7, 6}), big = upsample_nearest2x(x);
  ASSERT_EQ(big.shape(), (Shape{2, 10, 14, 6}));
  const auto s = doubles(x), b = doubles(big), small = doubles(avg_pool2x(x));
  const auto at = [](int64_t n, int64_t r, int64_t c, int64_t k, int64_t h, int64_t w) {
    return static_cast<size_t>(((n * h + r) * w + c) * 6 + k);
  };
  for (int64_t i = 0; i < big.numel(); ++i) {
    const int64_t k = i % 6, c = i / 6 % 14, r = i / 84 % 10, n = i / 840;
    EXPECT_EQ(b[static_cast<size_t>(i)], s[at(n, r / 2, c / 2, k, 5, 7)]);
  }
  EXPECT_EQ(max_difference(avg_pool2x(big), x), 0.0);
  ASSERT_EQ(small.size(), 2u * 2 * 3 * 6);
  const double mean =
      (s[at(1, 2, 4, 3, 5, 7)] + s[at(1, 2, 5, 3, 5, 7)] + s[at(1, 3, 4, 3, 5, 7)] + s[at(1, 3, 5, 3, 5, 7)]) / 4;
  EXPECT_NEAR(small[at(1, 1, 2, 3, 2, 3)], mean, tolerance());
}

TEST_P(Elementwise, UnshufflesInTorchOrder) {
  const Tensor x = random({2, 4, 6, 3}), y = pixel_unshuffle(x, 2);
  ASSERT_EQ(y.shape(), (Shape{2, 2, 3, 12}));
  const auto s = doubles(x), d = doubles(y);
  for (size_t n = 0; n < 2; ++n)
    for (size_t r = 0; r < 2; ++r)
      for (size_t c = 0; c < 3; ++c)
        for (size_t k = 0; k < 12; ++k)
          EXPECT_EQ(d[((n * 2 + r) * 3 + c) * 12 + k],
                    s[((n * 4 + r * 2 + k / 2 % 2) * 6 + c * 2 + k % 2) * 3 + k / 4]);
  EXPECT_THROW(pixel_unshuffle(x, 4), Error);
  EXPECT_EQ(doubles(pixel_shuffle(y, 2)), s);
  EXPECT_THROW(pixel_shuffle(x, 2), Error);
}

TEST_P(Elementwise, EmbedsAndChecksIds) {
  const Tensor table = random({10, 6});
  const std::vector<int32_t> ids{3, 0, 9, 3};
  const Tensor rows = embedding(table.to(kHost), ids, kType, kDevice);
  EXPECT_EQ(rows.device(), kDevice);
  for (size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(
        max_difference(contiguous(rows.slice(0, static_cast<int64_t>(i), 1)), contiguous(table.slice(0, ids[i], 1))),
        0.0);
  EXPECT_THROW(embedding(table.to(kHost), std::vector<int32_t>{10}, kType, kDevice), Error);
  EXPECT_THROW(embedding(table.to(kHost), std::vector<int32_t>{-1}, kType, kDevice), Error);
}

TEST_P(Elementwise, TimestepsPutCosinesFirst) {
  const std::vector<float> t{0.0f, 999.0f, 12.5f};
  const Tensor y = timestep_embedding(t, 9, 10000.0f, kDevice).to(kHost);
  for (int64_t n = 0; n < 3; ++n) {
    for (int64_t i = 0; i < 4; ++i) {
      const double angle =
          static_cast<double>(t[static_cast<size_t>(n)]) * std::pow(10000.0, -static_cast<double>(i) / 4.0);
      EXPECT_NEAR(y.f32()[n * 9 + i], std::cos(angle), 1e-4);
      EXPECT_NEAR(y.f32()[n * 9 + 4 + i], std::sin(angle), 1e-4);
    }
    EXPECT_EQ(y.f32()[n * 9 + 8], 0.0f);  // what an odd width ends in
  }
}

}  // namespace
}  // namespace easel::ops::testing
