// Under a CancelScope loops are cut into more ranges: results are the same bits, and long work looks at the token.
#include "base/cancel.h"

#include <cstddef>
#include <functional>

#include "base/parallel.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

class Cancelled : public DeviceOps {
 protected:
  std::vector<std::pair<const char*, std::function<Tensor()>>> cases() {
    const Tensor rows = random({1531, 160}), map = random({1, 61, 47, 64}), tokens = random({1, 700, 80});
    const Tensor ones = random_f32({160}), zeros = random_f32({160}), per_channel = random_f32({64});
    const PackedLinearPtr dense = pack(random({96, 160}), ones.slice(0, 0, 96));
    const PackedConvPtr conv = pack_conv(random({48, 64, 3, 3}), {}, {.stride = 1, .pad = 1});
    return {
        {"linear", [=] { return linear(rows, *dense); }},
        {"conv2d", [=] { return conv2d(map, *conv); }},
        {"attention", [=] { return attention(tokens, tokens, tokens, 2); }},
        {"attention_received", [=] { return attention_received(tokens, tokens, 2); }},
        {"group_norm", [=] { return group_norm(map, per_channel, per_channel, 8, 1e-5f); }},
        {"layer_norm", [=] { return layer_norm(rows, ones, zeros, 1e-5f); }},
        {"activate", [=] { return activate(rows, Activation::kGelu); }},
        {"add", [=] { return add(rows, rows, 0.3f); }},
        {"concat",
         [=] {
           return concat({map, map}, -1);
         }},
        {"upsample", [=] { return upsample_nearest2x(map); }},
        {"avg_pool", [=] { return avg_pool2x(map); }},
        {"repeat", [=] { return repeat(rows, 3); }},
    };
  }
  static std::vector<char> bytes_of(const Tensor& t) {
    const Tensor host = contiguous(t.to(kHost));
    const auto* first = static_cast<const char*>(host.raw());
    return {first, first + host.nbytes()};
  }
};
EASEL_ON_EVERY_DEVICE(Cancelled);

TEST_P(Cancelled, RangesCutFurtherGiveTheSameBits) {
  const int before = thread_count();
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    for (const auto& [name, work] : cases()) {
      SCOPED_TRACE(name);
      const auto plain = bytes_of(work());
      const CancelScope scope(CancelToken{});
      EXPECT_TRUE(bytes_of(work()) == plain);
    }
  }
  set_thread_count(before);
}

TEST_P(Cancelled, WorkOfTheProcessorStops) {
  if (kDevice != kHost) return;  // elsewhere an op is one piece
  for (const auto& [name, work] : cases()) {
    SCOPED_TRACE(name);
    const CancelToken token;
    const CancelScope scope(token);
    token.cancel();
    EXPECT_THROW(work(), Error);
  }
}

}  // namespace
}  // namespace easel::ops::testing
