#include "image/edit/masks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "image/edit/elementwise.h"

namespace easel::image {
namespace {

float apply(MaskOperation operation, float a, float b) {
  const bool x = std::nearbyint(a) != 0.0f, y = std::nearbyint(b) != 0.0f;
  switch (operation) {
    case MaskOperation::kMultiply: return a * b;
    case MaskOperation::kAdd: return a + b;
    case MaskOperation::kSubtract: return a - b;
    case MaskOperation::kAnd: return x && y ? 1.0f : 0.0f;
    case MaskOperation::kOr: return x || y ? 1.0f : 0.0f;
    case MaskOperation::kXor: return x != y ? 1.0f : 0.0f;
  }
  return a;
}

void scale_column(Tensor& mask, int64_t x, float factor) {
  poll_cancelled();
  for (int64_t r = 0; r < mask.dim(0) * mask.dim(1); ++r) mask.f32()[r * mask.dim(2) + x] *= factor;
}

void scale_row(Tensor& mask, int64_t y, float factor) {
  poll_cancelled();
  for (int64_t n = 0; n < mask.dim(0); ++n) {
    float* row = mask.f32() + (n * mask.dim(1) + y) * mask.dim(2);
    for (int64_t x = 0; x < mask.dim(2); ++x) row[x] *= factor;
  }
}

// Each pixel becomes the largest (or smallest) of itself and its 4 or 8 neighbours.
template <class Pick>
void spread(const Tensor& in, Tensor& out, bool diagonal, const Pick& pick) {
  const int64_t height = in.dim(1), width = in.dim(2);
  parallel_for(in.dim(0) * height, std::max<int64_t>(1, 16384 / width), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = in.f32() + r * width;
      float* to = const_cast<float*>(out.f32()) + r * width;
      const float* above = r % height > 0 ? row - width : row;
      const float* below = r % height < height - 1 ? row + width : row;
      for (int64_t x = 0; x < width; ++x) {
        const int64_t left = std::max<int64_t>(x - 1, 0), right = std::min(x + 1, width - 1);
        float best = pick(pick(row[x], pick(row[left], row[right])), pick(above[x], below[x]));
        if (diagonal) best = pick(best, pick(pick(above[left], above[right]), pick(below[left], below[right])));
        to[x] = best;
      }
    }
  });
}

}  // namespace

Tensor solid_mask(double value, Size size) {
  require_size(size);
  return Tensor::full({1, size.height, size.width}, static_cast<float>(value));
}

int64_t channel_index(std::string_view name) {
  constexpr std::string_view kNames[] = {"red", "green", "blue", "alpha"};
  for (int64_t i = 0; i < 4; ++i)
    if (kNames[i] == name) return i;
  throw Error(Fault::kInvalid, "unknown channel: \"" + std::string(name) + "\"").fix("Use red, green, blue or alpha");
}

Tensor channel_mask(const Tensor& image, int64_t channel) {
  require_image(image, "the picture of the mask");
  if (channel < 0 || channel >= image.dim(3))
    throw Error(Fault::kInvalid,
                "the picture has no channel " + std::to_string(channel) + ", only " + std::to_string(image.dim(3)))
        .fix("Take red, green or blue, or a picture with transparency");
  return contiguous(image.select(3, channel));
}

Tensor colour_mask(const Tensor& image, uint32_t colour) {
  require_image(image, "the picture of the mask");
  if (image.dim(3) < 3) throw Error(Fault::kInvalid, "a colour can only be found in a picture in colour");
  const Tensor in = contiguous(image);
  Tensor out(Shape{image.dim(0), image.dim(1), image.dim(2)});
  const auto byte = [](float v) {
    return v > 0 ? static_cast<uint32_t>(std::nearbyint(std::min(v, 1.0f) * 255.0f)) : 0u;
  };
  for (int64_t i = 0; i < out.numel(); ++i) {
    if (i % in.dim(2) == 0) poll_cancelled();
    const float* p = in.f32() + i * in.dim(3);
    out.f32()[i] = (byte(p[0]) << 16 | byte(p[1]) << 8 | byte(p[2])) == colour ? 1.0f : 0.0f;
  }
  return out;
}

Tensor mask_picture(const Tensor& mask) {
  require_mask(mask, "the mask to be shown");
  const Tensor in = contiguous(mask);
  Tensor out(Shape{mask.dim(0), mask.dim(1), mask.dim(2), 3});
  for (int64_t i = 0; i < in.numel(); ++i) {
    if (i % in.dim(2) == 0) poll_cancelled();
    std::fill_n(out.f32() + 3 * i, 3, in.f32()[i]);
  }
  return out;
}

Tensor crop_mask(const Tensor& mask, Size size, int64_t x, int64_t y) {
  require_mask(mask, "the mask to be cropped");
  require_size(size);
  if (x < 0 || y < 0 || x >= mask.dim(2) || y >= mask.dim(1))
    throw Error(Fault::kInvalid, "nothing of the mask lies at " + std::to_string(x) + ", " + std::to_string(y))
        .fix("It is " + std::to_string(mask.dim(2)) + " x " + std::to_string(mask.dim(1)) + " pixels");
  return clone(
      mask.slice(1, y, std::min(size.height, mask.dim(1) - y)).slice(2, x, std::min(size.width, mask.dim(2) - x)));
}

