#include "image/edit/latents.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/cancel.h"
#include "image/edit/elementwise.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

Tensor like(const Tensor& latent, const Tensor& model) {
  require_image(model, "the first latent");
  require_image(latent, "the second latent");
  if (latent.dim(3) != model.dim(3))
    throw Error(Fault::kInvalid, "cannot combine latents of " + std::to_string(model.dim(3)) + " and " +
                                     std::to_string(latent.dim(3)) + " channels");
  const bool fits = latent.dim(1) == model.dim(1) && latent.dim(2) == model.dim(2);
  return fit_batch(
      fits ? latent : upscale(latent, {model.dim(2), model.dim(1)}, ResizeMethod::kBilinear, CropMode::kCenter),
      model.dim(0));
}

float length(const float* v, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += v[i] * v[i];
  return std::sqrt(sum);
}

// Interpolates one vector of `n` channels. The direction of a vector of length zero counts as 0.
void interpolate(const float* a, const float* b, float ratio, float rest, float* out, int64_t n) {
  const float length_a = length(a, n), length_b = length(b, n);
  const auto unit = [](float v, float norm) { return norm > 0 ? v / norm : 0.0f; };
  for (int64_t i = 0; i < n; ++i) out[i] = unit(a[i], length_a) * ratio + unit(b[i], length_b) * rest;
  const float norm = length(out, n), scale = length_a * ratio + length_b * rest;
  for (int64_t i = 0; i < n; ++i) out[i] = unit(out[i], norm) * scale;
}

}  // namespace

Tensor add_latents(const Tensor& latent1, const Tensor& latent2) {
  return map(latent1, like(latent2, latent1), [](float a, float b) { return a + b; });
}

Tensor subtract_latents(const Tensor& latent1, const Tensor& latent2) {
  return map(latent1, like(latent2, latent1), [](float a, float b) { return a - b; });
}

Tensor interpolate_latents(const Tensor& latent1, const Tensor& latent2, double ratio) {
  const Tensor b = contiguous(like(latent2, latent1)), a = contiguous(latent1);
  Tensor out(latent1.shape());
  const int64_t channels = latent1.dim(3);
  for (int64_t i = 0; i < a.numel(); i += channels) {
    if (i % (a.dim(2) * channels) == 0) poll_cancelled();
    interpolate(a.f32() + i, b.f32() + i, static_cast<float>(ratio), static_cast<float>(1.0 - ratio), out.f32() + i,
                channels);
  }
  return out;
}

Tensor blend_latents(const Tensor& latent1, const Tensor& latent2, double factor) {
  require_image(latent1, "the first latent");
  require_image(latent2, "the second latent");
  const bool fits = latent2.dim(1) == latent1.dim(1) && latent2.dim(2) == latent1.dim(2);
  const Tensor sized =
      fits ? latent2 : upscale(latent2, {latent1.dim(2), latent1.dim(1)}, ResizeMethod::kBicubic, CropMode::kCenter);
  const int64_t batch = std::max(latent1.dim(0), latent2.dim(0));
  const auto take = static_cast<float>(factor), rest = static_cast<float>(1 - factor);
  return map(fit_batch(latent1, batch), fit_batch(sized, batch), [=](float a, float b) { return a * take + b * rest; });
}

Tensor multiply_latent(const Tensor& latent, double factor) {
  const auto f = static_cast<float>(factor);
  return map(latent, [f](float v) { return v * f; });
}

Tensor flip(const Tensor& image, Flip axis) {
  require_image(image, "the picture to be flipped");
  const Tensor in = contiguous(image);
  Tensor out(image.shape());
  const int64_t height = image.dim(1), width = image.dim(2), channels = image.dim(3);
  for (int64_t r = 0; r < image.dim(0) * height; ++r) {
    poll_cancelled();
    const int64_t y = r % height, from_row = axis == Flip::kVertical ? r - y + height - 1 - y : r;
    for (int64_t x = 0; x < width; ++x) {
      const int64_t from = axis == Flip::kHorizontal ? width - 1 - x : x;
      std::copy_n(in.f32() + (from_row * width + from) * channels, channels, out.f32() + (r * width + x) * channels);
    }
  }
  return out;
}

Tensor rotate(const Tensor& image, int64_t quarters) {
  require_image(image, "the picture to be rotated");
  quarters = (quarters % 4 + 4) % 4;
  if (quarters == 0) return image;
  if (quarters == 2) return flip(flip(image, Flip::kVertical), Flip::kHorizontal);
  const Tensor turned = contiguous(image.permute({0, 2, 1, 3}));
  return flip(turned, quarters == 1 ? Flip::kHorizontal : Flip::kVertical);
}

std::pair<int64_t, int64_t> latent_corner(Size latent, int64_t x, int64_t y, int64_t factor) {
  constexpr int64_t kLeast = 8;  // latent pixels
  return {std::clamp<int64_t>(x / factor, 0, std::max<int64_t>(0, latent.width - kLeast)),
          std::clamp<int64_t>(y / factor, 0, std::max<int64_t>(0, latent.height - kLeast))};
}

Tensor crop_latent(const Tensor& latent, int64_t width, int64_t height, int64_t x, int64_t y, int64_t factor) {
  require_image(latent, "the latent to be cropped");
  const auto [left, top] = latent_corner({latent.dim(2), latent.dim(1)}, x, y, factor);
  return crop(latent, {width / factor, height / factor}, left, top);
}

}  // namespace easel::image
