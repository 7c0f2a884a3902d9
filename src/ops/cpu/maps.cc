#include "ops/cpu/maps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstring>
#include <numbers>
#include <vector>

#include "base/cancel.h"
#include "base/parallel.h"
#include "ops/check.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

void copy_positions(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) {
  const size_t pixel = static_cast<size_t>(x.dim(3)) * dtype_size(x.dtype());
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(out.raw());
  parallel_for(out.dim(0) * out.dim(1), 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t row = r / out.dim(1) * x.dim(1) + rows.index[static_cast<size_t>(r % out.dim(1))];
      const char* source = from + static_cast<size_t>(row * x.dim(2)) * pixel;
      char* target = to + static_cast<size_t>(r * out.dim(2)) * pixel;
      for (const int64_t column : columns.index) {
        std::memcpy(target, source + static_cast<size_t>(column) * pixel, pixel);
        target += pixel;
      }
    }
  });
}

template <class T>
void add_row(const T* row, float weight, int64_t n, bool first, float* sum) {
  if (first) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) sum[i] = static_cast<float>(row[i]) * weight;
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<float>(row[i]) * weight;
}

// Position `i`'s sum over its taps; source(index) is the first of n values.
template <class Source>
void weigh(const Taps& taps, int64_t i, int64_t n, float* sum, const Source& source) {
  for (int64_t t = 0; t < taps.count; ++t) {
    const auto at = static_cast<size_t>(i * taps.count + t);
    add_row(source(taps.index[at]), taps.weight.empty() ? 1.0f : taps.weight[at], n, t == 0, sum);
  }
}

}  // namespace

void resample(const Tensor& input, const Taps& rows, const Taps& columns, Tensor& out) {
  const Tensor x = contiguous(input);
  if (rows.weight.empty() && columns.weight.empty()) return copy_positions(x, rows, columns, out);
  const int64_t width = x.dim(2), channels = x.dim(3), line = width * channels;
  with_type(x.dtype(), [&]<class T>(T) {
    const T* from = x.data<T>();
    T* to = out.data<T>();
    parallel_for(out.dim(0) * out.dim(1), 1, [&](int64_t begin, int64_t end) {
      auto* mixed = thread_scratch<float>(ScratchUse::kRows, line + channels);
      float* sum = mixed + line;
      for (int64_t r = begin; r < end; ++r) {
        const int64_t first_row = r / out.dim(1) * x.dim(1);
        weigh(rows, r % out.dim(1), line, mixed, [&](int64_t row) { return from + (first_row + row) * line; });
        T* target = to + r * out.dim(2) * channels;
        for (int64_t i = 0; i < out.dim(2); ++i, target += channels) {
          weigh(columns, i, channels, sum, [&](int64_t column) { return mixed + column * channels; });
          for (int64_t c = 0; c < channels; ++c) target[c] = T(sum[c]);
        }
      }
    });
  });
}

namespace {

using Complex = std::complex<float>;

// exp(2 pi i at / size) for every place along a side: the frequency -1.
std::vector<Complex> wave(int64_t size) {
  std::vector<Complex> out;
  for (int64_t at = 0; at < size; ++at) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(size);
    out.emplace_back(static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)));
  }
  return out;
}

constexpr int64_t kLanes = 16;

// A complex number for each of a few channels.
struct Lanes {
  std::array<float, kLanes> real{}, imaginary{};
};

// Frequencies (0,0), (0,-1), (-1,0), (-1,-1) of `count` <= kLanes channels of a map whose pixels are `stride` apart.
template <class T>
std::array<Lanes, 4> low_frequencies(const T* map, int64_t stride, int64_t count, std::span<const Complex> rows,
                                     std::span<const Complex> columns) {
  std::array<Lanes, 4> found;
  for (const Complex row : rows) {
    Lanes still, moving;
    for (const Complex column : columns) {
      for (int64_t c = 0; c < count; ++c) {
        const auto v = static_cast<float>(map[c]);
        const auto lane = static_cast<size_t>(c);
        still.real[lane] += v;
        moving.real[lane] += v * column.real();
        moving.imaginary[lane] += v * column.imag();
      }
      map += stride;
    }
    for (size_t c = 0; c < kLanes; ++c) {
      found[0].real[c] += still.real[c];
      found[1].real[c] += moving.real[c];
      found[1].imaginary[c] += moving.imaginary[c];
      found[2].real[c] += still.real[c] * row.real();
      found[2].imaginary[c] += still.real[c] * row.imag();
      found[3].real[c] += moving.real[c] * row.real() - moving.imaginary[c] * row.imag();
      found[3].imaginary[c] += moving.real[c] * row.imag() + moving.imaginary[c] * row.real();
    }
  }
  // Along a side of one pixel there is only the frequency 0.
  if (columns.size() == 1) found[1] = found[3] = {};
  if (rows.size() == 1) found[2] = found[3] = {};
  return found;
}

