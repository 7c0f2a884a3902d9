// Normalisations; their bytes count each input twice for a group norm (statistics, application).
#include "ops/norm.h"

#include "ops_bench_support.h"

namespace easel::bench {
namespace {

void group_norm_silu(benchmark::State& state) {
  const DType type = type_of(state.range(0));
  const int64_t channels = state.range(3);
  const Tensor x = values({state.range(1), state.range(2), state.range(2), channels}, type);
  const Tensor w = values({channels}, DType::kF32);
  for (auto _ : state) benchmark::DoNotOptimize(ops::group_norm(x, w, w, 32, 1e-5f, ops::Activation::kSilu));
  report_bytes(state, 3 * x.nbytes());
}

void layer_norm(benchmark::State& state) {
  const DType type = type_of(state.range(0));
  const int64_t channels = state.range(3);
  const Tensor x = values({state.range(1), state.range(2), state.range(2), channels}, type);
  const Tensor w = values({channels}, DType::kF32);
  for (auto _ : state) benchmark::DoNotOptimize(ops::layer_norm(x, w, w, 1e-5f));
  report_bytes(state, 2 * x.nbytes());
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"bf16", "n", "side", "channels"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t type : {1, 0})
    for (const auto& s : {std::array<int64_t, 3>{2, 64, 320}, {2, 32, 640}, {2, 16, 1280}, {1, 256, 256}})
      b->Args({type, s[0], s[1], s[2]});
}
BENCHMARK(group_norm_silu)->Apply(shapes);
BENCHMARK(layer_norm)->Apply(shapes);

}  // namespace
}  // namespace easel::bench
