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

template <class T>
class Linear : public TypedOps<T> {};
TYPED_TEST_SUITE(Linear, BothTypes);

TYPED_TEST(Linear, MatchesThePlainProductForManyShapes) {
  for (const Case& c : kCases) {
    const Tensor x = this->random({c.rows, c.in}), w = this->random({c.out, c.in}), b = this->random_f32({c.out});
    for (const Tensor& bias : {b, Tensor()}) {
      const Tensor y = linear(x, *pack_linear(w, bias, this->kType));
      EXPECT_EQ(y.dtype(), this->kType);
      EXPECT_LT(relative_error(y, tensor_of({c.rows, c.out}, product(x, w, bias, Activation::kNone, 1, {}))),
                this->tolerance())
          << c.rows << "x" << c.in << "x" << c.out;
    }
  }
}

TYPED_TEST(Linear, AppliesActivationScaleAndResidual) {
  for (const Activation a : {Activation::kNone, Activation::kSilu, Activation::kGelu, Activation::kQuickGelu,
                             Activation::kRelu, Activation::kLeakyRelu})
    for (const float scale : {1.0f, 0.37f})
      for (const bool with_residual : {true, false}) {
        const Tensor x = this->random({2, 19, 70}), w = this->random({45, 70}, 0.2f), b = this->random_f32({45});
        const Tensor residual = with_residual ? this->random({2, 19, 45}) : Tensor();
        const Tensor y = linear(x, *pack_linear(w, b, this->kType), {a, residual, scale});
        EXPECT_LT(relative_error(y, tensor_of({2, 19, 45}, product(x, w, b, a, static_cast<double>(scale), residual))),
                  this->tolerance())
            << static_cast<int>(a) << " " << scale << " " << with_residual;
      }
}

TYPED_TEST(Linear, GegluGatesTheFirstHalfWithTheSecond) {
  for (const Case& c : {Case{5, 24, 34}, Case{64, 40, 320}, Case{200, 96, 768}, Case{1, 16, 2}}) {
    const Tensor x = this->random({c.rows, c.in}), w = this->random({c.out, c.in}, 0.2f), b = this->random_f32({c.out});
    const Tensor y = linear(x, *pack_linear(w, b, this->kType, true));
    const auto expected = gated(product(x, w, b, Activation::kNone, 1, {}), c.out);
    EXPECT_LT(relative_error(y, tensor_of({c.rows, c.out / 2}, expected)), 1.5 * this->tolerance());
  }
}

TYPED_TEST(Linear, TakesRowsOfAWiderTensor) {
  const Tensor x = this->random({2, 21, 48}), w = this->random({32, 48}), wide = this->spread(x, 16);
  const auto packed = pack_linear(w, {}, this->kType);
  EXPECT_EQ(max_difference(linear(wide, *packed), linear(x, *packed)), 0.0);
  EXPECT_THROW(linear(wide.slice(1, 0, 20), *packed), Error);  // samples not at one constant stride
  EXPECT_EQ(max_difference(linear(wide.slice(0, 1, 1), *packed), linear(x.slice(0, 1, 1), *packed)), 0.0);
}

TYPED_TEST(Linear, PacksAnyFloatTypeAndStride) {
  const Tensor w = this->random({37, 50}), x = this->random({9, 50});
  const Tensor expected = linear(x, *pack_linear(w, {}, this->kType));
  Tensor transposed({50, 37});
  for (int64_t i = 0; i < 37; ++i)
    for (int64_t j = 0; j < 50; ++j) transposed.f32()[j * 37 + i] = convert(w, DType::kF32).f32()[i * 50 + j];
  EXPECT_EQ(max_difference(linear(x, *pack_linear(transposed.permute({1, 0}), {}, this->kType)), expected), 0.0);
  const Tensor half = convert(w, DType::kF16);
  EXPECT_EQ(max_difference(linear(x, *pack_linear(half, {}, this->kType)),
                           linear(x, *pack_linear(convert(half, DType::kF32), {}, this->kType))),
            0.0);
}

TYPED_TEST(Linear, OneWeightServesAllBatchSizes) {
  const Tensor w = this->random({96, 64}), b = this->random_f32({96});
  const auto packed = pack_linear(w, b, this->kType);
  for (const int64_t rows : {1, 2, 3, 16, 77, 500}) {
    const Tensor x = this->random({rows, 64});
    EXPECT_LT(relative_error(linear(x, *packed), tensor_of({rows, 96}, product(x, w, b, Activation::kNone, 1, {}))),
              this->tolerance());
  }
}

TYPED_TEST(Linear, AccountsForItsMemory) {
  const auto packed = pack_linear(this->random({256, 512}), {}, this->kType);
  EXPECT_GE(packed->bytes, 256u * 512u * dtype_size(this->kType));
  EXPECT_LE(packed->bytes, 256u * 512u * dtype_size(this->kType) + 65536u);
}

TYPED_TEST(Linear, RejectsWhatDoesNotFit) {
  const auto packed = pack_linear(this->random({8, 16}), {}, this->kType);
  EXPECT_THROW(linear(this->random({4, 15}), *packed), Error);
  EXPECT_THROW(linear(convert(this->random({4, 16}), DType::kF64), *packed), Error);
  EXPECT_THROW(linear(this->random({4, 16}), *packed, {Activation::kNone, this->random({4, 9})}), Error);
  EXPECT_THROW(pack_linear(this->random({8, 16}), this->random_f32({9}), this->kType), Error);
  EXPECT_THROW(pack_linear(this->random({7, 16}), {}, this->kType, true), Error);
  EXPECT_EQ(linear(this->random({0, 16}), *packed).numel(), 0);
}

}  // namespace
}  // namespace easel::ops::testing
