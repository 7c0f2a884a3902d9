#include "image/edit/canny.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/cancel.h"
#include "base/parallel.h"
#include "image/scale/resize.h"
#include "image/scale/simd.h"
#include "tensor/memory_guard.h"

namespace easel::image {
namespace {

// One channel of one picture with `margin` more pixels on every side.
struct Plane {
  Plane(int64_t h, int64_t w, int64_t m)
      : height(h), width(w), margin(m), data(static_cast<size_t>((h + 2 * m) * (w + 2 * m)), 0.0f) {}
  float* row(int64_t y) { return &data[static_cast<size_t>((y + margin) * (width + 2 * margin) + margin)]; }
  const float* row(int64_t y) const { return const_cast<Plane*>(this)->row(y); }

  int64_t height, width, margin;
  std::vector<float> data;
};

enum class Border { kMirror, kRepeat };

int64_t border_index(int64_t i, int64_t n, Border border) {
  if (border == Border::kRepeat) return std::clamp<int64_t>(i, 0, n - 1);
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

void fill_margin(Plane& plane, Border border) {
  const int64_t m = plane.margin;
  for (int64_t y = 0; y < plane.height; ++y) {
    float* row = plane.row(y);
    for (int64_t x = -m; x < 0; ++x) row[x] = row[border_index(x, plane.width, border)];
    for (int64_t x = plane.width; x < plane.width + m; ++x) row[x] = row[border_index(x, plane.width, border)];
  }
  const auto copy_row = [&](int64_t y) {
    std::copy_n(plane.row(border_index(y, plane.height, border)) - m, plane.width + 2 * m, plane.row(y) - m);
  };
  for (int64_t y = 1; y <= m; ++y) {
    copy_row(-y);
    copy_row(plane.height - 1 + y);
  }
}

EASEL_CLONES void grey_row(const float* in, int64_t channels, float* out, int64_t width) {
  if (channels < 3) {
    for (int64_t x = 0; x < width; ++x) out[x] = in[x * channels];
    return;
  }
  for (int64_t x = 0; x < width; ++x) {
    const float* p = in + x * channels;
    out[x] = (0.299f * p[0] + 0.587f * p[1]) + 0.114f * p[2];
  }
}

// exp(-x^2 / 2) at -2..2, normalised.
std::array<float, 5> gaussian() {
  std::array<float, 5> kernel{};
  float sum = 0;
  for (size_t i = 0; i < 5; ++i) {
    const float x = static_cast<float>(i) - 2.0f;
    kernel[i] = std::exp(-0.5f * (x * x));
    sum += kernel[i];
  }
  for (float& k : kernel) k /= sum;
  return kernel;
}

EASEL_CLONES void accumulate_row(const float* in, float weight, float* out, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = std::fma(in[i], weight, out[i]);
}

// The 2-D kernel, product by product in reading order: that is how the reference's convolution sums.
Plane blur(const Plane& in) {
  static const std::array<float, 5> kernel = gaussian();
  Plane out(in.height, in.width, 1);
  parallel_for(in.height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t dy = -2; dy <= 2; ++dy)
        for (int64_t dx = -2; dx <= 2; ++dx)
          accumulate_row(in.row(y + dy) + dx, kernel[static_cast<size_t>(dy + 2)] * kernel[static_cast<size_t>(dx + 2)],
                         out.row(y), in.width);
  });
  fill_margin(out, Border::kRepeat);
  return out;
}

// The direction a gradient points in, in eighths of a turn, -4..4.
int direction(float gx, float gy) {
  constexpr float kPi = 3.14159265358979323846f;
  const float degrees = 180.0f * std::atan2(gy, gx) / kPi;
  const float eighths = std::nearbyint(degrees / 45.0f);
  return std::isfinite(eighths) ? static_cast<int>(eighths) : 0;
}

struct Gradient {
  Plane magnitude;                // with a margin of zeros
  std::vector<int8_t> direction;  // 0..7
};

Gradient gradient(const Plane& in) {
  constexpr float kEpsilon = 1e-6f;
  Gradient out{Plane(in.height, in.width, 1), std::vector<int8_t>(static_cast<size_t>(in.height * in.width))};
  parallel_for(in.height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      const float *above = in.row(y - 1), *here = in.row(y), *below = in.row(y + 1);
      for (int64_t x = 0; x < in.width; ++x) {
        float gx = above[x + 1] - above[x - 1];
        gx = (gx - 2.0f * here[x - 1]) + 2.0f * here[x + 1];
        gx = (gx - below[x - 1]) + below[x + 1];
        float gy = (-above[x - 1] - 2.0f * above[x]) - above[x + 1];
        gy = ((gy + below[x - 1]) + 2.0f * below[x]) + below[x + 1];
        out.magnitude.row(y)[x] = std::sqrt((gx * gx + gy * gy) + kEpsilon);
        out.direction[static_cast<size_t>(y * in.width + x)] = static_cast<int8_t>((direction(gx, gy) + 8) % 8);
      }
    }
  });
  return out;
}

