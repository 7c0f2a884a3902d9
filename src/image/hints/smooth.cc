#include "image/hints/smooth.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "image/scale/mirrored.h"

namespace easel::image {
namespace {

// Half of the window without its middle: `times` sigmas each way, to an odd whole.
int64_t reach_of(double sigma, double times) {
  return (static_cast<int64_t>(std::nearbyint(sigma * times * 2 + 1)) | 1) / 2;
}

// Weights that sum to 1.
std::vector<double> gaussian(double sigma, int64_t reach) {
  std::vector<double> out;
  double sum = 0;
  for (int64_t i = -reach; i <= reach; ++i)
    sum += out.emplace_back(std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma)));
  for (double& w : out) w /= sum;
  return out;
}

// Rows, then columns, of `height` lines of `width` pixels with `channels` values each.
template <class Sum, class In, class Out, class Finish>
void smooth(const In* in, Out* out, int64_t height, int64_t width, int64_t channels, const std::vector<Sum>& weights,
            const Finish& finish) {
  const auto reach = static_cast<int64_t>(weights.size()) / 2;
  const int64_t line = width * channels;
  ClaimedVector<Sum> rows(static_cast<size_t>(height * line));
  parallel_for(height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels; ++c) {
          Sum total = 0;
          for (int64_t k = -reach; k <= reach; ++k)
            total += static_cast<Sum>(in[y * line + mirrored(x + k, width) * channels + c]) *
                     weights[static_cast<size_t>(k + reach)];
          rows[static_cast<size_t>(y * line + x * channels + c)] = total;
        }
  });
  parallel_for(height, 4, [&](int64_t begin, int64_t end) {
    ClaimedVector<Sum> sums(static_cast<size_t>(line));
    for (int64_t y = begin; y < end; ++y) {
      std::fill(sums.begin(), sums.end(), Sum{0});
      for (int64_t k = -reach; k <= reach; ++k) {
        const Sum* const from = &rows[static_cast<size_t>(mirrored(y + k, height) * line)];
        const Sum weight = weights[static_cast<size_t>(k + reach)];
        for (int64_t i = 0; i < line; ++i) sums[static_cast<size_t>(i)] += from[i] * weight;
      }
      std::transform(sums.begin(), sums.end(), out + y * line, finish);
    }
  });
}

}  // namespace

BytePicture gaussian_bytes(const BytePicture& picture, double sigma) {
  constexpr double kSigmas = 3;
  constexpr int kOne = 256;  // of a weight in fixed point
  const int64_t reach = reach_of(sigma, kSigmas);
  const std::vector<double> exact = gaussian(sigma, reach);
  // What rounding took from the weights before is added to the next, and the middle gets the rest.
  std::vector<int> weights(exact.size());
  double error = 0;
  int given = 0;
  for (size_t i = 0; i < static_cast<size_t>(reach); ++i) {
    const double wanted = exact[i] * kOne + error;
    weights[i] = weights[weights.size() - 1 - i] = static_cast<int>(std::nearbyint(wanted));
    error = wanted - weights[i];
    given += 2 * weights[i];
  }
  weights[static_cast<size_t>(reach)] = kOne - given;
  BytePicture out(picture.height, picture.width, picture.channels);
  smooth(picture.data.data(), out.data.data(), picture.height, picture.width, picture.channels, weights,
         [](int total) { return static_cast<uint8_t>((total + kOne * kOne / 2) / (kOne * kOne)); });
  return out;
}

Tensor gaussian_floats(const Tensor& map, double sigma) {
  require_image(map, "map");
  constexpr double kSigmas = 4, kMost = 100;
  if (!(sigma > 0 && sigma <= kMost))
    throw Error(Fault::kInvalid, "a sigma of " + std::to_string(sigma) + " pixels cannot be smoothed by")
        .fix("Choose one above 0 and at most 100");
  const std::vector<double> exact = gaussian(sigma, reach_of(sigma, kSigmas));
  const std::vector<float> weights(exact.begin(), exact.end());
  const Tensor in = contiguous(map);
  Tensor out(map.shape());
  const int64_t height = map.dim(1), width = map.dim(2), channels = map.dim(3), each = height * width * channels;
  for (int64_t n = 0; n < map.dim(0); ++n)
    smooth(in.f32() + n * each, out.f32() + n * each, height, width, channels, weights, [](float v) { return v; });
  return out;
}

Tensor floats_of(const BytePicture& picture) {
  Tensor out({1, picture.height, picture.width, picture.channels});
  std::copy(picture.data.begin(), picture.data.end(), out.f32());
  return out;
}

}  // namespace easel::image
