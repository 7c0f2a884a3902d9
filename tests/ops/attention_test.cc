#include "ops/attention.h"

#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

struct Case {
  int64_t n, tq, tk, heads, width;
};
constexpr Case kCases[] = {{1, 1, 1, 1, 8},    {2, 64, 64, 8, 40},  {1, 100, 77, 2, 64},   {2, 33, 4, 3, 20},
                           {1, 5, 257, 2, 80}, {1, 70, 16, 1, 160}, {1, 130, 130, 1, 512}, {2, 256, 300, 2, 40},
                           {1, 37, 85, 4, 7},  {1, 9, 50, 2, 128},  {1, 200, 1, 2, 33},    {1, 65, 577, 5, 104}};

Tensor plain_attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, double scale, bool causal,
                       const Tensor& bias) {
  const auto qs = doubles(q), ks = doubles(k), vs = doubles(v);
  const auto biases = bias.defined() ? doubles(bias) : std::vector<double>();
  const int64_t n = q.dim(0), tq = q.dim(1), tk = k.dim(1), c = q.dim(2), d = c / heads;
  std::vector<double> out(qs.size());
  std::vector<double> s(static_cast<size_t>(tk));
  for (int64_t b = 0; b < n; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < tq; ++i) {
        const int64_t kb = k.dim(0) == 1 ? 0 : b, keys = causal ? std::min(tk, i + 1) : tk;
        double top = -INFINITY, sum = 0;
        for (int64_t j = 0; j < keys; ++j) {
          double dot = 0;
          for (int64_t e = 0; e < d; ++e)
            dot += qs[static_cast<size_t>((b * tq + i) * c + h * d + e)] *
                   ks[static_cast<size_t>((kb * tk + j) * c + h * d + e)];
          dot *= scale;
          if (bias.defined()) {
            const int64_t sets = bias.numel() / (tq * tk), set = sets == 1 ? 0 : sets == n ? b : b * heads + h;
            dot += biases[static_cast<size_t>((set * tq + i) * tk + j)];
          }
          s[static_cast<size_t>(j)] = dot;
          top = std::max(top, dot);
        }
        for (int64_t j = 0; j < keys; ++j) sum += s[static_cast<size_t>(j)] = std::exp(s[static_cast<size_t>(j)] - top);
        for (int64_t e = 0; e < d; ++e) {
          double value = 0;
          for (int64_t j = 0; j < keys; ++j)
            value += s[static_cast<size_t>(j)] * vs[static_cast<size_t>((kb * tk + j) * c + h * d + e)];
          out[static_cast<size_t>((b * tq + i) * c + h * d + e)] = value / sum;
        }
      }
  return tensor_of(q.shape(), out);
}

class Attention : public DeviceOps {
 protected:
  // bf16 rounds the weights of the sum as well as its result.
  double tolerance() const { return kType == DType::kF32 ? 2e-6 : 6e-3; }
};
EASEL_ON_EVERY_DEVICE(Attention);

TEST_P(Attention, MatchesThePlainSoftmaxForManyShapes) {
  for (const Case& c : kCases) {
    const Tensor q = random({c.n, c.tq, c.heads * c.width}), k = random({c.n, c.tk, c.heads * c.width});
    const Tensor v = random({c.n, c.tk, c.heads * c.width});
    const double scale = 1.0 / std::sqrt(static_cast<double>(c.width));
    EXPECT_LT(relative_error(attention(q, k, v, c.heads), plain_attention(q, k, v, c.heads, scale, false, {})),
              tolerance())
        << c.n << " " << c.tq << "x" << c.tk << " " << c.heads << "x" << c.width;
  }
}

