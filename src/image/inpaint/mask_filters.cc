#include "image/inpaint/mask_filters.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/parallel.h"
#include "image/edit/elementwise.h"
#include "image/edit/pictures.h"
#include "image/scale/mirrored.h"

namespace easel::image {
namespace {

// For each pixel the number of pixels of its mask, within the square around it, for which `counts` holds. A table of
// sums makes every square cost the same.
template <class F>
std::vector<int32_t> counted_in_squares(const float* mask, int64_t height, int64_t width, int64_t radius,
                                        const F& counts) {
  const int64_t stride = width + 1;
  std::vector<int32_t> sums(static_cast<size_t>((height + 1) * stride), 0);
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    int32_t row = 0;
    for (int64_t x = 0; x < width; ++x) {
      row += counts(mask[y * width + x]) ? 1 : 0;
      sums[static_cast<size_t>((y + 1) * stride + x + 1)] = sums[static_cast<size_t>(y * stride + x + 1)] + row;
    }
  }
  std::vector<int32_t> out(static_cast<size_t>(height * width));
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    const int64_t top = std::max<int64_t>(0, y - radius), bottom = std::min(height, y + radius + 1);
    for (int64_t x = 0; x < width; ++x) {
      const int64_t left = std::max<int64_t>(0, x - radius), right = std::min(width, x + radius + 1);
      const auto at = [&](int64_t r, int64_t c) { return sums[static_cast<size_t>(r * stride + c)]; };
      out[static_cast<size_t>(y * width + x)] = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left);
    }
  }
  return out;
}

// 1 where the number of pixels around that `counts` holds for is above 0, or else, 0.
template <class F>
Tensor by_squares(const Tensor& mask, int64_t radius, float where_any, float where_none, const F& counts) {
  require_mask(mask, "mask");
  const Tensor in = contiguous(mask);
  Tensor out(in.shape());
  const int64_t height = in.dim(1), width = in.dim(2);
  parallel_for(in.dim(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const auto found = counted_in_squares(in.f32() + n * height * width, height, width, radius, counts);
      for (size_t i = 0; i < found.size(); ++i)
        out.f32()[n * height * width + static_cast<int64_t>(i)] = found[i] > 0 ? where_any : where_none;
    }
  });
  return out;
}

// Both ways by the same taps. Of an even number, one more lies behind a pixel than before it.
Tensor filtered(const Tensor& image, const std::vector<double>& taps) {
  const auto size = static_cast<int64_t>(taps.size()), reach = (size - 1) / 2;
  const int64_t height = image.dim(1), width = image.dim(2), channels = image.dim(3);
  if (size / 2 >= height || size / 2 >= width)
    throw Error(Fault::kInvalid, "a blur of " + std::to_string(size) + " pixels mirrors " + std::to_string(size / 2) +
                                     " pixels at the borders, more than a picture of " + std::to_string(width) + "x" +
                                     std::to_string(height) + " has")
        .fix("Blur less, or use a larger picture");
  const Tensor in = contiguous(image);
  Tensor rows(in.shape()), out(in.shape());
  const auto lines = in.dim(0) * height;
  parallel_for(lines, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      poll_cancelled();
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0;
          for (int64_t k = 0; k < size; ++k)
            sum +=
                taps[static_cast<size_t>(k)] * in.f32()[(line * width + mirrored(x + k - reach, width)) * channels + c];
          rows.f32()[(line * width + x) * channels + c] = static_cast<float>(sum);
        }
    }
  });
  const int64_t stride = width * channels;
  parallel_for(lines, 1, [&](int64_t begin, int64_t end) {
    std::vector<double> sums(static_cast<size_t>(stride));
    for (int64_t line = begin; line < end; ++line) {
      poll_cancelled();
      const int64_t first = line / height * height, y = line - first;
      std::fill(sums.begin(), sums.end(), 0.0);
      for (int64_t k = 0; k < size; ++k) {
        const float* row = rows.f32() + (first + mirrored(y + k - reach, height)) * stride;
        for (int64_t i = 0; i < stride; ++i) sums[static_cast<size_t>(i)] += taps[static_cast<size_t>(k)] * row[i];
      }
      for (int64_t i = 0; i < stride; ++i)
        out.f32()[line * stride + i] = static_cast<float>(sums[static_cast<size_t>(i)]);
    }
  });
  return out;
}

