#include "image/scale/pillow.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/parallel.h"
#include "tensor/memory_guard.h"

namespace easel::image {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int64_t kGrain = 1 << 16;  // elements a thread takes at least

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * kA : 0.0;
}

double hamming(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (0.54 + 0.46 * std::cos(x));
}

// A filter of libImaging/Resample.c and how far it reaches.
struct Filter {
  double (*value)(double);
  double support;
};

Filter filter_of(PillowFilter filter) {
  switch (filter) {
    case PillowFilter::kBox: return {[](double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }, 0.5};
    case PillowFilter::kBilinear: return {[](double x) { return std::max(0.0, 1.0 - std::abs(x)); }, 1.0};
    case PillowFilter::kHamming: return {hamming, 1.0};
    case PillowFilter::kBicubic: return {bicubic, 2.0};
    default: return {[](double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0; }, 3.0};
  }
}

// C's conversion, which is what Pillow rounds with after adding a half.
int64_t truncated(double value) { return static_cast<int64_t>(value); }

struct FixedTaps {
  int64_t count = 0;                   // room for taps at each position
  std::vector<int64_t> first, length;  // [output]
  std::vector<int32_t> weight;         // [output, count], scaled by 2^22
};

FixedTaps fixed_taps(int64_t input, int64_t output, const Filter& filter) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double stretch = std::max(scale, 1.0), support = filter.support * stretch;
  FixedTaps taps;
  taps.count = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  taps.weight.resize(static_cast<size_t>(taps.count * output));
  std::vector<double> weights(static_cast<size_t>(taps.count));
  for (int64_t i = 0; i < output; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto from = std::max<int64_t>(truncated(center - support + 0.5), 0);
    const auto to = std::min(truncated(center + support + 0.5), input);
    double total = 0;
    for (int64_t j = 0; j < to - from; ++j) {
      const double w = filter.value((static_cast<double>(j + from) - center + 0.5) * (1.0 / stretch));
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

// One row; kChannels is 0 for any number of them.
template <int kChannels>
void resample_row(const uint8_t* in, const FixedTaps& taps, int64_t width, int64_t channels, uint8_t* to) {
  const int64_t step = kChannels > 0 ? kChannels : channels;
  for (int64_t x = 0; x < width; ++x) {
    const int32_t* weight = &taps.weight[static_cast<size_t>(x * taps.count)];
    const int64_t length = taps.length[static_cast<size_t>(x)];
    const uint8_t* from = in + taps.first[static_cast<size_t>(x)] * step;
    for (int64_t c = 0; c < step; c += 3) {
      int32_t sums[3] = {1 << (kPrecisionBits - 1), 1 << (kPrecisionBits - 1), 1 << (kPrecisionBits - 1)};
      const int64_t some = kChannels == 3 ? 3 : std::min<int64_t>(3, step - c);
      for (int64_t j = 0; j < length; ++j)
        for (int64_t k = 0; k < some; ++k) sums[k] += from[j * step + c + k] * weight[j];
      for (int64_t k = 0; k < some; ++k) *to++ = clip8(sums[k]);
    }
  }
}

Bytes resample_columns(const Bytes& in, int64_t width, const Filter& filter) {
  const FixedTaps taps = fixed_taps(in.width, width, filter);
  Bytes out = make_bytes(in.rows, width, in.channels);
  parallel_for(in.rows, grain_for(width * in.channels), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      if (in.channels == 3) resample_row<3>(in.row(r), taps, width, 3, out.row(r));
      else resample_row<0>(in.row(r), taps, width, in.channels, out.row(r));
    }
  });
  return out;
}