MaskOperation mask_operation(std::string_view name) {
  constexpr std::pair<std::string_view, MaskOperation> kNames[] = {
      {"multiply", MaskOperation::kMultiply}, {"add", MaskOperation::kAdd}, {"subtract", MaskOperation::kSubtract},
      {"and", MaskOperation::kAnd},           {"or", MaskOperation::kOr},   {"xor", MaskOperation::kXor}};
  for (const auto& [known, operation] : kNames)
    if (known == name) return operation;
  throw Error(Fault::kInvalid, "unknown mask operation: \"" + std::string(name) + "\"")
      .fix("Use multiply, add, subtract, and, or or xor");
}

Tensor combine_masks(const Tensor& destination, const Tensor& source, int64_t x, int64_t y, MaskOperation operation) {
  require_mask(destination, "the destination");
  require_mask(source, "the source");
  if (source.dim(0) != 1 && source.dim(0) != destination.dim(0))
    throw Error(Fault::kInvalid, "cannot combine " + std::to_string(source.dim(0)) + " masks with " +
                                     std::to_string(destination.dim(0)));
  const Tensor from = contiguous(source);
  Tensor out = clone(destination);
  const int64_t left = std::max<int64_t>(x, 0), right = std::min(x + source.dim(2), destination.dim(2));
  const int64_t top = std::max<int64_t>(y, 0), bottom = std::min(y + source.dim(1), destination.dim(1));
  for (int64_t n = 0; n < destination.dim(0); ++n) {
    for (int64_t r = top; r < bottom; ++r) {
      poll_cancelled();
      float* to = out.f32() + (n * out.dim(1) + r) * out.dim(2);
      const float* line = from.f32() + ((n % from.dim(0)) * from.dim(1) + r - y) * from.dim(2);
      for (int64_t c = left; c < right; ++c) to[c] = apply(operation, to[c], line[c - x]);
    }
  }
  return map(out, [](float v) { return std::clamp(v, 0.0f, 1.0f); });
}

Tensor feather_mask(const Tensor& mask, const Sides& sides) {
  require_mask(mask, "the mask to be feathered");
  Tensor out = clone(mask);
  const int64_t height = mask.dim(1), width = mask.dim(2);
  const auto rate = [](int64_t i, int64_t n) {
    return static_cast<float>(static_cast<double>(i + 1) / static_cast<double>(n));
  };
  const int64_t left = std::min(sides.left, width), right = std::min(sides.right, width);
  const int64_t top = std::min(sides.top, height), bottom = std::min(sides.bottom, height);
  for (int64_t i = 0; i < left; ++i) scale_column(out, i, rate(i, left));
  for (int64_t i = 0; i < right; ++i) scale_column(out, i == 0 ? 0 : width - i, rate(i, right));
  for (int64_t i = 0; i < top; ++i) scale_row(out, i, rate(i, top));
  for (int64_t i = 0; i < bottom; ++i) scale_row(out, i == 0 ? 0 : height - i, rate(i, bottom));
  return out;
}

Tensor grow_mask(const Tensor& mask, int64_t pixels, bool tapered_corners) {
  require_mask(mask, "the mask to be grown");
  Tensor now = clone(mask), next(mask.shape());
  const int64_t rounds = std::min(pixels < 0 ? -pixels : pixels, mask.dim(1) + mask.dim(2));
  for (int64_t i = 0; i < rounds; ++i) {
    if (pixels > 0) spread(now, next, !tapered_corners, [](float a, float b) { return std::max(a, b); });
    else spread(now, next, !tapered_corners, [](float a, float b) { return std::min(a, b); });
    const bool done = std::memcmp(now.raw(), next.raw(), now.nbytes()) == 0;
    std::swap(now, next);
    if (done) break;
  }
  return now;
}

Tensor dilate_mask(const Tensor& mask, int64_t size) {
  require_mask(mask, "the mask to be dilated");
  const Tensor rounded = map(mask, [](float v) { return std::nearbyint(v); });
  if (size == 0) return rounded;
  const int64_t height = mask.dim(1), width = mask.dim(2), before = size / 2, after = size - 1 - before;
  Tensor out = Tensor::zeros(mask.shape());
  std::vector<char> wide(static_cast<size_t>(width));        // a row, dilated to both sides
  std::vector<int64_t> painted(static_cast<size_t>(width));  // by columns: the first row that is still to be set
  // What lies before the end of what is set is not set again, so that the time does not grow with `size`.
  for (int64_t r = 0; r < mask.dim(0) * height; ++r) {
    poll_cancelled();
    const int64_t y = r % height;
    if (y == 0) std::fill(painted.begin(), painted.end(), 0);
    std::fill(wide.begin(), wide.end(), char{0});
    for (int64_t x = 0, end = 0; x < width; ++x) {
      if (rounded.f32()[r * width + x] == 0.0f) continue;
      const int64_t left = std::max(end, x - after), right = std::min(width, x + before + 1);
      if (left < right) std::fill(wide.begin() + left, wide.begin() + right, char{1});
      end = std::max(end, right);
    }
    float* const picture = out.f32() + (r - y) * width;
    for (int64_t x = 0; x < width; ++x) {
      if (wide[static_cast<size_t>(x)] == 0) continue;
      int64_t& end = painted[static_cast<size_t>(x)];
      for (int64_t row = std::max(end, y - after); row <= std::min(height - 1, y + before); ++row)
        picture[row * width + x] = 1.0f;
      end = std::max(end, y + before + 1);
    }
  }
  return out;
}

Tensor threshold_mask(const Tensor& mask, double value) {
  const auto limit = static_cast<float>(value);
  return map(mask, [limit](float v) { return v > limit ? 1.0f : 0.0f; });
}

}  // namespace easel::image
