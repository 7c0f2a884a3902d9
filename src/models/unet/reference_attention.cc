#include "models/unet/reference_attention.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "ops/attention.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

class ReferenceAttention final : public AttentionHook {
 public:
  explicit ReferenceAttention(int64_t batch) : batch_(batch) {}

  Tensor replace_self_attention(const AttentionSite& site, const StepInfo&, const SelfAttention& of) const override {
    const Tensor &q = of.q, &k = of.k, &v = of.v;
    std::vector<Tensor> out;
    for (int64_t first = 0; first < q.dim(0); first += batch_) {
      const int64_t count = std::min(batch_, q.dim(0) - first);
      out.push_back(ops::attention(q.slice(0, first, 1), k.slice(0, first, 1), v.slice(0, first, 1), site.heads));
      for (int64_t i = first + 1; i < first + count; ++i) {
        const auto behind_own = [&](const Tensor& t) {
          return ops::concat({contiguous(t.slice(0, i, 1)), contiguous(t.slice(0, first, 1))}, 1);
        };
        out.push_back(ops::attention(q.slice(0, i, 1), behind_own(k), behind_own(v), site.heads));
      }
    }
    return ops::concat(out, 0);
  }

 private:
  int64_t batch_;
};

}  // namespace

AttentionHookPtr reference_attention(int64_t batch) { return std::make_shared<const ReferenceAttention>(batch); }

}  // namespace easel::models