TEST_P(Attention, IsCausalWhenAsked) {
  for (const Case& c : {Case{2, 77, 77, 4, 64}, Case{1, 300, 300, 1, 40}, Case{1, 3, 3, 1, 16}}) {
    const Tensor q = random({c.n, c.tq, c.heads * c.width}), k = random({c.n, c.tk, c.heads * c.width});
    const Tensor v = random({c.n, c.tk, c.heads * c.width});
    AttentionArgs args;
    args.causal = true;
    args.scale = 0.3f;
    EXPECT_LT(relative_error(attention(q, k, v, c.heads, args),
                             plain_attention(q, k, v, c.heads, static_cast<double>(args.scale), true, {})),
              tolerance());
  }
}

TEST_P(Attention, AddsABiasOfEveryForm) {
  const Case c{2, 50, 90, 3, 40};
  const Tensor q = random({c.n, c.tq, c.heads * c.width}), k = random({c.n, c.tk, c.heads * c.width});
  const Tensor v = random({c.n, c.tk, c.heads * c.width});
  for (const Shape& shape : {Shape{c.tq, c.tk}, Shape{c.n, c.tq, c.tk}, Shape{c.n * c.heads, c.tq, c.tk}}) {
    AttentionArgs args;
    args.bias = random_f32(shape, 2.0f);
    args.scale = 0.2f;
    EXPECT_LT(relative_error(attention(q, k, v, c.heads, args),
                             plain_attention(q, k, v, c.heads, static_cast<double>(args.scale), false, args.bias)),
              tolerance());
  }
}

TEST_P(Attention, ABiasOfMinusInfinityHidesKeys) {
  const Tensor q = random({1, 20, 32}), k = random({1, 150, 32}), v = random({1, 150, 32});
  AttentionArgs args;
  Tensor bias = Tensor::zeros({20, 150});
  for (int64_t i = 0; i < 20; ++i)
    for (int64_t j = 0; j < 150; ++j)
      if (j < 100 || j == 149) bias.f32()[i * 150 + j] = -INFINITY;
  args.bias = bias.to(kDevice);
  const Tensor seen = attention(q, k.slice(1, 100, 49), v.slice(1, 100, 49), 2);
  EXPECT_LT(relative_error(attention(q, k, v, 2, args), seen), tolerance());
}

TEST_P(Attention, TakesSlicesOfOneProductAndSharedKeys) {
  const Tensor qkv = random({2, 60, 3 * 80});
  const Tensor q = qkv.slice(2, 0, 80), k = qkv.slice(2, 80, 80), v = qkv.slice(2, 160, 80);
  const Tensor y = attention(q, k, v, 2);
  EXPECT_EQ(max_difference(y, attention(contiguous(q), contiguous(k), contiguous(v), 2)), 0.0);
  const Tensor one = attention(q, k.slice(0, 0, 1), v.slice(0, 0, 1), 2);
  EXPECT_EQ(max_difference(one.slice(0, 0, 1), y.slice(0, 0, 1)), 0.0);
  EXPECT_EQ(max_difference(one.slice(0, 1, 1), attention(q.slice(0, 1, 1), k.slice(0, 0, 1), v.slice(0, 0, 1), 2)),
            0.0);
}

TEST_P(Attention, StaysFiniteForLargeScores) {
  const Tensor q = random({1, 40, 64}, 20.0f), k = random({1, 200, 64}, 20.0f);
  const Tensor v = random({1, 200, 64});
  // Scores reach 1500, where exp overflows; half a unit in the last place of one is 6e-5.
  EXPECT_LT(relative_error(attention(q, k, v, 1), plain_attention(q, k, v, 1, 0.125, false, {})),
            std::max(6e-5, tolerance()));
}

TEST_P(Attention, RejectsShapesThatDoNotFit) {
  const Tensor q = random({2, 4, 32});
  EXPECT_THROW(attention(q, q, q, 5), Error);
  EXPECT_THROW(attention(q, random({2, 4, 16}), q, 2), Error);
  EXPECT_THROW(attention(q, random({3, 4, 32}), random({3, 4, 32}), 2), Error);
  AttentionArgs args;
  args.bias = random_f32({4, 5});
  EXPECT_THROW(attention(q, q, q, 2, args), Error);
}

}  // namespace
}  // namespace easel::ops::testing
