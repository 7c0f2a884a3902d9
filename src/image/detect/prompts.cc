#include "image/detect/prompts.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/cancel.h"
#include "image/scale/pillow.h"
#include "image/scale/resize.h"

namespace easel::image {

Size segment_size(Size picture) {
  const double scale = static_cast<double>(kSegmentSide) / static_cast<double>(std::max(picture.width, picture.height));
  const auto side = [&](int64_t v) {
    return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(v) * scale + 0.5));
  };
  return {side(picture.width), side(picture.height)};
}

Tensor segment_pixels(const BytePicture& picture) {
  constexpr std::array<float, 3> kMean{123.675f, 116.28f, 103.53f}, kDeviation{58.395f, 57.12f, 57.375f};
  const Size size = segment_size({picture.width, picture.height});
  Tensor colours({1, picture.height, picture.width, 3});
  for (int64_t y = 0; y < picture.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < picture.width; ++x)
      for (int64_t c = 0; c < 3; ++c)
        colours.f32()[(y * picture.width + x) * 3 + c] = static_cast<float>(picture.at(y, x)[c]) / 255.0f;
  }
  const Tensor sized = pillow_resize(colours, size, PillowFilter::kBilinear);
  Tensor out = Tensor::zeros({1, kSegmentSide, kSegmentSide, 3});
  for (int64_t y = 0; y < size.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < size.width; ++x)
      for (size_t c = 0; c < kMean.size(); ++c) {
        const float byte = std::nearbyint(sized.f32()[(y * size.width + x) * 3 + static_cast<int64_t>(c)] * 255.0f);
        out.f32()[(y * kSegmentSide + x) * 3 + static_cast<int64_t>(c)] = (byte - kMean[c]) / kDeviation[c];
      }
  }
  return out;
}

std::vector<SegmentPrompt::Point> points_of_mask(const Tensor& mask, double threshold, bool dark) {
  const Tensor dense = contiguous(mask);
  const int64_t height = dense.dim(1), width = dense.dim(2);
  const int64_t down = std::max<int64_t>(3, height / 20), right = std::max<int64_t>(3, width / 20);
  std::vector<SegmentPrompt::Point> out;
  for (int64_t y = 0; y < height; y += down)
    for (int64_t x = 0; x < width; x += right) {
      const float value = dense.f32()[y * width + x];
      const bool wanted = static_cast<double>(value) > threshold;
      if (wanted || (dark && value == 0)) out.push_back({static_cast<double>(x), static_cast<double>(y), wanted});
    }
  return out;
}

std::vector<SegmentPlace> segment_places(const SegmentPrompt& prompt, Size picture) {
  const Size size = segment_size(picture);
  using Role = SegmentPlace::Role;
  // The middle of a pixel of what the network sees.
  const auto placed = [&](double x, double y, Role role) {
    const double by_x = static_cast<double>(size.width) / static_cast<double>(picture.width),
                 by_y = static_cast<double>(size.height) / static_cast<double>(picture.height);
    return SegmentPlace{(x * by_x + 0.5) / static_cast<double>(kSegmentSide),
                        (y * by_y + 0.5) / static_cast<double>(kSegmentSide), role};
  };
  std::vector<SegmentPlace> out;
  for (const SegmentPrompt::Point& point : prompt.points)
    out.push_back(placed(point.x, point.y, point.wanted ? Role::kWanted : Role::kUnwanted));
  if (prompt.has_box) {
    out.push_back(placed(prompt.box[0], prompt.box[1], Role::kFirst));
    out.push_back(placed(prompt.box[2], prompt.box[3], Role::kSecond));
  } else if (!prompt.points.empty()) {
    out.push_back({});
  }
  return out;
}

Tensor place_codes(const std::vector<SegmentPlace>& places, const std::vector<float>& matrix) {
  const auto n = static_cast<int64_t>(matrix.size() / 2);
  Tensor out = Tensor::zeros({static_cast<int64_t>(places.size()), 2 * n});
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i].role == SegmentPlace::Role::kNone) continue;
    if (i % 64 == 0) poll_cancelled();
    float* row = out.f32() + static_cast<int64_t>(i) * 2 * n;
    for (int64_t k = 0; k < n; ++k) {
      const double x = 2 * places[i].x - 1, y = 2 * places[i].y - 1;
      const double turn = 2 * std::numbers::pi *
                          (x * static_cast<double>(matrix[static_cast<size_t>(k)]) +
                           y * static_cast<double>(matrix[static_cast<size_t>(n + k)]));
      row[k] = static_cast<float>(std::sin(turn));
      row[n + k] = static_cast<float>(std::cos(turn));
    }
  }
  return out;
}

Tensor cell_codes(int64_t side, const std::vector<float>& matrix) {
  std::vector<SegmentPlace> middles;
  const auto middle = [&](int64_t i) { return (static_cast<double>(i) + 0.5) / static_cast<double>(side); };
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) middles.push_back({middle(x), middle(y), SegmentPlace::Role::kWanted});
  return place_codes(middles, matrix);
}

std::vector<Tensor> segment_masks(const Tensor& masks, Size picture) {
  const Size size = segment_size(picture);
  const Tensor square = resize(masks, {kSegmentSide, kSegmentSide}, ResizeMethod::kBilinear);
  const Tensor seen = contiguous(square.slice(1, 0, size.height).slice(2, 0, size.width));
  const Tensor sized = resize(seen, picture, ResizeMethod::kBilinear);
  std::vector<Tensor> out;
  const int64_t count = masks.dim(3);
  for (int64_t m = 0; m < count; ++m) {
    poll_cancelled();
    Tensor one({1, picture.height, picture.width});
    for (int64_t i = 0; i < one.numel(); ++i) one.f32()[i] = sized.f32()[i * count + m] > 0 ? 1.0f : 0.0f;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace easel::image
