#include "image/scale/resize.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "image/scale/pillow.h"
#include "image/scale/taps.h"

namespace easel::image {
namespace {

constexpr std::pair<std::string_view, ResizeMethod> kMethods[] = {{"nearest-exact", ResizeMethod::kNearestExact},
                                                                  {"bilinear", ResizeMethod::kBilinear},
                                                                  {"area", ResizeMethod::kArea},
                                                                  {"bicubic", ResizeMethod::kBicubic},
                                                                  {"lanczos", ResizeMethod::kLanczos},
                                                                  {"bislerp", ResizeMethod::kBislerp}};

int64_t grain_for(int64_t row) { return std::max<int64_t>(1, 65536 / std::max<int64_t>(1, row)); }

// torch's interpolate(mode="nearest"): the pixel at or before, by a ratio in f32.
std::vector<int64_t> nearest_index(int64_t input, int64_t output) {
  const float ratio = static_cast<float>(input) / static_cast<float>(output);
  std::vector<int64_t> out;
  for (int64_t i = 0; i < output; ++i)
    out.push_back(std::min(static_cast<int64_t>(std::floor(static_cast<float>(i) * ratio)), input - 1));
  return out;
}

Tensor picked(const Tensor& image, Size size, const std::vector<int64_t>& rows, const std::vector<int64_t>& columns) {
  const int64_t height = image.dim(1), width = image.dim(2), channels = image.dim(3), row = size.width * channels;
  Tensor out(Shape{image.dim(0), size.height, size.width, channels});
  const float* source = image.f32();
  float* target = out.f32();
  parallel_for(image.dim(0) * size.height, grain_for(row), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t n = r / size.height, y = rows[static_cast<size_t>(r % size.height)];
      const float* from = source + (n * height + y) * width * channels;
      float* to = target + r * row;
      for (int64_t x : columns) to = std::copy_n(from + x * channels, channels, to);
    }
  });
  return out;
}

// First input position of output position `i`, and one behind its last (adaptive_avg_pool2d).
int64_t area_begin(int64_t i, int64_t input, int64_t output) { return i * input / output; }
int64_t area_end(int64_t i, int64_t input, int64_t output) { return ((i + 1) * input + output - 1) / output; }

Tensor area(const Tensor& image, Size size) {
  const int64_t height = image.dim(1), width = image.dim(2), channels = image.dim(3);
  Tensor out(Shape{image.dim(0), size.height, size.width, channels});
  const float* source = image.f32();
  float* target = out.f32();
  const auto pool_row = [&](int64_t n, int64_t oy) {
    const int64_t y0 = area_begin(oy, height, size.height), y1 = area_end(oy, height, size.height);
    float* to = target + (n * size.height + oy) * size.width * channels;
    for (int64_t ox = 0; ox < size.width; ++ox, to += channels) {
      const int64_t x0 = area_begin(ox, width, size.width), x1 = area_end(ox, width, size.width);
      std::fill_n(to, channels, 0.0f);
      for (int64_t y = y0; y < y1; ++y) {
        const float* from = source + ((n * height + y) * width + x0) * channels;
        for (int64_t x = x0; x < x1; ++x, from += channels)
          for (int64_t c = 0; c < channels; ++c) to[c] += from[c];
      }
      for (int64_t c = 0; c < channels; ++c) to[c] = to[c] / static_cast<float>(y1 - y0) / static_cast<float>(x1 - x0);
    }
  };
  const int64_t work = std::max(width * channels * (height / size.height + 1), size.width * channels);
  parallel_for(image.dim(0) * size.height, grain_for(work), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) pool_row(r / size.height, r % size.height);
  });
  return out;
}

// torch has two ways to sum, one for pictures whose channels lie together in memory, the other for the rest: there,
// latents (which it keeps channels first), and pictures seen through a crop.
Tensor bilinear(const Tensor& image, Size size, bool whole) {
  constexpr int64_t kPictureChannels = 3;
  const Taps y = linear_taps(image.dim(1), size.height), x = linear_taps(image.dim(2), size.width);
  return whole && image.dim(3) <= kPictureChannels ? resample_corners(image, y, x) : resample(image, y, x);
}

}  // namespace

ResizeMethod resize_method(std::string_view name) {
  for (const auto& [known, method] : kMethods)
    if (known == name) return method;
  throw Error(Fault::kInvalid, "unknown way to resize: \"" + std::string(name) + "\"")
      .fix("Use nearest-exact, bilinear, area, bicubic, lanczos or (latents) bislerp");
}

CropMode crop_mode(std::string_view name) {
  if (name == "disabled") return CropMode::kDisabled;
  if (name == "center") return CropMode::kCenter;
  throw Error(Fault::kInvalid, "unknown crop: \"" + std::string(name) + "\"").fix("Use disabled or center");
}

int64_t round_half_even(double value) {
  const double below = std::floor(value), rest = value - below;
  const auto integer = static_cast<int64_t>(below);
  if (rest != 0.5) return rest > 0.5 ? integer + 1 : integer;
  return integer % 2 == 0 ? integer : integer + 1;
}

