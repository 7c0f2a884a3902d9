// Ops that only move memory: their rate should be memcpy's.
#include "ops/elementwise.h"

#include <cstring>

#include "ops_bench_support.h"

namespace easel::bench {
namespace {

Tensor map_of(const benchmark::State& state) { return values({2, 64, 64, 320}, type_of(state.range(0))); }

void copy(benchmark::State& state) {
  const Tensor x = map_of(state);
  Tensor y(x.shape(), x.dtype());
  for (auto _ : state) {
    std::memcpy(y.raw(), x.raw(), x.nbytes());
    benchmark::ClobberMemory();
  }
  report_bytes(state, 2 * x.nbytes());
}
void silu(benchmark::State& state) {
  const Tensor x = map_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(ops::activate(x, ops::Activation::kSilu));
  report_bytes(state, 2 * x.nbytes());
}
void add(benchmark::State& state) {
  const Tensor x = map_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(ops::add(x, x));
  report_bytes(state, 3 * x.nbytes());
}
void concat(benchmark::State& state) {
  const Tensor x = map_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(ops::concat({x, x}, 3));
  report_bytes(state, 4 * x.nbytes());
}
void upsample(benchmark::State& state) {
  const Tensor x = map_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(ops::upsample_nearest2x(x));
  report_bytes(state, 5 * x.nbytes());
}

BENCHMARK(copy)->ArgName("bf16")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(silu)->ArgName("bf16")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(add)->ArgName("bf16")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(concat)->ArgName("bf16")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(upsample)->ArgName("bf16")->Arg(1)->Arg(0)->UseRealTime();

}  // namespace
}  // namespace easel::bench
