// Pillow's Image.resize(LANCZOS) on 8-bit channels (libImaging/Resample.c): fixed-point sums with a
// rounding to 8 bits between the two passes.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "base/parallel.h"
#include "image/resize.h"

namespace easel::image::detail {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr double kLobes = 3.0;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos_filter(double x) { return -kLobes <= x && x < kLobes ? sinc(x) * sinc(x / kLobes) : 0.0; }

struct FixedTaps {
  int64_t count = 0;                   // room for taps at each position
  std::vector<int64_t> first, length;  // [output]
  std::vector<int32_t> weight;         // [output, count], scaled by 2^22
};

FixedTaps fixed_taps(int64_t input, int64_t output) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double stretch = std::max(scale, 1.0), support = kLobes * stretch;
  FixedTaps taps;
  taps.count = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  taps.weight.resize(static_cast<size_t>(taps.count * output));
  std::vector<double> weights(static_cast<size_t>(taps.count));
  for (int64_t i = 0; i < output; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto from = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const auto to = std::min(static_cast<int64_t>(center + support + 0.5), input);
    double total = 0;
    for (int64_t j = 0; j < to - from; ++j) {
      const double w = lanczos_filter((static_cast<double>(j + from) - center + 0.5) * (1.0 / stretch));
      weights[static_cast<size_t>(j)] = w;
      total += w;
    }
    for (int64_t j = 0; j < to - from; ++j) {
      const double w = (total != 0 ? weights[static_cast<size_t>(j)] / total : weights[static_cast<size_t>(j)]) *
                       (1 << kPrecisionBits);
      taps.weight[static_cast<size_t>(i * taps.count + j)] = static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
    }
    taps.first.push_back(from);
    taps.length.push_back(to - from);
  }
  return taps;
}

uint8_t clip8(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

// An 8-bit picture: rows of width * channels bytes.
struct Bytes {
  int64_t rows, width, channels;
  std::vector<uint8_t> data;
  uint8_t* row(int64_t r) { return data.data() + r * width * channels; }
  const uint8_t* row(int64_t r) const { return data.data() + r * width * channels; }
};

Bytes make_bytes(int64_t rows, int64_t width, int64_t channels) {
  return {rows, width, channels, std::vector<uint8_t>(static_cast<size_t>(rows * width * channels))};
}

int64_t grain_for(int64_t row) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, row)); }

Bytes resample_columns(const Bytes& in, int64_t width) {
  const FixedTaps taps = fixed_taps(in.width, width);
  Bytes out = make_bytes(in.rows, width, in.channels);
  parallel_for(in.rows, grain_for(width * in.channels), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      uint8_t* to = out.row(r);
      for (int64_t x = 0; x < width; ++x) {
        const int32_t* weight = &taps.weight[static_cast<size_t>(x * taps.count)];
        const uint8_t* from = in.row(r) + taps.first[static_cast<size_t>(x)] * in.channels;
        for (int64_t c = 0; c < in.channels; ++c) {
          int32_t sum = 1 << (kPrecisionBits - 1);
          for (int64_t j = 0; j < taps.length[static_cast<size_t>(x)]; ++j)
            sum += from[j * in.channels + c] * weight[j];
          *to++ = clip8(sum);
        }
      }
    }
  });
  return out;
}

// `height` rows in and `new_height` rows out per picture of the batch.
Bytes resample_rows(const Bytes& in, int64_t height, int64_t new_height) {
  const FixedTaps taps = fixed_taps(height, new_height);
  const int64_t batch = in.rows / height, n = in.width * in.channels;
  Bytes out = make_bytes(batch * new_height, in.width, in.channels);
  parallel_for(out.rows, grain_for(n), [&](int64_t begin, int64_t end) {
    std::vector<int32_t> sums(static_cast<size_t>(n));
    for (int64_t r = begin; r < end; ++r) {
      const auto y = static_cast<size_t>(r % new_height);
      std::fill(sums.begin(), sums.end(), 1 << (kPrecisionBits - 1));
      for (int64_t j = 0; j < taps.length[y]; ++j) {
        const uint8_t* from = in.row(r / new_height * height + taps.first[y] + j);
        const int32_t weight = taps.weight[y * static_cast<size_t>(taps.count) + static_cast<size_t>(j)];
        int32_t* sum = sums.data();
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) sum[i] += from[i] * weight;
      }
      std::transform(sums.begin(), sums.end(), out.row(r), clip8);
    }
  });
  return out;
}

// Truncates to 8 bits as numpy's astype(uint8) does after clipping; what is not a number becomes 0.
uint8_t to_byte(float value) {
  const float scaled = 255.0f * value;
  return scaled > 0 ? static_cast<uint8_t>(std::min(scaled, 255.0f)) : 0;
}

// Pillow resamples RGBA with its colours multiplied by alpha.
void premultiply(Bytes& b) {
  for (size_t i = 0; i + 3 < b.data.size(); i += 4) {
    for (size_t c = 0; c < 3; ++c) {
      const int t = b.data[i + c] * b.data[i + 3] + 128;
      b.data[i + c] = static_cast<uint8_t>(((t >> 8) + t) >> 8);
    }
  }
}

void unpremultiply(Bytes& b) {
  for (size_t i = 0; i + 3 < b.data.size(); i += 4) {
    const int alpha = b.data[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (size_t c = 0; c < 3; ++c) b.data[i + c] = static_cast<uint8_t>(std::min(255, 255 * b.data[i + c] / alpha));
  }
}

}  // namespace

Tensor lanczos(const Tensor& image, Size size) {
  const int64_t batch = image.dim(0), height = image.dim(1), width = image.dim(2), channels = image.dim(3);
  Bytes bytes = make_bytes(batch * height, width, channels);
  std::transform(image.values().begin(), image.values().end(), bytes.data.begin(), to_byte);
  const bool alpha = channels == 4 && (width != size.width || height != size.height);
  if (alpha) premultiply(bytes);
  if (width != size.width) bytes = resample_columns(bytes, size.width);
  if (height != size.height) bytes = resample_rows(bytes, height, size.height);
  if (alpha) unpremultiply(bytes);
  Tensor out(Shape{batch, size.height, size.width, channels});
  std::transform(bytes.data.begin(), bytes.data.end(), out.values().begin(),
                 [](uint8_t b) { return static_cast<float>(b) / 255.0f; });
  return out;
}

}  // namespace easel::image::detail