// `height` rows in and `new_height` rows out per picture of the batch.
Bytes resample_rows(const Bytes& in, int64_t height, int64_t new_height, const Filter& filter) {
  const FixedTaps taps = fixed_taps(height, new_height, filter);
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

// libImaging/Geometry.c, ImagingScaleAffine: positions are added up, not multiplied.
std::vector<int64_t> nearest_positions(int64_t input, int64_t output) {
  const double step = static_cast<double>(input) / static_cast<double>(output);
  std::vector<int64_t> positions;
  double at = step * 0.5;
  for (int64_t i = 0; i < output; ++i, at += step) positions.push_back(std::min(static_cast<int64_t>(at), input - 1));
  return positions;
}

Bytes nearest(const Bytes& in, int64_t height, Size size) {
  const auto columns = nearest_positions(in.width, size.width), rows = nearest_positions(height, size.height);
  Bytes out = make_bytes(in.rows / height * size.height, size.width, in.channels);
  for (int64_t r = 0; r < out.rows; ++r) {
    poll_cancelled();
    const uint8_t* from = in.row(r / size.height * height + rows[static_cast<size_t>(r % size.height)]);
    uint8_t* to = out.row(r);
    for (int64_t x : columns) to = std::copy_n(from + x * in.channels, in.channels, to);
  }
  return out;
}

Bytes resample(Bytes bytes, int64_t height, Size size, const Filter& filter) {
  const bool alpha = bytes.channels == 4 && (bytes.width != size.width || height != size.height);
  if (alpha) premultiply(bytes);
  if (bytes.width != size.width) bytes = resample_columns(bytes, size.width, filter);
  if (height != size.height) bytes = resample_rows(bytes, height, size.height, filter);
  if (alpha) unpremultiply(bytes);
  return bytes;
}

}  // namespace

uint8_t wrapped_byte(float value) {
  const float scaled = 255.0f * value;
  return std::fabs(scaled) < 0x1p62f ? static_cast<uint8_t>(static_cast<int64_t>(scaled)) : 0;
}

PillowFilter pillow_filter(std::string_view name) {
  constexpr std::pair<std::string_view, PillowFilter> kFilters[] = {
      {"LANCZOS", PillowFilter::kLanczos},   {"BICUBIC", PillowFilter::kBicubic}, {"HAMMING", PillowFilter::kHamming},
      {"BILINEAR", PillowFilter::kBilinear}, {"BOX", PillowFilter::kBox},         {"NEAREST", PillowFilter::kNearest}};
  for (const auto& [known, filter] : kFilters)
    if (known == name) return filter;
  throw Error(Fault::kInvalid, "unknown interpolation: \"" + std::string(name) + "\"")
      .fix("Use LANCZOS, BICUBIC, HAMMING, BILINEAR, BOX or NEAREST");
}

Tensor pillow_resize(const Tensor& image, Size size, PillowFilter filter, Overflow overflow) {
  require_image(image, "the picture to be resized");
  require_size(size);
  const Tensor packed = contiguous(image);
  const int64_t batch = image.dim(0), height = image.dim(1);
  const int64_t between = batch * height * size.width, after = batch * size.height * size.width;
  const MemoryClaim claim(static_cast<size_t>(packed.numel() + (between + after) * image.dim(3)));
  Bytes bytes = make_bytes(batch * height, image.dim(2), image.dim(3));
  parallel_for(packed.numel(), kGrain, [&](int64_t begin, int64_t end) {
    std::transform(packed.f32() + begin, packed.f32() + end, bytes.data.data() + begin,
                   overflow == Overflow::kWrap ? wrapped_byte : to_byte);
  });
  bytes = filter == PillowFilter::kNearest ? nearest(bytes, height, size)
                                           : resample(std::move(bytes), height, size, filter_of(filter));
  Tensor out(Shape{batch, size.height, size.width, image.dim(3)});
  float* to = out.f32();
  parallel_for(out.numel(), kGrain, [&](int64_t begin, int64_t end) {
    std::transform(bytes.data.data() + begin, bytes.data.data() + end, to + begin,
                   [](uint8_t b) { return static_cast<float>(b) / 255.0f; });
  });
  return out;
}

}  // namespace easel::image
