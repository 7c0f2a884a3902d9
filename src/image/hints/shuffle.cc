#include "image/hints/shuffle.h"

#include <algorithm>
#include <cmath>

#include "base/cancel.h"
#include "base/parallel.h"
#include "base/random/numpy_random.h"
#include "image/scale/opencv_weights.h"

namespace easel::image {
namespace {

// Smooth noise from 0 to 1, with a random value every kCell pixels.
ClaimedVector<double> smooth_noise(int64_t height, int64_t width, NumpyRandom& random) {
  constexpr int64_t kCell = 256;
  const int64_t rows = height / kCell + 2, columns = width / kCell + 2;
  std::vector<double> values(static_cast<size_t>(rows * columns));
  for (double& v : values) v = random.uniform();
  const double down = opencv_scale(rows, height + 2 * kCell), across = opencv_scale(columns, width + 2 * kCell);
  ClaimedVector<double> out(static_cast<size_t>(height * width));
  parallel_for(height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      const CubicWeights vertical = cubic_weights(y + kCell, down);
      for (int64_t x = 0; x < width; ++x) {
        const CubicWeights horizontal = cubic_weights(x + kCell, across);
        double sum = 0;
        for (int64_t r = 0; r < 4; ++r) {
          const int64_t row = std::clamp<int64_t>(vertical.first + r, 0, rows - 1);
          double line = 0;
          for (int64_t k = 0; k < 4; ++k) {
            const int64_t column = std::clamp<int64_t>(horizontal.first + k, 0, columns - 1);
            line += values[static_cast<size_t>(row * columns + column)] *
                    static_cast<double>(horizontal.weights[static_cast<size_t>(k)]);
          }
          sum += line * static_cast<double>(vertical.weights[static_cast<size_t>(r)]);
        }
        out[static_cast<size_t>(y * width + x)] = sum;
      }
    }
  });
  const auto [least, most] = std::minmax_element(out.begin(), out.end());
  const double low = *least, range = *most - low;
  for (double& v : out) v = (v - low) / range;
  return out;
}

}  // namespace

BytePicture shuffled(const BytePicture& picture, uint64_t seed) {
  const int64_t height = picture.height, width = picture.width;
  NumpyRandom random(seed);
  const ClaimedVector<double> across = smooth_noise(height, width, random), down = smooth_noise(height, width, random);
  constexpr int kBits = 5, kParts = 1 << kBits;  // of a pixel
  BytePicture out(height, width, picture.channels);
  parallel_for(height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * width; i < end * width; ++i) {
      const auto place = [&](const ClaimedVector<double>& noise, int64_t size) {
        const auto at = static_cast<float>(noise[static_cast<size_t>(i)] * static_cast<double>(size - 1));
        return static_cast<int64_t>(std::nearbyint(at * static_cast<float>(kParts)));
      };
      const int64_t x = place(across, width), y = place(down, height);
      const int right = static_cast<int>(x % kParts), below = static_cast<int>(y % kParts);
      const auto value = [&](int64_t dy, int64_t dx, int64_t c) {
        const int64_t r = (y >> kBits) + dy, k = (x >> kBits) + dx;
        return r < height && k < width ? static_cast<int>(picture.at(r, k)[c]) : 0;
      };
      for (int64_t c = 0; c < picture.channels; ++c) {
        const int sum = value(0, 0, c) * (kParts - right) * (kParts - below) +
                        value(0, 1, c) * right * (kParts - below) + value(1, 0, c) * (kParts - right) * below +
                        value(1, 1, c) * right * below;
        out.at(i / width, i % width)[c] = static_cast<uint8_t>((sum + kParts * kParts / 2) >> (2 * kBits));
      }
    }
  });
  return out;
}

}  // namespace easel::image
