// Attention to a reference, against softmax written out in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "models/unet/reference_attention.h"

namespace easel::models {
namespace {

constexpr int64_t kTokens = 5, kWidth = 4;

Tensor values(int64_t samples, int seed) {
  Tensor out(Shape{samples, kTokens, kWidth});
  for (int64_t i = 0; i < out.numel(); ++i)
    out.f32()[i] = static_cast<float>(std::sin(static_cast<double>(i * 7 + seed * 13)));
  return out;
}
double at(const Tensor& t, int64_t n, int64_t token, int64_t c) { return t.f32()[(n * kTokens + token) * kWidth + c]; }

// Query `token` of sample n over the keys of these samples.
std::vector<double> attended(const Tensor& q, const Tensor& k, const Tensor& v, int64_t n, int64_t token,
                             const std::vector<int64_t>& samples) {
  std::vector<double> out(kWidth, 0.0);
  double sum = 0;
  for (const int64_t m : samples)
    for (int64_t t = 0; t < kTokens; ++t) {
      double score = 0;
      for (int64_t c = 0; c < kWidth; ++c) score += at(q, n, token, c) * at(k, m, t, c);
      const double weight = std::exp(score / std::sqrt(static_cast<double>(kWidth)));
      sum += weight;
      for (int64_t c = 0; c < kWidth; ++c) out[static_cast<size_t>(c)] += weight * at(v, m, t, c);
    }
  for (double& o : out) o /= sum;
  return out;
}

TEST(ReferenceAttention, OthersAlsoSeeTheFirstOfTheirBatch) {
  const Tensor q = values(6, 1), k = values(6, 2), v = values(6, 3);  // two chunks of a batch of three
  AttentionSite site;
  site.heads = 1;
  const Tensor out = reference_attention(3)->replace_self_attention(site, {}, {q, k, v, q});
  ASSERT_EQ(out.shape(), q.shape());
  for (int64_t n = 0; n < 6; ++n) {
    const int64_t first = n / 3 * 3;
    const std::vector<int64_t> seen = n == first ? std::vector<int64_t>{n} : std::vector<int64_t>{n, first};
    for (int64_t token = 0; token < kTokens; ++token) {
      const std::vector<double> expected = attended(q, k, v, n, token, seen);
      for (int64_t c = 0; c < kWidth; ++c)
        ASSERT_NEAR(at(out, n, token, c), expected[static_cast<size_t>(c)], 2e-6) << n << ", " << token;
    }
  }
}

}  // namespace
}  // namespace easel::models
