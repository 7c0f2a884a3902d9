#include "image/scale/opencv_weights.h"

#include <algorithm>
#include <cmath>

#include "image/scale/keys_cubic.h"

namespace easel::image {

double opencv_scale(int64_t from, int64_t to) { return 1.0 / (static_cast<double>(to) / static_cast<double>(from)); }

std::vector<AreaShare> area_shares(int64_t from, int64_t to) {
  constexpr double kNothing = 1e-3;
  const double scale = opencv_scale(from, to);
  std::vector<AreaShare> out;
  for (int64_t i = 0; i < to; ++i) {
    const double begin = static_cast<double>(i) * scale, end = begin + scale;
    const double cell = std::min(scale, static_cast<double>(from) - begin);
    const int64_t last = std::min(static_cast<int64_t>(std::floor(end)), from - 1);
    const int64_t first = std::min(static_cast<int64_t>(std::ceil(begin)), last);
    const auto add = [&](int64_t place, double part) { out.push_back({i, place, static_cast<float>(part / cell)}); };
    if (static_cast<double>(first) - begin > kNothing) add(first - 1, static_cast<double>(first) - begin);
    for (int64_t k = first; k < last; ++k) add(k, 1.0);
    if (end - static_cast<double>(last) > kNothing)
      add(last, std::min(std::min(end - static_cast<double>(last), 1.0), cell));
  }
  return out;
}

CubicWeights cubic_weights(int64_t to, double scale) {
  const auto at = static_cast<float>((static_cast<double>(to) + 0.5) * scale - 0.5);
  const auto floor = static_cast<int64_t>(std::floor(at));
  const float x = at - static_cast<float>(floor);
  const float w0 = keys_cubic(x + 1), w1 = keys_cubic(x), w2 = keys_cubic(1 - x);
  return {floor - 1, {w0, w1, w2, 1.0f - w0 - w1 - w2}};
}

}  // namespace easel::image
