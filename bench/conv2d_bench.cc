// Convolutions at the sizes of SD1.5's UNet (two samples) and VAE at 512x512.
#include "ops/conv2d.h"

#include "ops_bench_support.h"

namespace easel::bench {
namespace {

enum Kind { kPlain, kDirect, kResidual, kEnlarged };

void conv2d(benchmark::State& state, Kind kind) {
  const DType type = type_of(state.range(0));
  const int64_t n = state.range(1), size = state.range(2), in = state.range(3), out = state.range(4);
  const int64_t kernel = state.range(5), stride = state.range(6), up = kind == kEnlarged ? 2 : 1;
  ops::ConvShape shape{.stride = stride, .pad = kernel / 2};
  shape.upsample2x = kind == kEnlarged;
  if (kind == kDirect) shape.method = ops::ConvMethod::kDirect;
  const auto w = ops::pack_conv2d(values({out, in, kernel, kernel}, type), values({out}, DType::kF32), shape,
                                  compute_of(state.range(0)));
  const int64_t out_size = (up * size + 2 * (kernel / 2) - kernel) / stride + 1;
  ops::ConvArgs args;
  args.upsample2x = shape.upsample2x;
  if (kind == kResidual) args.residual = values({n, out_size, out_size, out}, type);
  const Tensor x = values({n, size, size, in}, type);
  for (auto _ : state) benchmark::DoNotOptimize(ops::conv2d(x, *w, args));
  report_flops(state, 2.0 * static_cast<double>(n * out_size * out_size * out * in * kernel * kernel),
               compute_of(state.range(0)));
}

using Sizes = std::array<int64_t, 6>;  // samples, side, in, out, kernel, stride

void add(benchmark::internal::Benchmark* b, std::initializer_list<Sizes> list) {
  b->ArgNames({"type", "n", "side", "in", "out", "k", "stride"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t type : {2, 1, 0})
    for (const Sizes& s : list) b->Args({type, s[0], s[1], s[2], s[3], s[4], s[5]});
}

void unet_and_vae(benchmark::internal::Benchmark* b) {
  add(b, {{2, 64, 320, 320, 3, 1},
          {2, 64, 640, 320, 3, 1},
          {2, 64, 4, 320, 3, 1},
          {2, 64, 320, 4, 3, 1},
          {2, 64, 320, 320, 3, 2},
          {2, 32, 640, 640, 3, 1},
          {2, 16, 1280, 1280, 3, 1},
          {2, 8, 1280, 1280, 3, 1},
          {2, 64, 640, 320, 1, 1},
          {1, 64, 512, 512, 3, 1},
          {1, 512, 128, 128, 3, 1}});
}
void with_residual(benchmark::internal::Benchmark* b) {
  add(b, {{2, 64, 320, 320, 3, 1}, {2, 32, 640, 640, 3, 1}, {2, 16, 1280, 1280, 3, 1}});
}
// The same sums without Winograd's transform.
void without_winograd(benchmark::internal::Benchmark* b) {
  b->ArgNames({"type", "n", "side", "in", "out", "k", "stride"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t type : {1, 0})
    for (const Sizes& s : {Sizes{2, 64, 320, 320, 3, 1},
                           {2, 64, 640, 320, 3, 1},
                           {2, 32, 640, 640, 3, 1},
                           {2, 16, 1280, 1280, 3, 1},
                           {2, 8, 1280, 1280, 3, 1},
                           {1, 64, 512, 512, 3, 1},
                           {1, 512, 128, 128, 3, 1}})
      b->Args({type, s[0], s[1], s[2], s[3], s[4], s[5]});
}
void enlarged(benchmark::internal::Benchmark* b) { add(b, {{2, 32, 640, 640, 3, 1}, {1, 128, 512, 512, 3, 1}}); }

BENCHMARK_CAPTURE(conv2d, plain, kPlain)->Apply(unet_and_vae);
BENCHMARK_CAPTURE(conv2d, direct, kDirect)->Apply(without_winograd);
BENCHMARK_CAPTURE(conv2d, residual, kResidual)->Apply(with_residual);
BENCHMARK_CAPTURE(conv2d, enlarged, kEnlarged)->Apply(enlarged);

void pack(benchmark::State& state) {
  const Tensor weight = values({640, 640, 3, 3}, DType::kF16);
  for (auto _ : state) benchmark::DoNotOptimize(ops::pack_conv2d(weight, {}, {1, 1}, compute_of(state.range(0))));
  report_bytes(state, weight.nbytes());
}
BENCHMARK(pack)->ArgName("type")->Arg(2)->Arg(1)->Arg(0)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace easel::bench
