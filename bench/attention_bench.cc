// Attention at the sizes of SD1.5, SDXL, CLIP and the VAE.
#include "ops/attention.h"

#include "ops_bench_support.h"

namespace easel::bench {
namespace {

void attention(benchmark::State& state) {
  const DType type = type_of(state.range(0));
  const int64_t n = state.range(1), queries = state.range(2), keys = state.range(3);
  const int64_t heads = state.range(4), width = heads * state.range(5);
  const Tensor q = values({n, queries, width}, type), k = values({n, keys, width}, type),
               v = values({n, keys, width}, type);
  for (auto _ : state) benchmark::DoNotOptimize(ops::attention(q, k, v, heads));
  report_flops(state, 4.0 * static_cast<double>(n * queries * keys * width), type);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"bf16", "n", "q", "k", "heads", "width"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t type : {1, 0})
    for (const auto& s : {std::array<int64_t, 5>{1, 4096, 4096, 8, 40},
                          {2, 1024, 1024, 8, 80},
                          {2, 256, 256, 8, 160},
                          {2, 64, 64, 8, 160},
                          {2, 4096, 77, 8, 40},
                          {2, 4096, 4, 8, 40},
                          {2, 4096, 16, 8, 40},
                          {2, 1024, 85, 8, 80},
                          {2, 257, 257, 16, 80},
                          {1, 4096, 4096, 10, 64},
                          {1, 4096, 4096, 1, 512}})
      b->Args({type, s[0], s[1], s[2], s[3], s[4]});
}
BENCHMARK(attention)->Apply(shapes);

}  // namespace
}  // namespace easel::bench