void require_image(const Tensor& image, std::string_view what) {
  if (!image.defined() || image.rank() != 4 || image.dtype() != DType::kF32 || image.numel() == 0)
    throw Error(Fault::kInvalid, std::string(what) + " must be a picture, f32 [N,H,W,C], and is " +
                                     (image.defined() ? image.str() : "nothing"));
}

void require_size(Size size) {
  constexpr int64_t kLargest = int64_t{1} << 20;
  if (size.width < 1 || size.height < 1 || size.width > kLargest || size.height > kLargest)
    throw Error(Fault::kInvalid, "cannot make a picture of " + std::to_string(size.width) + " x " +
                                     std::to_string(size.height) + " pixels")
        .fix("Choose a width and height from 1 to 16384");
}

Tensor resize(const Tensor& image, Size size, ResizeMethod method) {
  require_image(image, "the picture to be resized");
  require_size(size);
  const Tensor packed = contiguous(image);
  switch (method) {
    case ResizeMethod::kNearestExact:
      return picked(packed, size, nearest_exact_index(packed.dim(1), size.height),
                    nearest_exact_index(packed.dim(2), size.width));
    case ResizeMethod::kNearest:
      return picked(packed, size, nearest_index(packed.dim(1), size.height), nearest_index(packed.dim(2), size.width));
    case ResizeMethod::kBilinear: return bilinear(packed, size, image.contiguous());
    case ResizeMethod::kArea: return area(packed, size);
    case ResizeMethod::kBicubic:
      return resample(packed, cubic_taps(image.dim(1), size.height), cubic_taps(image.dim(2), size.width));
    case ResizeMethod::kLanczos: return pillow_resize(packed, size, PillowFilter::kLanczos);
    case ResizeMethod::kBislerp: return detail::bislerp(packed, size);
  }
  throw Error(Fault::kInternal, "unknown resize method");
}

Tensor crop_to_aspect(const Tensor& image, Size size) {
  const auto width = static_cast<double>(image.dim(2)), height = static_cast<double>(image.dim(1));
  const double old_aspect = width / height;
  const double new_aspect = static_cast<double>(size.width) / static_cast<double>(size.height);
  int64_t x = 0, y = 0;
  if (old_aspect > new_aspect) x = round_half_even((width - width * (new_aspect / old_aspect)) / 2);
  else if (old_aspect < new_aspect) y = round_half_even((height - height * (old_aspect / new_aspect)) / 2);
  if (2 * x >= image.dim(2) || 2 * y >= image.dim(1))
    throw Error(Fault::kInvalid, "nothing is left of a " + std::to_string(image.dim(2)) + " x " +
                                     std::to_string(image.dim(1)) + " picture cut to the shape of " +
                                     std::to_string(size.width) + " x " + std::to_string(size.height))
        .fix("Turn crop off or ask for another shape");
  return image.slice(1, y, image.dim(1) - 2 * y).slice(2, x, image.dim(2) - 2 * x);
}

Tensor upscale(const Tensor& image, Size size, ResizeMethod method, CropMode crop) {
  require_image(image, "the picture to be resized");
  require_size(size);
  return resize(crop == CropMode::kCenter ? crop_to_aspect(image, size) : image, size, method);
}

Size size_of(const Tensor& image) {
  require_image(image, "the picture to be resized");
  return {image.dim(2), image.dim(1)};
}

Size scaled_size(Size now, Size wanted) {
  const auto [width, height] = now;
  if (wanted.width == 0 && wanted.height == 0) return now;
  if (wanted.width == 0)
    wanted.width =
        std::max<int64_t>(1, round_half_even(static_cast<double>(width * wanted.height) / static_cast<double>(height)));
  else if (wanted.height == 0)
    wanted.height =
        std::max<int64_t>(1, round_half_even(static_cast<double>(height * wanted.width) / static_cast<double>(width)));
  return wanted;
}

Size scaled_by(Size now, double factor) {
  return {round_half_even(static_cast<double>(now.width) * factor),
          round_half_even(static_cast<double>(now.height) * factor)};
}

Size scaled_to_pixels(Size now, double megapixels) {
  const auto total = static_cast<double>(static_cast<int64_t>(megapixels * 1024 * 1024));
  return scaled_by(now, std::sqrt(total / static_cast<double>(now.height * now.width)));
}

Size scaled_latent_size(Size now, Size pixels, int64_t factor) {
  constexpr int64_t kLeast = 64;
  const auto [width, height] = now;
  if (pixels.width == 0 && pixels.height == 0) return now;
  if (pixels.width == 0) {
    pixels.height = std::max(kLeast, pixels.height);
    pixels.width = round_half_even(static_cast<double>(width * pixels.height) / static_cast<double>(height));
  } else if (pixels.height == 0) {
    pixels.width = std::max(kLeast, pixels.width);
    pixels.height = round_half_even(static_cast<double>(height * pixels.width) / static_cast<double>(width));
  }
  return {std::max(kLeast, pixels.width) / factor, std::max(kLeast, pixels.height) / factor};
}

Tensor antialias_bicubic(const Tensor& image, Size size) {
  require_image(image, "the picture to be resized");
  require_size(size);
  return resample(contiguous(image), antialias_cubic_taps(image.dim(1), size.height),
                  antialias_cubic_taps(image.dim(2), size.width));
}

}  // namespace easel::image
