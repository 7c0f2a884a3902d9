// Spherical interpolation between neighbouring latent vectors (comfy.utils.bislerp).
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "image/scale/resize.h"
#include "image/scale/taps.h"

namespace easel::image::detail {
namespace {

// The neighbours of each output position, and how far it is from the lower one towards the higher one.
struct Between {
  std::vector<int64_t> low, high;
  std::vector<float> ratio;
};

// The reference interpolates the coordinates 0,1,2,.. and 1,2,..,n-1,n-1 themselves and cuts them to integers.
Between between(int64_t input, int64_t output) {
  const Taps taps = linear_taps(input, output);
  Between out;
  for (size_t i = 0; i < static_cast<size_t>(output); ++i) {
    const auto at = [&](int64_t shift) {
      const auto term = [&](size_t t) {
        return static_cast<double>(taps.weight[2 * i + t]) *
               static_cast<double>(std::min(taps.index[2 * i + t] + shift, input - 1));
      };
      return static_cast<float>(term(0) + term(1));
    };
    out.low.push_back(static_cast<int64_t>(at(0)));
    out.high.push_back(static_cast<int64_t>(at(1)));
    out.ratio.push_back(at(0) - std::floor(at(0)));
  }
  return out;
}

float length(const float* v, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += v[i] * v[i];
  return std::sqrt(sum);
}

void slerp(const float* a, const float* b, float ratio, float* out, int64_t n) {
  const float length_a = length(a, n), length_b = length(b, n);
  const auto unit = [](float v, float norm) { return norm == 0.0f ? 0.0f : v / norm; };
  float dot = 0;
  for (int64_t i = 0; i < n; ++i) dot += unit(a[i], length_a) * unit(b[i], length_b);
  if (dot > 1 - 1e-5f) {
    std::copy_n(a, n, out);
    return;
  }
  if (dot < 1e-5f - 1) {
    for (int64_t i = 0; i < n; ++i) out[i] = a[i] * (1.0f - ratio) + b[i] * ratio;
    return;
  }
  const float omega = std::acos(dot), so = std::sin(omega);
  const float from = std::sin((1.0f - ratio) * omega) / so, to = std::sin(ratio * omega) / so;
  const float scale = length_a * (1.0f - ratio) + length_b * ratio;
  for (int64_t i = 0; i < n; ++i) out[i] = (from * unit(a[i], length_a) + to * unit(b[i], length_b)) * scale;
}

// One pass along the middle dimension of [outer, middle, inner vectors of C].
Tensor pass(const Tensor& in, int64_t outer, int64_t middle, int64_t inner, int64_t channels, int64_t output) {
  const Between where = between(middle, output);
  Tensor out(Shape{outer, output, inner, channels});
  const float* source = in.f32();
  float* target = out.f32();
  parallel_for(outer * output, std::max<int64_t>(1, 1024 / inner), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto i = static_cast<size_t>(r % output);
      const float* a = source + (r / output * middle + where.low[i]) * inner * channels;
      const float* b = source + (r / output * middle + where.high[i]) * inner * channels;
      for (int64_t k = 0; k < inner; ++k)
        slerp(a + k * channels, b + k * channels, where.ratio[i], target + (r * inner + k) * channels, channels);
    }
  });
  return out;
}

}  // namespace

Tensor bislerp(const Tensor& image, Size size) {
  const int64_t batch = image.dim(0), height = image.dim(1), width = image.dim(2), channels = image.dim(3);
  const Tensor wide = pass(image, batch * height, width, 1, channels, size.width);
  const Tensor out = pass(wide, batch, height, size.width, channels, size.height);
  return out.view({batch, size.height, size.width, channels});
}

}  // namespace easel::image::detail
