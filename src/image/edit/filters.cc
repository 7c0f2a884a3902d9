#include "image/edit/filters.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/parallel.h"
#include "image/edit/elementwise.h"
#include "image/scale/mirrored.h"
#include "image/scale/resize.h"
#include "image/scale/simd.h"
#include "tensor/memory_guard.h"

namespace easel::image {
namespace {

// exp(-x^2 / (2 sigma^2)) at 2 radius + 1 places from -1 to 1, summing to 1. The reference's 2-D kernel is the product
// of two of these.
std::vector<float> gaussian(int64_t radius, double sigma) {
  std::vector<double> values;
  double sum = 0;
  for (int64_t i = -radius; i <= radius; ++i) {
    const double x = static_cast<double>(i) / static_cast<double>(radius);
    values.push_back(std::exp(-x * x / (2.0 * sigma * sigma)));
    sum += values.back();
  }
  std::vector<float> kernel;
  kernel.reserve(values.size());
  for (double v : values) kernel.push_back(static_cast<float>(v / sum));
  return kernel;
}

EASEL_CLONES void add_scaled(const float* in, float weight, float* out, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = std::fma(in[i], weight, out[i]);
}

// One row [W,C] with `radius` mirrored pixels on either side.
void mirror_row(const float* in, int64_t width, int64_t channels, int64_t radius, std::vector<float>& out) {
  out.resize(static_cast<size_t>((width + 2 * radius) * channels));
  for (int64_t x = -radius; x < width + radius; ++x)
    std::copy_n(in + mirrored(x, width) * channels, channels, &out[static_cast<size_t>((x + radius) * channels)]);
}

struct Image {
  int64_t rows, height, width, channels;
  int64_t row() const { return width * channels; }
};

void blur_columns(const Image& shape, const float* in, const std::vector<float>& kernel, float* out) {
  const auto radius = static_cast<int64_t>(kernel.size() / 2);
  parallel_for(shape.rows, 8, [&](int64_t begin, int64_t end) {
    std::vector<float> wide;
    for (int64_t r = begin; r < end; ++r) {
      mirror_row(in + r * shape.row(), shape.width, shape.channels, radius, wide);
      float* to = out + r * shape.row();
      std::fill_n(to, shape.row(), 0.0f);
      for (size_t k = 0; k < kernel.size(); ++k)
        add_scaled(wide.data() + k * static_cast<size_t>(shape.channels), kernel[k], to, shape.row());
    }
  });
}

void blur_rows(const Image& shape, const float* in, const std::vector<float>& kernel, float* out) {
  const auto radius = static_cast<int64_t>(kernel.size() / 2);
  parallel_for(shape.rows, 8, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t first = r / shape.height * shape.height, y = r % shape.height;
      float* to = out + r * shape.row();
      std::fill_n(to, shape.row(), 0.0f);
      for (int64_t k = -radius; k <= radius; ++k)
        add_scaled(in + (first + mirrored(y + k, shape.height)) * shape.row(), kernel[static_cast<size_t>(k + radius)],
                   to, shape.row());
    }
  });
}

// The nine pixels around one, of one channel; black outside.
struct Neighbours {
  float a, b, c, d, e, f, g, h, i;
};

// fidelityFX/ffx_cas.h, as the IP-Adapter nodes have it.
float adapt(const Neighbours& n, float weight, float epsilon) {
  const float low = std::min({n.b, n.d, n.e, n.f, n.h}) + std::min({n.a, n.c, n.g, n.i});
  const float high = std::max({n.b, n.d, n.e, n.f, n.h}) + std::max({n.a, n.c, n.g, n.i});
  const float amplitude = std::sqrt(1.0f / (high + epsilon) * std::min(low, 2.0f - high));
  const float w = -amplitude * weight;
  const float sharp = ((n.b + n.d + n.f + n.h) * w + n.e) * (1.0f / (1.0f + 4.0f * w));
  return std::isnan(sharp) ? 0.0f : std::clamp(sharp, 0.0f, 1.0f);
}

}  // namespace

Tensor blur(const Tensor& image, int64_t radius, double sigma) {
  require_image(image, "the picture to be blurred");
  if (radius == 0) return image;
  const int64_t smaller = std::min(image.dim(1), image.dim(2));
  if (radius < 0 || radius >= smaller || !(sigma > 0))
    throw Error(Fault::kInvalid, "cannot blur a picture " + std::to_string(smaller) + " pixels wide or high over " +
                                     std::to_string(radius) + " pixels")
        .fix("Use a radius below the picture's smaller side and a sigma above 0");
  const Tensor packed = contiguous(image);
  const Image shape{image.dim(0) * image.dim(1), image.dim(1), image.dim(2), image.dim(3)};
  const std::vector<float> kernel = gaussian(radius, sigma);
  Tensor wide(image.shape()), out(image.shape());
  blur_columns(shape, packed.f32(), kernel, wide.f32());
  blur_rows(shape, wide.f32(), kernel, out.f32());
  return out;
}

