#include "ops/limits.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "ops/backend.h"
#include "ops/linear.h"

namespace easel::ops {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

double measure_product_limit(DType type, double seconds) {
  constexpr int64_t kRows = 2048, kDepth = 2048, kOutputs = 2048;
  Tensor values({kOutputs, kDepth});
  for (int64_t i = 0; i < values.numel(); ++i) values.f32()[i] = static_cast<float>(i % 31) * 0.0625f - 1.0f;
  const bool bytes = type == DType::kI8;
  const Tensor x = convert(values, bytes ? DType::kBF16 : type);
  const PackedLinearPtr own = pack_linear(values, {}, type);
  std::vector<std::function<void()>> candidates{[&] { linear(x, *own); }};
  if (auto rival = backend(kHost).rival_product(type, kRows, kDepth, kOutputs)) candidates.push_back(std::move(rival));
  double best = 1e30;
  const double end = now() + seconds;
  for (int i = 0; i < 3 || now() < end; ++i)
    for (const auto& product : candidates) {
      const double start = now();
      product();
      if (i > 0) best = std::min(best, now() - start);  // the first round warms up
    }
  return 2.0 * kRows * kDepth * kOutputs / best;
}

}  // namespace easel::ops
