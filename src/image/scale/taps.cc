#include "image/scale/taps.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "image/scale/simd.h"

namespace easel::image {
namespace {

Taps empty_taps(int64_t count, int64_t output, Rounding rounding) {
  const auto n = static_cast<size_t>(count * output);
  return {count, rounding, std::vector<int64_t>(n), std::vector<float>(n),
          std::vector<int64_t>(static_cast<size_t>(output), count)};
}

// Under Rounding::kGroups: the last tap that is rounded before it is added.
int64_t last_rounded(int64_t length) { return (length - 1) / 4 * 4; }

// Where output position `output` lies in the input (aten/native/UpSample.h, area_pixel_compute_source_index): the
// scale is an f32, the position is not.
double source_position(int64_t input, int64_t size, int64_t output) {
  const float scale = static_cast<float>(input) / static_cast<float>(size);
  return scale * (static_cast<double>(output) + 0.5) - 0.5;
}

// C's conversion, which is what torch rounds with after adding a half.
int64_t truncated(double value) { return static_cast<int64_t>(value); }

// Keys' cubic convolution for |x| <= 1 and for 1 < |x| < 2. The roundings are those of torch's build: some products
// are fused with the sum behind them, the last one is not.
float cubic_near(float x, float a) { return std::fma(a + 2, x, -(a + 3)) * x * x + 1; }
float cubic_far(float x, float a) { return std::fma(std::fma(a, x, -5 * a), x, 8 * a) * x - 4 * a; }

// The same with a = -0.5, the near part in f64, as the antialiasing filter has it (aa_filter).
float antialias_cubic(float x) {
  x = std::abs(x);
  if (x < 1) return static_cast<float>((1.5 * x - 2.5) * x * x + 1);
  if (x < 2) return std::fma(std::fma(x - 5, x, 8.0f), x, -4.0f) * -0.5f;
  return 0;
}

// One input row [W,C] to one output row [outW,C], Rounding::kPair.
template <int kChannels>
__attribute__((always_inline)) inline void gather_pairs(const float* in, float* out, int64_t channels,
                                                        const Taps& taps) {
  const int64_t step = kChannels > 0 ? kChannels : channels, count = taps.count, size = taps.size();
  const int64_t* index = taps.index.data();
  const float* weight = taps.weight.data();
  for (int64_t x = 0; x < size; ++x, index += count, weight += count, out += step) {
    const float *tap0 = in + index[0] * step, *tap1 = in + index[1] * step;
    for (int64_t c = 0; c < step; ++c) out[c] = std::fma(tap0[c], weight[0], tap1[c] * weight[1]);
    for (int64_t t = 2; t < count; ++t) {
      const float* tap = in + index[t] * step;
      for (int64_t c = 0; c < step; ++c) out[c] = std::fma(tap[c], weight[t], out[c]);
    }
  }
}

// The same, Rounding::kGroups.
template <int kChannels>
__attribute__((always_inline)) inline void gather_groups(const float* in, float* out, int64_t channels,
                                                         const Taps& taps) {
  const int64_t step = kChannels > 0 ? kChannels : channels, count = taps.count, size = taps.size();
  const int64_t* index = taps.index.data();
  const float* weight = taps.weight.data();
  for (int64_t x = 0; x < size; ++x, index += count, weight += count, out += step) {
    const int64_t length = taps.length[static_cast<size_t>(x)], rounded = last_rounded(length);
    for (int64_t c = 0; c < step; ++c) {
      float sum = in[index[0] * step + c] * weight[0];
      for (int64_t t = 1; t <= rounded; ++t) sum += in[index[t] * step + c] * weight[t];
      for (int64_t t = rounded + 1; t < length; ++t) sum = std::fma(in[index[t] * step + c], weight[t], sum);
      out[c] = sum;
    }
  }
}

EASEL_CLONES void gather(const float* in, float* out, int64_t channels, const Taps& taps) {
  if (taps.rounding == Rounding::kGroups) {
    if (channels == 3) gather_groups<3>(in, out, channels, taps);
    else gather_groups<0>(in, out, channels, taps);
  } else {
    if (channels == 3) gather_pairs<3>(in, out, channels, taps);
    else gather_pairs<0>(in, out, channels, taps);
  }
}

EASEL_CLONES void mix_rows(const float* fused, float fused_weight, const float* rounded, float rounded_weight,
                           float* out, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = std::fma(fused[i], fused_weight, rounded[i] * rounded_weight);
}

EASEL_CLONES void scale_row(const float* in, float weight, float* out, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = in[i] * weight;
}

EASEL_CLONES void add_rounded_row(const float* in, float weight, float* out, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] += in[i] * weight;
}

EASEL_CLONES void add_row(const float* in, float weight, float* out, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = std::fma(in[i], weight, out[i]);
}

EASEL_CLONES void corners_row(const float* upper, const float* lower, float upper_weight, float lower_weight,
                              int64_t channels, const Taps& taps, float* out) {
  for (int64_t x = 0; x < taps.size(); ++x) {
    const int64_t* index = &taps.index[static_cast<size_t>(2 * x)];
    const float* weight = &taps.weight[static_cast<size_t>(2 * x)];
    const double w00 = upper_weight * weight[0], w01 = upper_weight * weight[1];
    const double w10 = lower_weight * weight[0], w11 = lower_weight * weight[1];
    const int64_t left = index[0] * channels, right = index[1] * channels;
    for (int64_t c = 0; c < channels; ++c)
      *out++ = static_cast<float>(w00 * upper[left + c] + w01 * upper[right + c] + w10 * lower[left + c] +
                                  w11 * lower[right + c]);
  }
}

int64_t grain_for(int64_t row) { return std::max<int64_t>(1, 65536 / std::max<int64_t>(1, row)); }

// Input rows resampled to output columns, kept while the output rows that follow need them again.
class RowCache {
 public:
  RowCache(const Tensor& image, const Taps& x, int64_t rows)
      : source_(image.f32()),
        channels_(image.dim(3)),
        width_(image.dim(2)),
        x_(x),
        lines_(static_cast<size_t>(rows * x.size() * image.dim(3))),
        held_(static_cast<size_t>(rows), -1) {}

