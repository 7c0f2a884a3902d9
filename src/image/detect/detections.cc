#include "image/detect/detections.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

constexpr float kGrey = 114.0f / 255.0f;

double ratio_of(const Size& size) { return static_cast<double>(size.height) / static_cast<double>(size.width); }

// A box as the network gives it, in pixels of what it saw.
struct Found {
  float left = 0, top = 0, right = 0, bottom = 0, score = 0;
  int64_t kind = 0;
  const float* coefficients = nullptr;
};

// The distance that a side's bins say: the mean of their distances by the softmax of what is said of them.
float distance(const float* bins, const std::vector<float>& distances) {
  if (distances.empty()) return *bins;
  const float highest = *std::max_element(bins, bins + distances.size());
  float sum = 0, mean = 0;
  for (size_t i = 0; i < distances.size(); ++i) {
    const float e = std::exp(bins[i] - highest);
    sum += e;
    mean += e * distances[i];
  }
  return mean / sum;
}

void find_in(const GridSaid& grid, const std::vector<float>& distances, float threshold, std::vector<Found>& out) {
  const int64_t height = grid.scores.dim(1), width = grid.scores.dim(2), kinds = grid.scores.dim(3);
  const auto bins = static_cast<int64_t>(std::max<size_t>(1, distances.size()));
  const auto step = static_cast<float>(grid.step);
  const int64_t masks = grid.coefficients.defined() ? grid.coefficients.dim(3) : 0;
  for (int64_t i = 0; i < height * width; ++i) {
    if (i % width == 0) poll_cancelled();
    const float* scores = grid.scores.f32() + i * kinds;
    const float* best = std::max_element(scores, scores + kinds);
    const float score = 1.0f / (1.0f + std::exp(-*best));
    if (!(score > threshold)) continue;
    const float* sides = grid.sides.f32() + i * 4 * bins;
    const float x = static_cast<float>(i % width) + 0.5f, y = static_cast<float>(i / width) + 0.5f;
    const float left = x - distance(sides, distances), top = y - distance(sides + bins, distances);
    const float right = x + distance(sides + 2 * bins, distances), bottom = y + distance(sides + 3 * bins, distances);
    // By way of the centre and the size, as the original.
    const float cx = (left + right) / 2 * step, cy = (top + bottom) / 2 * step;
    const float w = (right - left) * step, h = (bottom - top) * step;
    const Found found{.left = cx - w / 2,
                      .top = cy - h / 2,
                      .right = cx + w / 2,
                      .bottom = cy + h / 2,
                      .score = score,
                      .kind = best - scores,
                      .coefficients = masks > 0 ? grid.coefficients.f32() + i * masks : nullptr};
    if (std::isfinite(found.left) && std::isfinite(found.top) && std::isfinite(found.right) &&
        std::isfinite(found.bottom))
      out.push_back(found);
  }
}

// Intersection over union of two boxes that are moved apart by their kinds.
float overlap(const Found& a, const Found& b) {
  constexpr float kFar = 7680;
  const float shift_a = static_cast<float>(a.kind) * kFar, shift_b = static_cast<float>(b.kind) * kFar;
  const float w = std::max(
                  0.0f, std::min(a.right + shift_a, b.right + shift_b) - std::max(a.left + shift_a, b.left + shift_b)),
              h = std::max(
                  0.0f, std::min(a.bottom + shift_a, b.bottom + shift_b) - std::max(a.top + shift_a, b.top + shift_b));
  const auto area = [](const Found& box, float shift) {
    return ((box.right + shift) - (box.left + shift)) * ((box.bottom + shift) - (box.top + shift));
  };
  return w * h / (area(a, shift_a) + area(b, shift_b) - w * h);
}

std::vector<Found> without_doubles(std::vector<Found> all) {
  constexpr size_t kMostSeen = 30000, kMostKept = 300;
  constexpr float kSame = 0.7f;
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.score > b.score; });
  all.resize(std::min(all.size(), kMostSeen));
  std::vector<Found> kept;
  for (const Found& one : all) {
    poll_cancelled();
    if (std::any_of(kept.begin(), kept.end(), [&](const Found& k) { return overlap(k, one) > kSame; })) continue;
    kept.push_back(one);
    if (kept.size() == kMostKept) break;
  }
  return kept;
}

// The sum of the masks by the coefficients, cut by the box, at the size of what the network saw: 1 above 0.
Tensor mask_of(const Found& found, const Tensor& masks, const Size& whole) {
  const int64_t height = masks.dim(1), width = masks.dim(2), count = masks.dim(3);
  const float by_x = static_cast<float>(width) / static_cast<float>(whole.width),
              by_y = static_cast<float>(height) / static_cast<float>(whole.height);
  Tensor small = Tensor::zeros({1, height, width, 1});
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < width; ++x) {
      const auto column = static_cast<float>(x), row = static_cast<float>(y);
      if (!(column >= found.left * by_x && column < found.right * by_x && row >= found.top * by_y &&
            row < found.bottom * by_y))
        continue;
      const float* at = masks.f32() + (y * width + x) * count;
      small.f32()[y * width + x] = std::inner_product(at, at + count, found.coefficients, 0.0f);
    }
  }
  const Tensor large = resize(small, whole, ResizeMethod::kBilinear);
  Tensor out({1, whole.height, whole.width});
  std::transform(large.f32(), large.f32() + large.numel(), out.f32(), [](float v) { return v > 0 ? 1.0f : 0.0f; });
  return out;
}

}  // namespace