// map + change * (what the frequencies add up to at each pixel).
template <class T>
void add_frequencies(const std::array<Lanes, 4>& found, float change, const T* map, T* out, int64_t stride,
                     int64_t count, std::span<const Complex> rows, std::span<const Complex> columns) {
  for (const Complex row : rows) {
    std::array<float, kLanes> still{}, real{}, imaginary{};
    for (size_t c = 0; c < kLanes; ++c) {
      still[c] = found[0].real[c] + (found[2].real[c] * row.real() + found[2].imaginary[c] * row.imag());
      real[c] = found[1].real[c] + (found[3].real[c] * row.real() + found[3].imaginary[c] * row.imag());
      imaginary[c] = found[1].imaginary[c] + (found[3].imaginary[c] * row.real() - found[3].real[c] * row.imag());
    }
    for (const Complex column : columns) {
      for (int64_t c = 0; c < count; ++c) {
        const auto lane = static_cast<size_t>(c);
        const float sum = still[lane] + (real[lane] * column.real() + imaginary[lane] * column.imag());
        out[c] = T(static_cast<float>(map[c]) + change * sum);
      }
      map += stride;
      out += stride;
    }
  }
}

}  // namespace

void scale_low_frequencies(const Tensor& input, float by, Tensor& out) {
  const Tensor x = contiguous(input);
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), pieces = (channels + kLanes - 1) / kLanes;
  const std::vector<Complex> rows = wave(height), columns = wave(width);
  const float change = (by - 1) / static_cast<float>(height * width);
  with_type(x.dtype(), [&]<class T>(T) {
    parallel_for(x.dim(0) * pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = task % pieces * kLanes, count = std::min(kLanes, channels - first);
        const int64_t offset = task / pieces * height * width * channels + first;
        const auto found = low_frequencies(x.data<T>() + offset, channels, count, rows, columns);
        add_frequencies(found, change, x.data<T>() + offset, out.data<T>() + offset, channels, count, rows, columns);
      }
    });
  });
}

void attention_received(const Tensor& queries, const Tensor& keys, int64_t heads, float scale, Tensor& out) {
  const Tensor q = contiguous(convert(queries, DType::kF32));
  const int64_t n = q.dim(0), rows = q.dim(1), tokens = keys.dim(1), width = q.dim(2), size = width / heads;
  // [N,width,T]: the scores of neighbouring keys are sums side by side.
  const Tensor k = contiguous(convert(keys, DType::kF32).permute({0, 2, 1}));
  Tensor each({n * heads, tokens});
  parallel_for(n * heads, 1, [&](int64_t begin, int64_t end) {
    auto* row = thread_scratch<float>(ScratchUse::kRows, tokens);
    for (int64_t job = begin; job < end; ++job) {
      const int64_t sample = job / heads, first = job % heads * size;
      const float* columns = k.f32() + (sample * width + first) * tokens;
      float* sum = each.f32() + job * tokens;
      std::fill_n(sum, tokens, 0.0f);
      for (int64_t i = 0; i < rows; ++i) {
        poll_cancelled();
        const float* query = q.f32() + (sample * rows + i) * width + first;
        for (int64_t c = 0; c < size; ++c) add_row(columns + c * tokens, query[c], tokens, c == 0, row);
        float most = row[0] * scale, total = 0;
        for (int64_t j = 0; j < tokens; ++j) {
          row[j] *= scale;
          most = std::max(most, row[j]);
        }
        for (int64_t j = 0; j < tokens; ++j) total += row[j] = std::exp(row[j] - most);
        for (int64_t j = 0; j < tokens; ++j) sum[j] += row[j] / total;
      }
    }
  });
  std::fill_n(out.f32(), out.numel(), 0.0f);
  for (int64_t job = 0; job < n * heads; ++job)
    for (int64_t j = 0; j < tokens; ++j)
      out.f32()[job / heads * tokens + j] += each.f32()[job * tokens + j] / static_cast<float>(heads);
}

}  // namespace easel::ops::cpu
