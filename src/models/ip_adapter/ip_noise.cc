// The noised opposite of reference images, in torchvision's arithmetic (0.14: CenterCrop, Resize, ElasticTransform).
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "image/scale/resize.h"
#include "models/ip_adapter/ip_embeds.h"

namespace easel::models {
namespace {

constexpr int64_t kSide = 224;
constexpr double kAlpha = 75.0;  // strength of the elastic displacement

std::vector<float> gaussian_kernel(double sigma) {
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

// Positions beyond an edge are mirrored at the edge pixel.
int64_t reflect(int64_t i, int64_t n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; }

// Blurs a kSide x kSide plane along one axis (step 1: rows, kSide: columns).
std::vector<float> blur(const std::vector<float>& in, const std::vector<float>& kernel, bool rows) {
  std::vector<float> out(in.size());
  const auto half = static_cast<int64_t>(kernel.size()) / 2;
  for (int64_t y = 0; y < kSide; ++y)
    for (int64_t x = 0; x < kSide; ++x) {
      float sum = 0;
      for (int64_t k = -half; k <= half; ++k) {
        const int64_t at = rows ? y * kSide + reflect(x + k, kSide) : reflect(y + k, kSide) * kSide + x;
        sum += in[static_cast<size_t>(at)] * kernel[static_cast<size_t>(k + half)];
      }
      out[static_cast<size_t>(y * kSide + x)] = sum;
    }
  return out;
}

// Smooth random displacements in units of half the picture.
std::vector<float> displacement(double sigma, sampling::TorchGenerator& random) {
  std::vector<float> field(static_cast<size_t>(kSide * kSide));
  random.rand(field);
  for (float& v : field) v = v * 2 - 1;
  const std::vector<float> kernel = gaussian_kernel(sigma);
  field = blur(blur(field, kernel, true), kernel, false);
  for (float& v : field) v = v * static_cast<float>(kAlpha) / static_cast<float>(kSide);
  return field;
}

Tensor centre_square(const Tensor& images) {
  const int64_t h = images.dim(1), w = images.dim(2), side = std::min(h, w);
  const int64_t top = image::round_half_even(static_cast<double>(h - side) / 2.0);
  const int64_t left = image::round_half_even(static_cast<double>(w - side) / 2.0);
  return contiguous(images.slice(1, top, side).slice(2, left, side));
}

// The four neighbours of a position and how much each counts; those outside the picture count nothing.
struct Sample {
  int64_t offset[4];
  float weight[4];
  float inside = 0;  // sum of the weights
};

Sample sample_at(float x, float y) {
  const float column = ((x + 1) * kSide - 1) / 2, row = ((y + 1) * kSide - 1) / 2;
  const float left = std::floor(column), top = std::floor(row);
  Sample s{};
  for (int i = 0; i < 4; ++i) {
    const float cx = left + static_cast<float>(i & 1), cy = top + static_cast<float>(i >> 1);
    const bool in = cx >= 0 && cy >= 0 && cx < kSide && cy < kSide;
    s.offset[i] = in ? static_cast<int64_t>(cy) * kSide + static_cast<int64_t>(cx) : 0;
    s.weight[i] = in ? (1 - std::abs(column - cx)) * (1 - std::abs(row - cy)) : 0.0f;
    s.inside += s.weight[i];
  }
  return s;
}

// [N,224,224,C], displaced, fading out beyond the edges, and turned by 180 degrees.
Tensor shaken(const Tensor& images, const std::vector<float>& dx, const std::vector<float>& dy) {
  Tensor out(images.shape());
  const int64_t count = images.dim(0), channels = images.dim(3);
  parallel_for(kSide, 8, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < kSide; ++x) {
        const auto at = static_cast<size_t>(y * kSide + x);
        const auto centre = [](int64_t i) { return static_cast<float>(2 * i + 1 - kSide) / static_cast<float>(kSide); };
        const Sample s = sample_at(centre(x) + dx[at], centre(y) + dy[at]);
        for (int64_t n = 0; n < count; ++n)
          for (int64_t c = 0; c < channels; ++c) {
            const float* in = images.f32() + n * kSide * kSide * channels + c;
            float v = 0;
            for (int i = 0; i < 4; ++i) v += in[s.offset[i] * channels] * s.weight[i];
            out.f32()[((n * kSide + kSide - 1 - y) * kSide + kSide - 1 - x) * channels + c] = v * s.inside;
          }
      }
  });
  return out;
}

// Adds normal noise, drawn one by one in torch's order [N,C,H,W].
void add_noise(Tensor& images, float amount, sampling::TorchGenerator& random) {
  const int64_t channels = images.dim(3), plane = kSide * kSide;
  constexpr int64_t kDraw = 8;  // fewer than 16 at a time are drawn one by one
  std::vector<float> draw(kDraw);
  for (int64_t n = 0; n < images.dim(0); ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < plane; i += kDraw) {
        random.randn(draw);
        for (int64_t k = 0; k < kDraw; ++k)
          images.f32()[(n * plane + i + k) * channels + c] += amount * draw[static_cast<size_t>(k)];
      }
}

}  // namespace

Tensor ip_noise_images(const Tensor& images, double noise, sampling::TorchGenerator& random) {
  image::require_image(images, "reference image");
  const double sigma = std::min(noise, 1.0) * 3.5;
  const Tensor small = image::antialias_bicubic(centre_square(images), {kSide, kSide});
  random.manual_seed(0);
  const std::vector<float> dx = displacement(sigma, random);
  const std::vector<float> dy = displacement(sigma, random);
  float flips[2];
  for (float& f : flips) random.rand({&f, 1});  // torchvision asks, though it flips always
  Tensor out = shaken(small, dx, dy);
  add_noise(out, static_cast<float>(0.25 * (1 - noise) + 0.05), random);
  return out;
}

}  // namespace easel::models
