#include "ops/cpu/norm.h"

#include <algorithm>
#include <cmath>

#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

// One sample of a group norm as [positions, channels], cut into `parts` runs of positions.
struct Map {
  const Kernels& k;
  const Tensor& x;
  int64_t positions, channels, parts;

  int64_t begin(int64_t part) const { return positions * part / parts; }
  const void* at(const Tensor& t, int64_t sample, int64_t position) const {
    const int64_t element = static_cast<int64_t>(dtype_size(t.dtype()));
    return static_cast<const char*>(t.raw()) + (sample * positions + position) * channels * element;
  }
};

// Mean and scale of each channel, from the sums of all parts around `shift`:
// sum (x - m)^2 = Q - 2 (m - shift) S + P (m - shift)^2.
void settle(const Map& map, const double* sums, const float* shift, const float* weight, int64_t groups, double eps,
            float* mean, float* scale) {
  const int64_t size = map.channels / groups;
  const double positions = static_cast<double>(map.positions);
  for (int64_t g = 0; g < groups; ++g) {
    const auto total = [&](int64_t channel, int64_t which) {
      double t = 0;
      for (int64_t p = 0; p < map.parts; ++p) t += sums[(2 * p + which) * map.channels + channel];
      return t;
    };
    double middle = 0, variance = 0;
    for (int64_t c = g * size; c < (g + 1) * size; ++c)
      middle += (static_cast<double>(shift[c]) + total(c, 0) / positions) / static_cast<double>(size);
    for (int64_t c = g * size; c < (g + 1) * size; ++c) {
      const double d = middle - static_cast<double>(shift[c]);
      variance += total(c, 1) - 2.0 * d * total(c, 0) + positions * d * d;
    }
    variance = std::max(0.0, variance / (positions * static_cast<double>(size)));
    const double inverse = 1.0 / std::sqrt(variance + eps);
    for (int64_t c = g * size; c < (g + 1) * size; ++c) {
      mean[c] = static_cast<float>(middle);
      scale[c] = static_cast<float>(inverse * static_cast<double>(weight[c]));
    }
  }
}

}  // namespace

void group_norm(const Tensor& x, const float* weight, const float* bias, int64_t groups, float eps, bool silu,
                Tensor& out) {
  const int64_t n = x.dim(0), c = x.dim(-1), positions = x.numel() / (n * c);
  // Parts of about 64 KiB and more, a few for each thread.
  const int64_t parts = std::clamp<int64_t>(positions * c / 32768, 1, 4 * thread_count());
  const Map map{kernels(), x, positions, c, parts};
  const size_t type = type_index(x.dtype()), out_type = type_index(out.dtype());
  // Of each sample: shift, mean and scale, and the sums of each part.
  const Tensor values({n, 3, c}), sums = Tensor({n, parts, 2, c}, DType::kF64);
  float* f = const_cast<float*>(values.f32());
  double* s = const_cast<double*>(sums.data<double>());
  for (int64_t i = 0; i < n; ++i) {  // any value of the channel is near its mean, by its spread
    const Tensor first = convert(x.view({n, positions, c}).slice(0, i, 1).slice(1, 0, 1), DType::kF32);
    std::copy_n(first.f32(), c, f + i * 3 * c);
  }
  parallel_tasks(n * parts, [&](int64_t task) {
    const int64_t sample = task / parts, part = task % parts;
    double* to = s + task * 2 * c;
    std::fill_n(to, 2 * c, 0.0);
    map.k.norm_sums[type](
        {map.at(x, sample, map.begin(part)), map.begin(part + 1) - map.begin(part), c, f + sample * 3 * c, to, to + c});
  });
  for (int64_t i = 0; i < n; ++i) {
    float* v = f + i * 3 * c;
    settle(map, s + i * parts * 2 * c, v, weight, groups, static_cast<double>(eps), v + c, v + 2 * c);
  }
  parallel_tasks(n * parts, [&](int64_t task) {
    const int64_t sample = task / parts, part = task % parts, first = map.begin(part);
    const float* v = f + sample * 3 * c;
    map.k.norm_apply[type][out_type]({map.at(x, sample, first), map.begin(part + 1) - first, c, v + c, v + 2 * c, bias,
                                      silu, const_cast<void*>(map.at(out, sample, first))});
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
    k.layer_norm[type][out_type]({at(x), end - begin, c, c, weight, bias, eps, const_cast<char*>(at(out))});
  });
}

}  // namespace easel::ops::cpu
