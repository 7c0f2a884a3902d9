#include "image/pose/score_maps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/parallel.h"
#include "base/round.h"
#include "image/hints/smooth.h"
#include "image/scale/mirrored.h"
#include "image/scale/opencv_weights.h"

namespace easel::image {
namespace {

constexpr size_t kTaps = 8;
constexpr int64_t kBefore = 3;  // taps before the one at or below the place

struct LanczosTaps {
  std::array<int64_t, kTaps> at{};  // inside
  std::array<float, kTaps> weights{};
};

// The window's weights for a place x in [0, 1) between the fourth and the fifth, which sum to 1.
std::array<float, kTaps> lanczos_weights(float x) {
  const double start = -(static_cast<double>(x) + 3) * std::numbers::pi * 0.25;
  const double sine = std::sin(start), cosine = std::cos(start);
  constexpr double kHalf = std::numbers::sqrt2 / 2;
  // sine and cosine of the places after the first, in steps of -45 degrees ... of which the window takes every second
  constexpr std::array<std::array<double, 2>, kTaps> kTurns{
      {{1, 0}, {-kHalf, -kHalf}, {0, 1}, {kHalf, -kHalf}, {-1, 0}, {kHalf, kHalf}, {0, -1}, {-kHalf, kHalf}}};
  constexpr float kNearlyNothing = 1e-6f, kAll = 1e30f;
  std::array<float, kTaps> out{};
  float sum = 0;
  for (size_t i = 0; i < kTaps; ++i) {
    const float distance = x + 3 - static_cast<float>(i);
    if (std::fabs(distance) >= kNearlyNothing) {
      const double y = -static_cast<double>(distance) * std::numbers::pi * 0.25;
      out[i] = static_cast<float>((kTurns[i][0] * sine + kTurns[i][1] * cosine) / (y * y));
    } else {
      out[i] = kAll;
    }
    sum += out[i];
  }
  for (float& w : out) w *= 1.0f / sum;
  return out;
}

std::vector<LanczosTaps> lanczos_taps(int64_t from, int64_t to) {
  const double scale = opencv_scale(from, to);
  std::vector<LanczosTaps> out(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const auto at = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    const auto floor = static_cast<int64_t>(std::floor(at));
    LanczosTaps& taps = out[static_cast<size_t>(i)];
    taps.weights = lanczos_weights(at - static_cast<float>(floor));
    for (size_t k = 0; k < kTaps; ++k)
      taps.at[k] = std::clamp<int64_t>(floor - kBefore + static_cast<int64_t>(k), 0, from - 1);
  }
  return out;
}

// Rows first, then columns: `weigh` makes a weight of the sum's type, `finish` a value of a sum.
template <class Out, class Sum, class In, class Weigh, class Finish>
void lanczos(const In* in, Out* out, int64_t height, int64_t width, int64_t channels, Size size, const Weigh& weigh,
             const Finish& finish) {
  const std::vector<LanczosTaps> across = lanczos_taps(width, size.width), down = lanczos_taps(height, size.height);
  const int64_t line = size.width * channels;
  ClaimedVector<Sum> rows(static_cast<size_t>(height * line));
  parallel_for(height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < size.width; ++x) {
        const LanczosTaps& taps = across[static_cast<size_t>(x)];
        Sum* const to = &rows[static_cast<size_t>(y * line + x * channels)];
        std::fill_n(to, channels, Sum{0});
        for (size_t k = 0; k < kTaps; ++k) {
          const In* const from = in + (y * width + taps.at[k]) * channels;
          const Sum weight = weigh(taps.weights[k]);
          for (int64_t c = 0; c < channels; ++c) to[c] += static_cast<Sum>(from[c]) * weight;
        }
      }
  });
  parallel_for(size.height, 4, [&](int64_t begin, int64_t end) {
    ClaimedVector<Sum> sums(static_cast<size_t>(line));
    for (int64_t y = begin; y < end; ++y) {
      const LanczosTaps& taps = down[static_cast<size_t>(y)];
      std::fill(sums.begin(), sums.end(), Sum{0});
      for (size_t k = 0; k < kTaps; ++k) {
        const Sum* const from = &rows[static_cast<size_t>(taps.at[k] * line)];
        const Sum weight = weigh(taps.weights[k]);
        for (int64_t i = 0; i < line; ++i) sums[static_cast<size_t>(i)] += from[i] * weight;
      }
      std::transform(sums.begin(), sums.end(), out + y * line, finish);
    }
  });
}

Tensor by_areas(const Tensor& map, Size size) {
  const int64_t height = map.dim(0), width = map.dim(1), channels = map.dim(2);
  const std::vector<AreaShare> across = area_shares(width, size.width), down = area_shares(height, size.height);
  Tensor out = Tensor::zeros({size.height, size.width, channels});
  parallel_for(size.height, 4, [&](int64_t begin, int64_t end) {
    const auto first = std::partition_point(down.begin(), down.end(), [&](const AreaShare& s) { return s.to < begin; });
    for (auto row = first; row != down.end() && row->to < end; ++row)
      for (const AreaShare& column : across) {
        float* const to = out.f32() + (row->to * size.width + column.to) * channels;
        const float* const from = map.f32() + (row->from * width + column.from) * channels;
        const float weight = row->weight * column.weight;
        for (int64_t c = 0; c < channels; ++c) to[c] += from[c] * weight;
      }
  });
  return out;
}