Tensor sharpen(const Tensor& image, int64_t radius, double sigma, double alpha) {
  const auto strength = static_cast<float>(alpha * 10.0);
  if (radius == 0) return image;
  return map(image, blur(image, radius, sigma), [strength](float sharp, float soft) {
    return std::clamp(sharp * (1.0f + strength) - soft * strength, 0.0f, 1.0f);
  });
}

Tensor adaptive_sharpen(const Tensor& image, double amount, double epsilon) {
  require_image(image, "the picture to be sharpened");
  const Tensor in = contiguous(image);
  const int64_t height = image.dim(1), width = image.dim(2), channels = image.dim(3);
  const auto weight = static_cast<float>(amount * (1.0 / 5 - 1.0 / 8) + 1.0 / 8);
  Tensor out(image.shape());
  float* to = out.f32();
  parallel_for(image.dim(0) * height, 8, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t i = 0; i < width * channels; ++i) {
        const int64_t x = i / channels, y = r % height;
        const auto at = [&](int64_t dx, int64_t dy) {
          const bool inside = x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height;
          return inside ? in.f32()[(r + dy) * width * channels + i + dx * channels] : 0.0f;
        };
        to[r * width * channels + i] =
            adapt({at(-1, -1), at(0, -1), at(1, -1), at(-1, 0), at(0, 0), at(1, 0), at(-1, 1), at(0, 1), at(1, 1)},
                  weight, static_cast<float>(epsilon));
      }
    }
  });
  return out;
}

namespace {

constexpr int kPasses = 3;  // of the box

// The width of a box that three times over is a Gaussian (Gwosdek et al. 2011), in f32 as Pillow computes it.
float box_radius(float radius) {
  const float sigma2 = radius * radius / kPasses;
  const auto length = static_cast<float>(std::sqrt(12.0 * static_cast<double>(sigma2) + 1.0));
  const auto whole = static_cast<float>(std::floor((static_cast<double>(length) - 1.0) / 2.0));
  float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * sigma2);
  part /= 6 * (sigma2 - (whole + 1) * (whole + 1));
  return whole + part;
}

// One pass along lines of `n` bytes that lie `step` apart.
void box_line(uint8_t* line, int64_t n, int64_t step, float radius, std::vector<uint8_t>& copy) {
  const auto whole = static_cast<int64_t>(radius);
  const auto weight = static_cast<uint32_t>(static_cast<float>(1 << 24) / (radius * 2 + 1));
  const uint32_t far_weight = ((uint32_t{1} << 24) - static_cast<uint32_t>(whole * 2 + 1) * weight) / 2;
  copy.resize(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) copy[static_cast<size_t>(i)] = line[i * step];
  const auto at = [&](int64_t i) { return uint32_t{copy[static_cast<size_t>(std::clamp<int64_t>(i, 0, n - 1))]}; };
  uint32_t sum = 0;
  for (int64_t i = -whole - 1; i < whole; ++i) sum += at(i);
  for (int64_t i = 0; i < n; ++i) {
    sum += at(i + whole) - at(i - whole - 1);
    const uint32_t bulk = sum * weight + (at(i - whole - 1) + at(i + whole + 1)) * far_weight;
    line[i * step] = static_cast<uint8_t>((bulk + (uint32_t{1} << 23)) >> 24);
  }
}

}  // namespace

Tensor pillow_blur(const Tensor& image, double radius) {
  require_image(image, "the picture to be blurred");
  if (!(radius >= 0 && radius <= 1000))
    throw Error(Fault::kInvalid, "cannot blur over " + std::to_string(radius) + " pixels")
        .fix("Use a radius of 0 to 1000");
  const Tensor in = contiguous(image);
  const int64_t height = in.dim(1), width = in.dim(2), channels = in.dim(3), size = height * width * channels;
  const MemoryClaim claim(static_cast<size_t>(in.numel()));
  std::vector<uint8_t> bytes(static_cast<size_t>(in.numel()));
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(std::clamp(in.f32()[i] * 255.0f, 0.0f, 255.0f));
  if (const float box = box_radius(static_cast<float>(radius)); box != 0.0f) {
    parallel_for(in.dim(0) * channels, 1, [&](int64_t begin, int64_t end) {
      std::vector<uint8_t> copy;
      for (int64_t plane = begin; plane < end; ++plane) {
        uint8_t* first = bytes.data() + plane / channels * size + plane % channels;
        for (int64_t y = 0; y < height; ++y) {
          poll_cancelled();
          for (int pass = 0; pass < kPasses; ++pass) box_line(first + y * width * channels, width, channels, box, copy);
        }
        for (int64_t x = 0; x < width; ++x) {
          poll_cancelled();
          for (int pass = 0; pass < kPasses; ++pass)
            box_line(first + x * channels, height, width * channels, box, copy);
        }
      }
    });
  }
  Tensor out(in.shape());
  for (size_t i = 0; i < bytes.size(); ++i) out.f32()[i] = static_cast<float>(bytes[i]) / 255.0f;
  return out;
}

}  // namespace easel::image
