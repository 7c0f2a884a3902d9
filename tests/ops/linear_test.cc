#include "ops/linear.h"

#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

struct Case {
  int64_t rows, in, out;
};
constexpr Case kCases[] = {{1, 1, 1},    {1, 320, 1280}, {2, 33, 7},     {3, 7, 130},    {17, 64, 64},
                           {77, 96, 50}, {128, 40, 320}, {130, 257, 33}, {300, 128, 256}};

// act(x W^T + b) * scale + residual in f64.
std::vector<double> product(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation act, double scale,
                            const Tensor& residual) {
  const auto xs = doubles(x), ws = doubles(weight);
  const auto bs = bias.defined() ? doubles(bias) : std::vector<double>();
  const auto rs = residual.defined() ? doubles(residual) : std::vector<double>();
  const size_t in = static_cast<size_t>(weight.dim(1)), out = static_cast<size_t>(weight.dim(0)), rows = xs.size() / in;
  std::vector<double> y(rows * out);
  for (size_t r = 0; r < rows; ++r)
    for (size_t o = 0; o < out; ++o) {
      double sum = bs.empty() ? 0.0 : bs[o];
      for (size_t i = 0; i < in; ++i) sum += xs[r * in + i] * ws[o * in + i];
      y[r * out + o] = scale * reference_activation(act, sum) + (rs.empty() ? 0.0 : rs[r * out + o]);
    }
  return y;
}

std::vector<double> gated(const std::vector<double>& both, int64_t width) {
  const size_t half = static_cast<size_t>(width / 2), rows = both.size() / static_cast<size_t>(width);
  std::vector<double> y(rows * half);
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < half; ++c)
      y[r * half + c] = both[2 * r * half + c] * reference_activation(Activation::kGelu, both[(2 * r + 1) * half + c]);
  return y;
}

class Linear : public DeviceOps {};
EASEL_ON_EVERY_DEVICE(Linear);

TEST_P(Linear, MatchesThePlainProductForManyShapes) {
  for (const Case& c : kCases) {
    const Tensor x = random({c.rows, c.in}), w = random({c.out, c.in}), b = random_f32({c.out});
    for (const Tensor& bias : {b, Tensor()}) {
      const Tensor y = linear(x, *pack(w, bias));
      EXPECT_EQ(y.dtype(), kType);
      EXPECT_LT(relative_error(y, tensor_of({c.rows, c.out}, product(x, w, bias, Activation::kNone, 1, {}))),
                tolerance())
          << c.rows << "x" << c.in << "x" << c.out;
    }
  }
}

TEST_P(Linear, AppliesActivationScaleAndResidual) {
  for (const Activation a : {Activation::kNone, Activation::kSilu, Activation::kGelu, Activation::kQuickGelu,
                             Activation::kRelu, Activation::kLeakyRelu})
    for (const float scale : {1.0f, 0.37f})
      for (const bool with_residual : {true, false}) {
        const Tensor x = random({2, 19, 70}), w = random({45, 70}, 0.2f), b = random_f32({45});
        const Tensor residual = with_residual ? random({2, 19, 45}) : Tensor();
        const Tensor y = linear(x, *pack(w, b), {a, residual, scale});
        EXPECT_LT(relative_error(y, tensor_of({2, 19, 45}, product(x, w, b, a, static_cast<double>(scale), residual))),
                  tolerance())
            << static_cast<int>(a) << " " << scale << " " << with_residual;
      }
}

TEST_P(Linear, GegluGatesTheFirstHalfWithTheSecond) {
  for (const Case& c : {Case{5, 24, 34}, Case{64, 40, 320}, Case{200, 96, 768}, Case{1, 16, 2}}) {
    const Tensor x = random({c.rows, c.in}), w = random({c.out, c.in}, 0.2f), b = random_f32({c.out});
    const Tensor y = linear(x, *pack(w, b, true));
    const auto expected = gated(product(x, w, b, Activation::kNone, 1, {}), c.out);
    EXPECT_LT(relative_error(y, tensor_of({c.rows, c.out / 2}, expected)), 1.5 * tolerance());
  }
}

TEST_P(Linear, TakesRowsOfAWiderTensor) {
  const Tensor x = random({2, 21, 48}), w = random({32, 48}), wide = spread(x, 16);
  const auto packed = pack(w, {});
  EXPECT_EQ(max_difference(linear(wide, *packed), linear(x, *packed)), 0.0);
  EXPECT_THROW(linear(wide.slice(1, 0, 20), *packed), Error);  // samples not at one constant stride
  EXPECT_EQ(max_difference(linear(wide.slice(0, 1, 1), *packed), linear(x.slice(0, 1, 1), *packed)), 0.0);
}

TEST_P(Linear, PacksAnyFloatTypeAndStride) {
  const Tensor w = random({37, 50}), x = random({9, 50});
  const Tensor expected = linear(x, *pack(w, {}));
  const auto values = doubles(w);
  Tensor transposed({50, 37});
  for (int64_t i = 0; i < 37; ++i)
    for (int64_t j = 0; j < 50; ++j)
      transposed.f32()[j * 37 + i] = static_cast<float>(values[static_cast<size_t>(i * 50 + j)]);
  EXPECT_EQ(max_difference(linear(x, *pack(transposed.permute({1, 0}), {})), expected), 0.0);
  const Tensor half = convert(w, DType::kF16);
  EXPECT_EQ(max_difference(linear(x, *pack(half, {})), linear(x, *pack(convert(half, DType::kF32), {}))), 0.0);
}

TEST_P(Linear, OneWeightServesAllBatchSizes) {
  const Tensor w = random({96, 64}), b = random_f32({96});
  const auto packed = pack(w, b);
  for (const int64_t rows : {1, 2, 3, 16, 77, 500}) {
    const Tensor x = random({rows, 64});
    EXPECT_LT(relative_error(linear(x, *packed), tensor_of({rows, 96}, product(x, w, b, Activation::kNone, 1, {}))),
              tolerance());
  }
}

TEST_P(Linear, AccountsForItsMemory) {
  const auto packed = pack(random({256, 512}), {});
  EXPECT_GE(packed->bytes, 256u * 512u * dtype_size(kType));
  const size_t widest = kDevice == kHost ? dtype_size(kType) : sizeof(double);
  EXPECT_LE(packed->bytes, 256u * 512u * widest + 65536u);
}

TEST_P(Linear, RejectsShapesThatDoNotFit) {
  const auto packed = pack(random({8, 16}), {});
  EXPECT_THROW(linear(random({4, 15}), *packed), Error);
  EXPECT_THROW(linear(convert(random({4, 16}), DType::kF64), *packed), Error);
  EXPECT_THROW(linear(random({4, 16}), *packed, {Activation::kNone, random({4, 9})}), Error);
  EXPECT_THROW(pack(random({8, 16}), random_f32({9})), Error);
  EXPECT_THROW(pack(random({7, 16}), {}, true), Error);
  EXPECT_EQ(linear(random({0, 16}), *packed).numel(), 0);
}

}  // namespace
}  // namespace easel::ops::testing