bool shrinks(int64_t height, int64_t width, Size size) { return size.height + size.width < height + width; }

}  // namespace

BytePicture pose_resized(const BytePicture& picture, Size size) {
  require_size(size);
  if (size.height == picture.height && size.width == picture.width) return picture;
  if (shrinks(picture.height, picture.width, size)) return resized(picture, size, ByteFilter::kArea);
  BytePicture out(size.height, size.width, picture.channels);
  constexpr int kBits = 11;
  lanczos<uint8_t, int>(
      picture.data.data(), out.data.data(), picture.height, picture.width, picture.channels, size,
      [](float w) { return static_cast<int>(std::nearbyint(w * static_cast<float>(1 << kBits))); },
      [](int sum) {
        constexpr int kMost = 255;
        return static_cast<uint8_t>(std::clamp((sum + (1 << (2 * kBits - 1))) >> (2 * kBits), 0, kMost));
      });
  return out;
}

Tensor pose_resized(const Tensor& map, Size size) {
  require_size(size);
  const int64_t height = map.dim(0), width = map.dim(1);
  if (size.height == height && size.width == width) return map;
  const Tensor values = contiguous(map);
  if (shrinks(height, width, size)) {
    if (size.height > height || size.width > width) throw Error(Fault::kInternal, "a map that grows along one side");
    return by_areas(values, size);
  }
  Tensor out({size.height, size.width, map.dim(2)});
  lanczos<float, float>(
      values.f32(), out.f32(), height, width, map.dim(2), size, [](float w) { return w; }, [](float v) { return v; });
  return out;
}

Tensor pose_pixels(const BytePicture& picture) {
  constexpr int64_t kMultiple = 8;
  constexpr float kValues = 256.0f;
  Tensor out = Tensor::zeros({1, round_up(picture.height, kMultiple), round_up(picture.width, kMultiple), 3});
  for (int64_t y = 0; y < picture.height; ++y)
    for (int64_t x = 0; x < picture.width; ++x)
      for (int64_t c = 0; c < 3; ++c)
        out.f32()[(y * out.dim(2) + x) * 3 + c] = static_cast<float>(picture.at(y, x)[2 - c]) / kValues - 0.5f;
  return out;
}

BytePicture slightly_blurred(const BytePicture& picture) {
  constexpr double kSigma = 0.8;
  return gaussian_bytes(picture, kSigma);
}

ClaimedVector<double> smoothed_channel(const Tensor& map, int64_t channel) {
  constexpr int64_t kReach = 12;  // four sigmas
  constexpr double kSigma = 3;
  std::array<double, 2 * kReach + 1> weights{};
  double sum = 0;
  for (int64_t i = -kReach; i <= kReach; ++i)
    sum += weights[static_cast<size_t>(i + kReach)] = std::exp(-0.5 * static_cast<double>(i * i) / (kSigma * kSigma));
  for (double& w : weights) w /= sum;
  const Tensor values = contiguous(map);
  const int64_t height = map.dim(0), width = map.dim(1), channels = map.dim(2);
  ClaimedVector<double> down(static_cast<size_t>(height * width)), out(down.size());
  parallel_for(height, 8, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < width; ++x) {
        double total = 0;
        for (int64_t k = -kReach; k <= kReach; ++k)
          total +=
              weights[static_cast<size_t>(k + kReach)] *
              static_cast<double>(values.f32()[(mirrored_with_edge(y + k, height) * width + x) * channels + channel]);
        down[static_cast<size_t>(y * width + x)] = total;
      }
  });
  parallel_for(height, 8, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < width; ++x) {
        double total = 0;
        for (int64_t k = -kReach; k <= kReach; ++k)
          total += weights[static_cast<size_t>(k + kReach)] *
                   down[static_cast<size_t>(y * width + mirrored_with_edge(x + k, width))];
        out[static_cast<size_t>(y * width + x)] = total;
      }
  });
  return out;
}

BytePicture cut_out(const BytePicture& picture, int64_t x, int64_t y, int64_t width, int64_t height) {
  const int64_t left = std::clamp<int64_t>(x, 0, picture.width), top = std::clamp<int64_t>(y, 0, picture.height);
  BytePicture out(std::clamp<int64_t>(y + height, top, picture.height) - top,
                  std::clamp<int64_t>(x + width, left, picture.width) - left, picture.channels);
  if (out.width == 0) return out;
  for (int64_t r = 0; r < out.height; ++r)
    std::copy_n(picture.at(top + r, left), out.width * picture.channels, out.at(r, 0));
  return out;
}

}  // namespace easel::image
