// Linear layers at the sizes of SD1.5 (512x512, two samples) and of the encoders.
#include "ops/linear.h"

#include "ops_bench_support.h"

namespace easel::bench {
namespace {

enum Kind { kPlain, kResidual, kGated };

void linear(benchmark::State& state, Kind kind) {
  const DType type = type_of(state.range(0));
  const int64_t rows = state.range(1), in = state.range(2), out = state.range(3);
  const Tensor x = values({rows, in}, type), bias = values({out}, DType::kF32);
  const auto w = ops::pack_linear(values({out, in}, type), bias, compute_of(state.range(0)), kind == kGated);
  ops::LinearArgs args;
  if (kind == kResidual) args.residual = values({rows, out}, type);
  for (auto _ : state) benchmark::DoNotOptimize(ops::linear(x, *w, args));
  report_flops(state, 2.0 * static_cast<double>(rows * in * out), compute_of(state.range(0)));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"type", "rows", "in", "out"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t type : {2, 1, 0})
    for (const auto& [rows, in, out] : {std::array<int64_t, 3>{8192, 320, 320},
                                        {8192, 1280, 320},
                                        {2048, 640, 640},
                                        {512, 1280, 1280},
                                        {154, 768, 640},
                                        {2, 1280, 1280},
                                        {257, 1280, 5120}})
      b->Args({type, rows, in, out});
}

void gated_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"type", "rows", "in", "out"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t type : {2, 1, 0})
    for (const auto& [rows, in, out] : {std::array<int64_t, 3>{8192, 320, 2560}, {2048, 640, 5120}, {512, 1280, 10240}})
      b->Args({type, rows, in, out});
}

BENCHMARK_CAPTURE(linear, plain, kPlain)->Apply(shapes);
BENCHMARK_CAPTURE(linear, residual, kResidual)->Apply(shapes);
BENCHMARK_CAPTURE(linear, geglu, kGated)->Apply(gated_shapes);

void pack(benchmark::State& state) {
  const Tensor weight = values({5120, 1280}, DType::kF16);
  for (auto _ : state) benchmark::DoNotOptimize(ops::pack_linear(weight, {}, compute_of(state.range(0))));
  report_bytes(state, weight.nbytes());
}
BENCHMARK(pack)->ArgName("type")->Arg(2)->Arg(1)->Arg(0)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace easel::bench
