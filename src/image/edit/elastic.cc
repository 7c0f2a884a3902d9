#include "image/edit/elastic.h"

#include <cmath>

#include "base/parallel.h"
#include "image/scale/mirrored.h"

namespace easel::image {
namespace {

std::vector<float> gaussian_kernel(double sigma) {
  if (sigma <= 0) return {1.0f};  // nothing is blurred
  auto size = static_cast<int64_t>(8 * sigma + 1);
  if (size % 2 == 0) ++size;
  std::vector<float> kernel;
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) {
    const float x = (static_cast<float>(i) - static_cast<float>(size - 1) * 0.5f) / static_cast<float>(sigma);
    kernel.push_back(std::exp(-0.5f * x * x));
    sum += kernel.back();
  }
  for (float& k : kernel) k /= sum;
  return kernel;
}

// Blurs a side x side plane along one axis.
std::vector<float> blur(const std::vector<float>& in, const std::vector<float>& kernel, int64_t side, bool rows) {
  std::vector<float> out(in.size());
  const auto half = static_cast<int64_t>(kernel.size()) / 2;
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) {
      float sum = 0;
      for (int64_t k = -half; k <= half; ++k) {
        const int64_t at = rows ? y * side + mirrored(x + k, side) : mirrored(y + k, side) * side + x;
        sum += in[static_cast<size_t>(at)] * kernel[static_cast<size_t>(k + half)];
      }
      out[static_cast<size_t>(y * side + x)] = sum;
    }
  return out;
}

// The four neighbours of a position and how much each counts; those outside the picture count nothing.
struct Sample {
  int64_t offset[4];
  float weight[4];
  float inside = 0;  // sum of the weights
};

Sample sample_at(float x, float y, int64_t side) {
  const auto size = static_cast<float>(side);
  const float column = ((x + 1) * size - 1) / 2, row = ((y + 1) * size - 1) / 2;
  const float left = std::floor(column), top = std::floor(row);
  Sample s{};
  for (int i = 0; i < 4; ++i) {
    const float cx = left + static_cast<float>(i & 1), cy = top + static_cast<float>(i >> 1);
    const bool in = cx >= 0 && cy >= 0 && cx < size && cy < size;
    s.offset[i] = in ? static_cast<int64_t>(cy) * side + static_cast<int64_t>(cx) : 0;
    s.weight[i] = in ? (1 - std::abs(column - cx)) * (1 - std::abs(row - cy)) : 0.0f;
    s.inside += s.weight[i];
  }
  return s;
}

}  // namespace

std::vector<float> elastic_field(std::vector<float> field, int64_t side, double sigma, float alpha) {
  for (float& v : field) v = v * 2 - 1;
  const std::vector<float> kernel = gaussian_kernel(sigma);
  field = blur(blur(field, kernel, side, true), kernel, side, false);
  for (float& v : field) v = v * alpha / static_cast<float>(side);
  return field;
}

Tensor elastic(const Tensor& pictures, const std::vector<float>& dx, const std::vector<float>& dy) {
  Tensor out(pictures.shape());
  const int64_t side = pictures.dim(1);
  const int64_t count = pictures.dim(0), channels = pictures.dim(3);
  parallel_for(side, 8, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < side; ++x) {
        const auto at = static_cast<size_t>(y * side + x);
        const auto centre = [&](int64_t i) { return static_cast<float>(2 * i + 1 - side) / static_cast<float>(side); };
        const Sample s = sample_at(centre(x) + dx[at], centre(y) + dy[at], side);
        for (int64_t n = 0; n < count; ++n)
          for (int64_t c = 0; c < channels; ++c) {
            const float* in = pictures.f32() + n * side * side * channels + c;
            float v = 0;
            for (int i = 0; i < 4; ++i) v += in[s.offset[i] * channels] * s.weight[i];
            out.f32()[((n * side + side - 1 - y) * side + side - 1 - x) * channels + c] = v * s.inside;
          }
      }
  });
  return out;
}

}  // namespace easel::image