enum Strength : uint8_t { kNone, kWeak, kStrong };

// Keeps pixels that exceed both neighbours along their gradient, and grades them.
std::vector<uint8_t> thin(const Gradient& gradient, float low, float high) {
  constexpr std::array<std::array<int64_t, 2>, 8> kNeighbour{
      {{0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}, {-1, -1}, {-1, 0}, {-1, 1}}};  // {dy, dx} of each eighth
  const Plane& magnitude = gradient.magnitude;
  std::vector<uint8_t> out(gradient.direction.size(), kNone);
  for (int64_t y = 0; y < magnitude.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < magnitude.width; ++x) {
      const auto at = static_cast<size_t>(y * magnitude.width + x);
      const float value = magnitude.row(y)[x];
      const auto exceeds = [&](int eighth) {
        const auto [dy, dx] = kNeighbour[static_cast<size_t>(eighth % 8)];
        return value - magnitude.row(y + dy)[x + dx] > 0.0f;
      };
      if (!exceeds(gradient.direction[at]) || !exceeds(gradient.direction[at] + 4)) continue;
      // If the thresholds are swapped, a pixel above only one of them is weak.
      out[at] = static_cast<uint8_t>((value > low ? 1 : 0) + (value > high ? 1 : 0));
    }
  }
  return out;
}

// Makes weak pixels strong that touch a strong one, and so on.
void connect(std::vector<uint8_t>& grade, int64_t height, int64_t width) {
  std::vector<int64_t> open;
  for (size_t i = 0; i < grade.size(); ++i)
    if (grade[i] == kStrong) open.push_back(static_cast<int64_t>(i));
  constexpr uint32_t kPixels = 1 << 16;  // between two looks at whether the work is to stop
  for (uint32_t seen = 0; !open.empty(); ++seen) {
    if (seen % kPixels == 0) poll_cancelled();
    const int64_t at = open.back();
    open.pop_back();
    const int64_t y = at / width, x = at % width;
    for (int64_t ny = std::max<int64_t>(0, y - 1); ny <= std::min(height - 1, y + 1); ++ny) {
      for (int64_t nx = std::max<int64_t>(0, x - 1); nx <= std::min(width - 1, x + 1); ++nx) {
        uint8_t& neighbour = grade[static_cast<size_t>(ny * width + nx)];
        if (neighbour != kWeak) continue;
        neighbour = kStrong;
        open.push_back(ny * width + nx);
      }
    }
  }
}

}  // namespace

Tensor canny(const Tensor& image, double low, double high) {
  require_image(image, "the picture for Canny");
  const int64_t height = image.dim(1), width = image.dim(2), channels = image.dim(3);
  if (height < 3 || width < 3)
    throw Error(Fault::kInvalid, "Canny needs a picture of at least 3 x 3 pixels, not " + std::to_string(width) +
                                     " x " + std::to_string(height));
  const Tensor packed = contiguous(image);
  Tensor out(Shape{image.dim(0), height, width, 3});
  // Of one picture: three planes of f32, directions and grades in a byte each, and places that are still to be
  // followed.
  const MemoryClaim claim(static_cast<size_t>(height * width) * (3 * sizeof(float) + 2 + sizeof(int64_t)));
  for (int64_t n = 0; n < image.dim(0); ++n) {
    poll_cancelled();
    Plane grey(height, width, 2);
    for (int64_t y = 0; y < height; ++y)
      grey_row(packed.f32() + (n * height + y) * width * channels, channels, grey.row(y), width);
    fill_margin(grey, Border::kMirror);
    std::vector<uint8_t> grade = thin(gradient(blur(grey)), static_cast<float>(low), static_cast<float>(high));
    connect(grade, height, width);
    float* to = out.f32() + n * height * width * 3;
    for (uint8_t g : grade) to = std::fill_n(to, 3, g == kStrong ? 1.0f : 0.0f);
  }
  return out;
}

}  // namespace easel::image
