// Attention with heads of more than 160 values, which is two products with a softmax between them.
#include "ops/attention.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

constexpr Device kReference{DeviceKind::kReference, 0};

class WideHeads : public DeviceOps {
 protected:
  bool card() const {
    backend(kReference);
    return kDevice.kind == DeviceKind::kVulkan;
  }
  // bf16 rounds the result.
  double tolerance() const { return kType == DType::kF32 ? 2e-6 : 3e-3; }
};
EASEL_ON_EVERY_DEVICE(WideHeads);

TEST_P(WideHeads, AreThoseOfTheReference) {
  if (!card()) return;
  struct Case {
    int64_t samples, queries, keys, heads, width, key_samples;
    bool causal, biased;
  };
  const Case cases[] = {
      {1, 70, 130, 1, 512, 1, false, false}, {2, 33, 45, 3, 168, 2, false, false}, {2, 20, 17, 1, 200, 1, false, false},
      {1, 40, 40, 2, 161, 1, true, false},   {1, 9, 25, 1, 256, 1, true, true},    {2, 12, 300, 2, 192, 1, false, true},
      {1, 1, 1, 1, 512, 1, false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.width) + " values, " + std::to_string(c.keys) + " keys");
    // As one fused product of queries, keys and values holds them.
    const int64_t all = c.heads * c.width;
    const Tensor q = random({c.samples, c.queries, 2 * all}).slice(2, all, all);
    const Tensor both = random({c.key_samples, c.keys, 2 * all});
    const Tensor k = both.slice(2, 0, all), v = both.slice(2, all, all);
    AttentionArgs here{.causal = c.causal}, there = here;
    if (c.biased) {
      here.bias = random_f32({c.samples * c.heads, c.queries, c.keys});
      there.bias = here.bias.to(kHost).to(kReference);
    }
    const auto on_reference = [](const Tensor& t) { return contiguous(t).to(kHost).to(kReference); };
    EXPECT_LT(relative_error(attention(q, k, v, c.heads, here),
                             attention(on_reference(q), on_reference(k), on_reference(v), c.heads, there)),
              tolerance());
  }
}

// The values of the VAE may be beyond f16, whatever a card multiplies with.
TEST_P(WideHeads, HoldValuesBeyondThoseOfF16) {
  if (!card()) return;
  const Tensor q = random({1, 24, 512}, 1e-5f), k = random({1, 24, 512}, 1e5f), v = random({1, 24, 512}, 1e6f);
  const auto on_reference = [](const Tensor& t) { return t.to(kHost).to(kReference); };
  EXPECT_LT(relative_error(attention(q, k, v, 1), attention(on_reference(q), on_reference(k), on_reference(v), 1)),
            tolerance());
}

// More queries than there are scores for at once: 16 MiB of them on Mesa's driver for the processor.
TEST_P(WideHeads, GoOnWithTheNextQueries) {
  if (!card() || kType != DType::kF32) return;
  const int64_t queries = 2100, last = 100;
  const Tensor q = random({1, queries, 168}), k = random({1, 2048, 168}), v = random({1, 2048, 168});
  const Tensor all = contiguous(attention(q, k, v, 1).slice(1, queries - last, last)).to(kHost);
  const Tensor alone = attention(contiguous(q.slice(1, queries - last, last)), k, v, 1).to(kHost);
  EXPECT_LT(relative_error(all, alone), tolerance());
}

}  // namespace
}  // namespace easel::ops::testing
