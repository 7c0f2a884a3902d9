#include "image/inpaint/fill.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "image/edit/elementwise.h"
#include "image/edit/pictures.h"
#include "image/inpaint/mask_filters.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

constexpr int64_t kColours = 3;
constexpr float kByte = 255.0f;
constexpr int64_t kPixels = 1 << 16;  // between two looks at whether the work is to stop

std::string size_of(const Tensor& t) { return std::to_string(t.dim(2)) + "x" + std::to_string(t.dim(1)); }

void require_fit(const Tensor& image, const Tensor& mask, bool one_for_all) {
  require_image(image, "image");
  require_mask(mask, "mask");
  if (image.dim(1) != mask.dim(1) || image.dim(2) != mask.dim(2))
    throw Error(Fault::kInvalid, "the mask is " + size_of(mask) + " pixels large, the picture " + size_of(image))
        .fix("Resize one of them");
  if (image.dim(0) != mask.dim(0) && !(one_for_all && mask.dim(0) == 1))
    throw Error(Fault::kInvalid,
                "there are " + std::to_string(mask.dim(0)) + " masks for " + std::to_string(image.dim(0)) + " pictures")
        .fix("Give one mask for each picture");
}

void require_colours(const Tensor& image) {
  if (image.dim(3) != kColours)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(image.dim(3)) + " channels where three are needed");
}

// first + (second - first) * part, part [N or 1,H,W].
Tensor mixed(const Tensor& first, const Tensor& second, const Tensor& part) {
  const Tensor a = contiguous(first), b = contiguous(second), p = contiguous(part);
  Tensor out(a.shape());
  const int64_t channels = a.dim(3), pixels = a.dim(0) * a.dim(1) * a.dim(2), parts = p.numel();
  for (int64_t i = 0; i < pixels; ++i) {
    if (i % kPixels == 0) poll_cancelled();
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t at = i * channels + c;
      out.f32()[at] = a.f32()[at] + (b.f32()[at] - a.f32()[at]) * p.f32()[i % parts];
    }
  }
  return out;
}

}  // namespace

Tensor replaced_part(const Tensor& mask, int64_t falloff) {
  const Tensor whole = fully_selected(mask);
  const int64_t pixels = odd(falloff);
  if (pixels == 0) return whole;
  return map(whole, as_mask(gaussian(as_picture(erode_square(whole, pixels)), pixels)),
             [](float a, float b) { return a * b; });
}

Tensor fill_neutral(const Tensor& image, const Tensor& mask, int64_t falloff) {
  require_fit(image, mask, false);
  const Tensor part = contiguous(replaced_part(mask, falloff)), in = contiguous(image);
  constexpr float kGrey = 0.5f;
  Tensor out(in.shape());
  const int64_t channels = in.dim(3), coloured = std::min(channels, kColours);
  for (int64_t i = 0; i < part.numel(); ++i) {
    if (i % kPixels == 0) poll_cancelled();
    for (int64_t c = 0; c < channels; ++c) {
      const float v = in.f32()[i * channels + c];
      out.f32()[i * channels + c] = c < coloured ? (v - kGrey) * (1.0f - part.f32()[i]) + kGrey : v;
    }
  }
  return out;
}

Tensor fill_holes(const Tensor& image, const Tensor& mask, int64_t falloff, HoleFilling how) {
  require_fit(image, mask, false);
  require_colours(image);
  constexpr int kRadius = 3;
  const Tensor part = contiguous(replaced_part(mask, falloff)), in = contiguous(image);
  const int64_t height = in.dim(1), width = in.dim(2), pixels = height * width;
  const auto byte = [](float v) { return static_cast<uint8_t>(std::clamp(kByte * v, 0.0f, kByte)); };
  Tensor filled(in.shape());
  std::vector<uint8_t> rgb(static_cast<size_t>(pixels * kColours)), hole(static_cast<size_t>(pixels));
  for (int64_t n = 0; n < in.dim(0); ++n) {
    const float* picture = in.f32() + n * pixels * kColours;
    std::transform(picture, picture + pixels * kColours, rgb.begin(), byte);
    std::transform(part.f32() + n * pixels, part.f32() + (n + 1) * pixels, hole.begin(), byte);
    close_holes(rgb, hole, height, width, kRadius, how);
    std::transform(rgb.begin(), rgb.end(), filled.f32() + n * pixels * kColours,
                   [](uint8_t v) { return static_cast<float>(v) / kByte; });
  }
  return mixed(in, filled, part);
}

Tensor blur_under(const Tensor& image, const Tensor& mask, int64_t size, int64_t falloff) {
  require_fit(image, mask, true);
  require_colours(image);
  const int64_t pixels = odd(size);
  return mixed(image, gaussian(image, pixels), replaced_part(mask, std::min(odd(falloff), pixels - 2)));
}

}  // namespace easel::image