Letterbox letterbox(Size picture, Size wanted, int64_t step) {
  const auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
  const double ratio = std::min(static_cast<double>(wanted.height) / height, static_cast<double>(wanted.width) / width);
  Letterbox out;
  out.picture = picture;
  out.shown = {round_half_even(width * ratio), round_half_even(height * ratio)};
  if (out.shown.width < 1 || out.shown.height < 1)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(picture.width) + " x " +
                                     std::to_string(picture.height) + " pixels is too narrow to look for things in");
  // What is left to the wanted size, of that less than a step, half of it before the picture.
  const auto around = [&](int64_t whole, int64_t shown, int64_t& before) {
    const double half = static_cast<double>((whole - shown) % step) / 2;
    before = round_half_even(half - 0.1);
    return shown + before + round_half_even(half + 0.1);
  };
  out.whole.width = around(wanted.width, out.shown.width, out.left);
  out.whole.height = around(wanted.height, out.shown.height, out.top);
  return out;
}

Tensor letterboxed(const BytePicture& picture, const Letterbox& box) {
  const bool same = box.shown.width == picture.width && box.shown.height == picture.height;
  const BytePicture shown = same ? picture : resized(picture, box.shown, ByteFilter::kLinear);
  Tensor out = Tensor::full({1, box.whole.height, box.whole.width, 3}, kGrey);
  for (int64_t y = 0; y < shown.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < shown.width; ++x)
      for (int64_t c = 0; c < 3; ++c)
        out.f32()[((y + box.top) * box.whole.width + x + box.left) * 3 + c] =
            static_cast<float>(shown.at(y, x)[c]) / 255.0f;
  }
  return out;
}

std::vector<Detection> detections(const DetectorSaid& said, const Letterbox& box, double threshold, bool with_masks) {
  std::vector<Found> all;
  for (const GridSaid& grid : said.grids) find_in(grid, said.distances, static_cast<float>(threshold), all);
  const double gain = std::min(static_cast<double>(box.whole.height) / static_cast<double>(box.picture.height),
                               static_cast<double>(box.whole.width) / static_cast<double>(box.picture.width));
  const auto before = [&](int64_t whole, int64_t side) {
    return static_cast<float>(
        round_half_even((static_cast<double>(whole) - static_cast<double>(side) * gain) / 2 - 0.1));
  };
  const float left = before(box.whole.width, box.picture.width), top = before(box.whole.height, box.picture.height);
  const auto placed = [&](float v, float shift, int64_t side) {
    return std::clamp((v - shift) / static_cast<float>(gain), 0.0f, static_cast<float>(side));
  };
  std::vector<Detection> out;
  for (const Found& found : without_doubles(std::move(all))) {
    Detection one{.left = placed(found.left, left, box.picture.width),
                  .top = placed(found.top, top, box.picture.height),
                  .right = placed(found.right, left, box.picture.width),
                  .bottom = placed(found.bottom, top, box.picture.height),
                  .score = found.score,
                  .kind = found.kind,
                  .mask = {}};
    if (with_masks && said.masks.defined()) one.mask = mask_of(found, said.masks, box.whole);
    out.push_back(std::move(one));
  }
  return out;
}

Tensor mask_of_picture(const Tensor& mask, Size picture) {
  const Size seen{mask.dim(2), mask.dim(1)};
  int64_t above = 0, beside = 0;
  if (ratio_of(seen) > ratio_of(picture)) {
    above = static_cast<int64_t>((ratio_of(seen) - ratio_of(picture)) * static_cast<double>(seen.height));
  } else if (ratio_of(seen) < ratio_of(picture)) {
    beside = static_cast<int64_t>((1 / ratio_of(seen) - 1 / ratio_of(picture)) * static_cast<double>(seen.width));
  }
  const Size left{seen.width - 2 * beside, seen.height - 2 * above};
  if (left.width < 1 || left.height < 1) return Tensor::zeros({1, picture.height, picture.width});
  const Tensor cut = contiguous(mask.slice(1, above, left.height).slice(2, beside, left.width));
  return resize(cut.view({1, left.height, left.width, 1}), picture, ResizeMethod::kBilinear)
      .view({1, picture.height, picture.width});
}

Tensor box_mask(const Detection& box, Size picture) {
  Tensor out = Tensor::zeros({1, picture.height, picture.width});
  const auto right = std::min(static_cast<int64_t>(box.right), picture.width - 1),
             bottom = std::min(static_cast<int64_t>(box.bottom), picture.height - 1);
  for (auto y = static_cast<int64_t>(box.top); y <= bottom; ++y) {
    poll_cancelled();
    for (auto x = static_cast<int64_t>(box.left); x <= right; ++x) out.f32()[y * picture.width + x] = 1.0f;
  }
  return out;
}

}  // namespace easel::image
