// The noised negatives of reference images, in torchvision's arithmetic (0.14: CenterCrop, Resize, ElasticTransform).
#include <algorithm>
#include <vector>

#include "image/edit/elastic.h"
#include "image/scale/resize.h"
#include "models/ip_adapter/ip_embeds.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

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

// Values in torch's order [N,C,H,W], as a channels-last view.
Tensor in_torch_order(const std::vector<float>& drawn, const Shape& images) {
  return Tensor::of({images[0], images[3], images[1], images[2]}, drawn).permute({0, 2, 3, 1});
}

// Normal noise, drawn one by one in torch's order.
Tensor normal_noise(const Shape& images, sampling::TorchGenerator& random) {
  constexpr size_t kDraw = 8;  // fewer than 16 at a time are drawn one by one
  std::vector<float> drawn(static_cast<size_t>(images.numel()));
  for (size_t i = 0; i < drawn.size(); i += kDraw) random.randn(std::span(drawn).subspan(i, kDraw));
  return in_torch_order(drawn, images);
}

Tensor add_noise(const Tensor& images, float amount, sampling::TorchGenerator& random) {
  return ops::map([=](auto v, auto z) { return v + amount * z; }, images, normal_noise(images.shape(), random));
}

// Distorted and turned upside down.
Tensor shuffled(const Tensor& small, double sigma, sampling::TorchGenerator& random) {
  const std::vector<float> dx = displacement(sigma, random);
  const std::vector<float> dy = displacement(sigma, random);
  float flips[2];
  for (float& f : flips) random.rand({&f, 1});  // drawn by torchvision too, although it always flips
  return image::elastic(small, dx, dy);
}

}  // namespace

Tensor ip_noise_images(const Tensor& images, double noise, sampling::TorchGenerator& random) {
  image::require_image(images, "reference image");
  const double sigma = std::min(noise, 1.0) * 3.5;
  const Tensor small = image::antialias_bicubic(centre_square(images), {kSide, kSide});
  random.manual_seed(0);
  const Tensor turned = shuffled(small, sigma, random);
  return add_noise(turned, static_cast<float>(0.25 * (1 - noise) + 0.05), random);
}

Tensor ip_noise_image(IpNoiseKind kind, const Tensor& image, double strength, sampling::TorchGenerator& random) {
  const bool given = image.defined();
  Tensor small = Tensor::zeros({1, kSide, kSide, 3});
  if (given) {
    image::require_image(image, "image");
    small = image::antialias_bicubic(centre_square(image), {kSide, kSide});
  }
  const double sum = ops::item(ops::reduce(small, ops::Reduction::kSum, 0, -1));
  random.manual_seed(static_cast<uint64_t>(std::max(0.0, sum)) % 1000000007u);
  const Shape shape = small.shape();
  // A picture is a view of torch's order, in which it is filled; a new one lies as it is seen.
  const auto drawn = [&](const auto& draw) {
    std::vector<float> values(static_cast<size_t>(shape.numel()));
    draw(values);
    return given ? contiguous(in_torch_order(values, shape)) : Tensor::of(shape, values);
  };
  const auto uniform = [&] { return drawn([&](std::span<float> out) { random.rand(out); }); };
  const auto normal = [&] {
    return given ? normal_noise(shape, random) : drawn([&](std::span<float> out) { random.randn(out); });
  };
  const auto amount = static_cast<float>(strength);
  Tensor out;
  switch (kind) {
    case IpNoiseKind::kFade:
      out = ops::map([=](auto v, auto z) { return v * (1 - amount) + z * amount; }, small, uniform());
      break;
    case IpNoiseKind::kDissolve: {
      const Tensor where = uniform(), noise = uniform();
      out = ops::map([=](auto v, auto z, auto at) { return select(amount > at, z, v); }, small, noise, where);
      break;
    }
    case IpNoiseKind::kGaussian: out = ops::map([=](auto v, auto z) { return v + amount * z; }, small, normal()); break;
    case IpNoiseKind::kShuffle: {
      if (!given)
        throw Error(Fault::kInvalid, "there is no picture to shuffle").at_input("image_optional").fix("Link one");
      const Tensor turned = shuffled(small, (1 - strength) * 3.5, random);
      const float share = amount * 0.75f;
      out = ops::map([=](auto v, auto z) { return v * (1 - z * share) + z * share; }, turned, normal());
      break;
    }
  }
  return ops::map([](auto v) { return clamp(v, 0.0f, 1.0f); }, out);
}

}  // namespace easel::models