  // Row `index` of the batch. Stays valid while at most `rows` neighbouring rows are asked for.
  const float* row(int64_t index) {
    const auto place = static_cast<size_t>(index) % held_.size();
    float* line = &lines_[place * static_cast<size_t>(x_.size() * channels_)];
    if (std::exchange(held_[place], index) != index) gather(source_ + index * width_ * channels_, line, channels_, x_);
    return line;
  }

 private:
  const float* source_;
  int64_t channels_, width_;
  const Taps& x_;
  std::vector<float> lines_;
  std::vector<int64_t> held_;
};

}  // namespace

// aten/native/UpSample.h, nearest_neighbor_exact_compute_source_index.
std::vector<int64_t> nearest_exact_index(int64_t input, int64_t output) {
  const float scale = static_cast<float>(input) / static_cast<float>(output);
  std::vector<int64_t> index(static_cast<size_t>(output));
  for (size_t i = 0; i < index.size(); ++i)
    index[i] = std::min(static_cast<int64_t>(std::floor(static_cast<float>((static_cast<double>(i) + 0.5) * scale))),
                        input - 1);
  return index;
}

Taps linear_taps(int64_t input, int64_t output) {
  Taps taps = empty_taps(2, output, Rounding::kPair);
  for (int64_t i = 0; i < output; ++i) {
    const double position = std::max(0.0, source_position(input, output, i));
    const auto first = std::min(static_cast<int64_t>(position), input - 1);
    const auto fraction = static_cast<float>(position - static_cast<double>(first));
    const auto at = static_cast<size_t>(2 * i);
    taps.index[at] = first;
    taps.index[at + 1] = std::min(first + 1, input - 1);
    taps.weight[at] = 1.0f - fraction;
    taps.weight[at + 1] = fraction;
  }
  return taps;
}

Taps area_taps(int64_t input, int64_t output) {
  const auto begin = [&](int64_t i) { return i * input / output; };
  const auto end = [&](int64_t i) { return ((i + 1) * input + output - 1) / output; };
  int64_t widest = 2;
  for (int64_t i = 0; i < output; ++i) widest = std::max(widest, end(i) - begin(i));
  Taps taps = empty_taps(widest, output, Rounding::kPair);
  for (int64_t i = 0; i < output; ++i)
    for (int64_t j = 0; j < widest; ++j) {
      const auto at = static_cast<size_t>(widest * i + j);
      const int64_t count = end(i) - begin(i);
      taps.index[at] = std::min(begin(i) + j, input - 1);
      taps.weight[at] = j < count ? 1.0f / static_cast<float>(count) : 0.0f;
      taps.length[static_cast<size_t>(i)] = count;
    }
  return taps;
}

