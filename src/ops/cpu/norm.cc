#include "ops/cpu/norm.h"

#include <algorithm>
#include <cmath>

#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

// The input of a group norm as [samples, positions, channels], with the positions cut into `parts` runs.
struct PositionRuns {
  const Kernels& k;
  const Tensor& x;
  int64_t positions, channels, parts;

  int64_t begin(int64_t part) const { return positions * part / parts; }
  const void* at(const Tensor& t, int64_t sample, int64_t position) const {
    const int64_t element = static_cast<int64_t>(dtype_size(t.dtype()));
    return static_cast<const char*>(t.raw()) + (sample * positions + position) * channels * element;
  }
};

// Mean and scale of each channel of one sample, from the sums S of x - shift and Q of (x - shift)^2 over the P
// positions of all parts: sum (x - m)^2 = Q - 2 (m - shift) S + P (m - shift)^2.
void channel_statistics(const PositionRuns& map, const double* sums, const float* shift, const float* weight,
                        int64_t groups, double eps, float* mean, float* scale) {
  const int64_t size = map.channels / groups;
  const double positions = static_cast<double>(map.positions);
  for (int64_t g = 0; g < groups; ++g) {
    const auto total = [&](int64_t channel, int64_t which) {
      double t = 0;
      for (int64_t p = 0; p < map.parts; ++p) t += sums[(2 * p + which) * map.channels + channel];
      return t;
    };
    double group_mean = 0, variance = 0;
    for (int64_t c = g * size; c < (g + 1) * size; ++c)
      group_mean += (static_cast<double>(shift[c]) + total(c, 0) / positions) / static_cast<double>(size);
    for (int64_t c = g * size; c < (g + 1) * size; ++c) {
      const double d = group_mean - static_cast<double>(shift[c]);
      variance += total(c, 1) - 2.0 * d * total(c, 0) + positions * d * d;
    }
    variance = std::max(0.0, variance / (positions * static_cast<double>(size)));
    const double inverse = 1.0 / std::sqrt(variance + eps);
    for (int64_t c = g * size; c < (g + 1) * size; ++c) {
      mean[c] = static_cast<float>(group_mean);
      scale[c] = static_cast<float>(inverse * static_cast<double>(weight[c]));
    }
  }
}

}  // namespace

void group_norm(const Tensor& x, const float* weight, const float* bias, int64_t groups, float eps, bool silu,
                Tensor& out) {
  const int64_t n = x.dim(0), c = x.dim(-1), positions = x.numel() / (n * c);
  // At most a few parts for each thread, of at least 64 to 128 KiB.
  const int64_t parts = std::clamp<int64_t>(positions * c / 32768, 1, 4 * thread_count());
  const PositionRuns map{kernels(), x, positions, c, parts};
  const size_t type = type_index(x.dtype()), out_type = type_index(out.dtype());
  // For each sample the shift, mean and scale of its channels, and the sums of each part.
  const Tensor values({n, 3, c}), sums = Tensor({n, parts, 2, c}, DType::kF64);
  float* f = const_cast<float*>(values.f32());
  double* s = const_cast<double*>(sums.data<double>());
  for (int64_t i = 0; i < n; ++i) {  // the first position serves as shift: it is within a few deviations of the mean
    const Tensor first = convert(x.view({n, positions, c}).slice(0, i, 1).slice(1, 0, 1), DType::kF32);
    std::copy_n(first.f32(), c, f + i * 3 * c);
  }
  parallel_tasks(n * parts, [&](int64_t task) {
    const int64_t sample = task / parts, part = task % parts;
    double* to = s + task * 2 * c;
    std::fill_n(to, 2 * c, 0.0);
    map.k.norm_sums[type]({.x = map.at(x, sample, map.begin(part)),
                           .rows = map.begin(part + 1) - map.begin(part),
                           .channels = c,
                           .shift = f + sample * 3 * c,
                           .sums = to,
                           .squares = to + c});
  });
  for (int64_t i = 0; i < n; ++i) {
    float* v = f + i * 3 * c;
    channel_statistics(map, s + i * parts * 2 * c, v, weight, groups, static_cast<double>(eps), v + c, v + 2 * c);
  }
  parallel_tasks(n * parts, [&](int64_t task) {
    const int64_t sample = task / parts, part = task % parts, first = map.begin(part);
    const float* v = f + sample * 3 * c;
    map.k.norm_apply[type][out_type]({.x = map.at(x, sample, first),
                                      .rows = map.begin(part + 1) - first,
                                      .channels = c,
                                      .mean = v + c,
                                      .scale = v + 2 * c,
                                      .shift = bias,
                                      .silu = silu,
                                      .out = const_cast<void*>(map.at(out, sample, first))});
  });
}

void layer_norm(const Tensor& x, const float* weight, const float* bias, float eps, Tensor& out) {
  const int64_t c = x.dim(-1), rows = x.numel() / c;
  const Kernels& k = kernels();
  const size_t type = type_index(x.dtype()), out_type = type_index(out.dtype());
  parallel_for(rows, std::max<int64_t>(1, 16384 / c), [&](int64_t begin, int64_t end) {
    const auto at = [&](const Tensor& t) {
      return static_cast<const char*>(t.raw()) + begin * c * static_cast<int64_t>(dtype_size(t.dtype()));
    };
    k.layer_norm[type][out_type]({.x = at(x),
                                  .rows = end - begin,
                                  .channels = c,
                                  .stride = c,
                                  .weight = weight,
                                  .bias = bias,
                                  .eps = eps,
                                  .out = const_cast<char*>(at(out))});
  });
}

}  // namespace easel::ops::cpu