std::vector<double> normalised(std::vector<double> taps) {
  double sum = 0;
  for (const double tap : taps) sum += tap;
  for (double& tap : taps) tap /= sum;
  return taps;
}

std::vector<double> gaussian_taps(int64_t size) {
  const double sigma = 0.3 * static_cast<double>(size - 1) + 0.8;
  std::vector<double> taps;
  for (int64_t i = 0; i < size; ++i) {
    const auto x = static_cast<double>(i - size / 2);
    taps.push_back(std::exp(-x * x / (2 * sigma * sigma)));
  }
  return normalised(std::move(taps));
}

// (1, 2, .. h-1, h) / h up to 1 in the middle, as the original spaces them: evenly from 1/h to (h-1)/h in h points.
std::vector<double> triangle_taps(int64_t size) {
  constexpr int64_t kSmallest = 3;
  if (size == kSmallest) return std::vector<double>(kSmallest, 1.0 / static_cast<double>(kSmallest));
  const int64_t half = size / 2;
  const auto h = static_cast<double>(half);
  std::vector<double> side;
  for (int64_t i = 0; i < half; ++i)
    side.push_back(1 / h + (h - 2) / h * static_cast<double>(i) / static_cast<double>(half - 1));
  std::vector<double> taps = side;
  taps.push_back(1.0);
  taps.insert(taps.end(), side.rbegin(), side.rend());
  return normalised(std::move(taps));
}

void require_odd(int64_t size) {
  if (size < 0 || size % 2 == 0) throw Error(Fault::kInternal, "a filter of " + std::to_string(size) + " pixels");
}

}  // namespace

Tensor dilate_square(const Tensor& mask, int64_t radius) {
  return by_squares(mask, radius, 1.0f, 0.0f, [](float v) { return v > 0.0f; });
}

Tensor erode_square(const Tensor& mask, int64_t radius) {
  return by_squares(mask, radius, 0.0f, 1.0f, [](float v) { return v != 1.0f; });
}

Tensor gaussian(const Tensor& image, int64_t size) {
  require_odd(size);
  return filtered(image, gaussian_taps(size));
}

Tensor soften(const Tensor& mask, int64_t size, Softening how) {
  require_mask(mask, "mask");
  constexpr int64_t kNothing = 2;
  if (size <= kNothing) return mask;
  if (how != Softening::kBox) require_odd(size);
  const Tensor picture = as_picture(mask);
  if (how == Softening::kGaussian) return as_mask(gaussian(picture, size));
  if (how == Softening::kLinear) return as_mask(filtered(picture, triangle_taps(size)));
  return as_mask(filtered(picture, std::vector<double>(static_cast<size_t>(size), 1.0 / static_cast<double>(size))));
}

int64_t odd(int64_t size) { return size > 0 && size % 2 == 0 ? size + 1 : size; }

Tensor fully_selected(const Tensor& mask) {
  require_mask(mask, "mask");
  constexpr float kFully = 0.99f;
  return map(mask, [](float v) { return v >= kFully ? 1.0f : 0.0f; });
}

Tensor full_above(const Tensor& mask, double edge) {
  require_mask(mask, "mask");
  const auto limit = static_cast<float>(edge);
  return map(mask, [limit](float v) { return v > limit ? 1.0f : v; });
}

Tensor ramp(const Tensor& mask, double from, double to) {
  require_mask(mask, "mask");
  if (from >= to) throw Error(Fault::kInvalid, "a ramp must end above where it begins");
  const auto offset = static_cast<float>(from), factor = static_cast<float>(1 / (to - from));
  return map(mask, [=](float v) { return std::clamp((v - offset) * factor, 0.0f, 1.0f); });
}

}  // namespace easel::image
