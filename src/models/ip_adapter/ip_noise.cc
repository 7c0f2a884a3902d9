// The noised negatives of reference images, in torchvision's arithmetic (0.14: CenterCrop, Resize, ElasticTransform).
#include <algorithm>
#include <vector>

#include "image/edit/elastic.h"
#include "image/scale/resize.h"
#include "models/ip_adapter/ip_embeds.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

constexpr int64_t kSide = 224;
constexpr float kAlpha = 75.0f;  // strength of the elastic displacement

// Smooth random displacements in units of half the picture.
std::vector<float> displacement(double sigma, sampling::TorchGenerator& random) {
  std::vector<float> field(static_cast<size_t>(kSide * kSide));
  random.rand(field);
  return image::elastic_field(std::move(field), kSide, sigma, kAlpha);
}

Tensor centre_square(const Tensor& images) {
  const int64_t h = images.dim(1), w = images.dim(2), side = std::min(h, w);
  const int64_t top = image::round_half_even(static_cast<double>(h - side) / 2.0);
  const int64_t left = image::round_half_even(static_cast<double>(w - side) / 2.0);
  return contiguous(images.slice(1, top, side).slice(2, left, side));
}

// Adds normal noise, drawn one by one in torch's order [N,C,H,W].
Tensor add_noise(const Tensor& images, float amount, sampling::TorchGenerator& random) {
  constexpr size_t kDraw = 8;  // fewer than 16 at a time are drawn one by one
  std::vector<float> drawn(static_cast<size_t>(images.numel()));
  for (size_t i = 0; i < drawn.size(); i += kDraw) random.randn(std::span(drawn).subspan(i, kDraw));
  const Tensor noise = Tensor::of({images.dim(0), images.dim(3), kSide, kSide}, drawn).permute({0, 2, 3, 1});
  return ops::map([=](auto v, auto z) { return v + amount * z; }, images, noise);
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
  for (float& f : flips) random.rand({&f, 1});  // drawn by torchvision too, although it always flips
  return add_noise(image::elastic(small, dx, dy), static_cast<float>(0.25 * (1 - noise) + 0.05), random);
}

}  // namespace easel::models
