// What the suites of the ops share: inputs, and the rate as a fraction of the machine's limit.
#pragma once

#include <benchmark/benchmark.h>

#include "ops/limits.h"
#include "tensor/tensor.h"

namespace easel::bench {

// Values in [-0.5, 0.5) without a pattern that kernels could profit from.
inline Tensor values(const Shape& shape, DType type) {
  Tensor t(shape);
  uint32_t state = 12345;
  for (int64_t i = 0; i < t.numel(); ++i) {
    state = state * 1664525u + 1013904223u;
    t.f32()[i] = static_cast<float>(state >> 8) / 16777216.0f - 0.5f;
  }
  return convert(t, type);
}

// The argument "type" of a suite: 0 f32, 1 bf16, 2 bytes. What products are computed in, and of what type values are.
inline DType compute_of(int64_t arg) { return arg == 0 ? DType::kF32 : arg == 1 ? DType::kBF16 : DType::kI8; }
inline DType type_of(int64_t arg) { return arg == 0 ? DType::kF32 : DType::kBF16; }

// GFLOPS, and their share of the limit measured once per type in the same run.
inline void report_flops(benchmark::State& state, double flops, DType compute) {
  static const double limits[3] = {ops::measure_product_limit(DType::kF32, 0.5).best(),
                                   ops::measure_product_limit(DType::kBF16, 0.5).best(),
                                   ops::measure_product_limit(DType::kI8, 0.5).best()};
  const double limit = limits[compute == DType::kF32 ? 0 : compute == DType::kBF16 ? 1 : 2];
  using benchmark::Counter;
  state.counters["GFLOPS"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["of_limit"] = Counter(flops / limit, Counter::kIsIterationInvariantRate);
}

inline void report_bytes(benchmark::State& state, size_t bytes) {
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(static_cast<double>(bytes) * 1e-9, Counter::kIsIterationInvariantRate);
}

}  // namespace easel::bench