Taps cubic_taps(int64_t input, int64_t output) {
  constexpr float kA = -0.75f;
  Taps taps = empty_taps(4, output, Rounding::kPair);
  for (int64_t i = 0; i < output; ++i) {
    const double position = source_position(input, output, i);
    const float base = std::floor(static_cast<float>(position));
    const auto t = static_cast<float>(position - base);
    const float weights[4] = {cubic_far(t + 1, kA), cubic_near(t, kA), cubic_near(1 - t, kA),
                              cubic_far((1 - t) + 1, kA)};
    for (int64_t j = 0; j < 4; ++j) {
      const auto at = static_cast<size_t>(4 * i + j);
      taps.index[at] = std::clamp<int64_t>(static_cast<int64_t>(base) - 1 + j, 0, input - 1);
      taps.weight[at] = weights[j];
    }
  }
  return taps;
}

// aten/native/cpu/UpSampleKernel.cpp, _compute_weights_aa.
Taps antialias_cubic_taps(int64_t input, int64_t output) {
  const float scale = static_cast<float>(input) / static_cast<float>(output);
  const float support = scale >= 1.0f ? 2.0f * scale : 2.0f;
  const float inverse = scale >= 1.0f ? 1.0f / scale : 1.0f;
  const auto count = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  Taps taps = empty_taps(count, output, Rounding::kGroups);
  for (int64_t i = 0; i < output; ++i) {
    const auto center = static_cast<float>(scale * (static_cast<double>(i) + 0.5));
    const auto from = std::max<int64_t>(truncated(center - support + 0.5), 0);
    const auto to = std::min(truncated(center + support + 0.5), input);
    float* weight = &taps.weight[static_cast<size_t>(i * count)];
    taps.length[static_cast<size_t>(i)] = to - from;
    float total = 0;
    for (int64_t j = 0; j < count; ++j) {
      taps.index[static_cast<size_t>(i * count + j)] = std::min(from + j, input - 1);
      if (from + j >= to) continue;
      weight[j] = antialias_cubic(static_cast<float>((static_cast<float>(from + j) - center + 0.5) * inverse));
      total += weight[j];
    }
    if (total != 0)
      for (int64_t j = 0; j < count; ++j) weight[j] /= total;
  }
  return taps;
}

Tensor resample(const Tensor& image, const Taps& y, const Taps& x) {
  const int64_t height = image.dim(1), row = x.size() * image.dim(3);
  Tensor out(Shape{image.dim(0), y.size(), x.size(), image.dim(3)});
  float* target = out.f32();
  parallel_for(image.dim(0) * y.size(), grain_for(row), [&](int64_t begin, int64_t end) {
    RowCache rows(image, x, y.count);
    for (int64_t r = begin; r < end; ++r) {
      float* to = target + r * row;
      const int64_t at = r % y.size(), length = y.length[static_cast<size_t>(at)];
      const auto input = [&](int64_t t) {
        return rows.row(r / y.size() * height + y.index[static_cast<size_t>(at * y.count + t)]);
      };
      const float* weight = &y.weight[static_cast<size_t>(at * y.count)];
      int64_t t = 2;
      if (y.rounding == Rounding::kPair) {
        const float *row0 = input(0), *row1 = input(1);
        mix_rows(row0, weight[0], row1, weight[1], to, row);
      } else {
        scale_row(input(0), weight[0], to, row);
        for (t = 1; t <= last_rounded(length); ++t) add_rounded_row(input(t), weight[t], to, row);
      }
      for (; t < length; ++t) add_row(input(t), weight[t], to, row);
    }
  });
  return out;
}

Tensor resample_corners(const Tensor& image, const Taps& y, const Taps& x) {
  const int64_t height = image.dim(1), channels = image.dim(3), row = x.size() * channels;
  Tensor out(Shape{image.dim(0), y.size(), x.size(), channels});
  const float* source = image.f32();
  float* target = out.f32();
  parallel_for(image.dim(0) * y.size(), grain_for(row), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto at = static_cast<size_t>(2 * (r % y.size()));
      const float* picture = source + r / y.size() * height * image.dim(2) * channels;
      corners_row(picture + y.index[at] * image.dim(2) * channels, picture + y.index[at + 1] * image.dim(2) * channels,
                  y.weight[at], y.weight[at + 1], channels, x, target + r * row);
    }
  });
  return out;
}

}  // namespace easel::image
