#include "nodes/extensions/impact/segs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "image/edit/filters.h"
#include "image/edit/pictures.h"

namespace easel::nodes {
namespace {

// A side of a crop: `wanted` pixels from `start` on, moved inside of 0 to `limit`.
std::pair<int64_t, int64_t> inside(int64_t limit, int64_t start, double wanted) {
  const auto whole = static_cast<double>(limit), from = static_cast<double>(start);
  if (start < 0) return {0, static_cast<int64_t>(std::min(whole, wanted))};
  if (from + wanted > whole) return {static_cast<int64_t>(std::max(0.0, whole - wanted)), limit};
  return {start, static_cast<int64_t>(std::min(whole, from + wanted))};
}

Box crop_around(const Box& bounds, double factor, int64_t width, int64_t height) {
  const auto side = [&](int64_t begin, int64_t end, int64_t limit) {
    const auto length = static_cast<double>(end - begin);
    const double middle = static_cast<double>(begin) + length / 2;
    return inside(limit, static_cast<int64_t>(middle - length * factor / 2), length * factor);
  };
  const auto [x1, x2] = side(bounds.x1, bounds.x2, width);
  const auto [y1, y2] = side(bounds.y1, bounds.y2, height);
  return {x1, y1, x2, y2};
}

Tensor cut(const Tensor& mask, const Box& crop) {
  return contiguous(mask.slice(1, crop.y1, crop.height()).slice(2, crop.x1, crop.width()));
}

void fill(Tensor& mask, const Box& part) {
  for (int64_t y = part.y1; y < std::min(part.y2, mask.dim(1)); ++y)
    for (int64_t x = part.x1; x < std::min(part.x2, mask.dim(2)); ++x) mask.f32()[y * mask.dim(2) + x] = 1.0f;
}

// Pixels of a mask that touch each other, at corners too or not.
class Groups {
 public:
  Groups(int64_t height, int64_t width, bool corners) : height_(height), width_(width), corners_(corners) {}

  // The pixels that hang together with (x, y); `open` says which may be taken, and is cleared for those that were.
  std::vector<int64_t> take(std::vector<uint8_t>& open, int64_t start) const {
    std::vector<int64_t> out{start};
    open[static_cast<size_t>(start)] = 0;
    for (size_t next = 0; next < out.size(); ++next) {
      const int64_t y = out[next] / width_, x = out[next] % width_;
      for (int64_t dy = -1; dy <= 1; ++dy)
        for (int64_t dx = -1; dx <= 1; ++dx) {
          if (!corners_ && dx != 0 && dy != 0) continue;
          if (y + dy < 0 || y + dy >= height_ || x + dx < 0 || x + dx >= width_) continue;
          const int64_t at = (y + dy) * width_ + x + dx;
          if (!open[static_cast<size_t>(at)]) continue;
          open[static_cast<size_t>(at)] = 0;
          out.push_back(at);
        }
    }
    return out;
  }

 private:
  int64_t height_, width_;
  bool corners_;
};

// What cannot be reached from the border without crossing a part: the parts and their holes.
std::vector<uint8_t> without_surroundings(const Tensor& mask) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  std::vector<uint8_t> empty(static_cast<size_t>(height * width)), out(empty.size(), 1);
  // Where a byte of the mask is 0.
  for (size_t i = 0; i < empty.size(); ++i) empty[i] = !(mask.f32()[i] * 255.0f >= 1.0f);
  const Groups groups(height, width, false);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const bool border = y == 0 || x == 0 || y == height - 1 || x == width - 1;
      if (!border || !empty[static_cast<size_t>(y * width + x)]) continue;
      for (const int64_t at : groups.take(empty, y * width + x)) out[static_cast<size_t>(at)] = 0;
    }
  return out;
}

void find_combined(const Tensor& mask, const Finding& how, std::vector<Segment>& found) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  // The last row and column do not count, as in the original.
  Box bounds{width, height, -1, -1};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (mask.f32()[y * width + x] == 0) continue;
      bounds = {std::min(bounds.x1, x), std::min(bounds.y1, y), std::max(bounds.x2, x), std::max(bounds.y2, y)};
    }
  if (bounds.x2 < 0) return;
  const Box crop = crop_around(bounds, how.crop_factor, width, height);
  if (crop.width() <= 0 || crop.height() <= 0) return;
  Tensor cropped = cut(mask, crop);
  // The original fills these places of the crop, although they count from the picture's corner.
  if (how.fill_bounds) fill(cropped, bounds);
  found.push_back({std::move(cropped), crop, bounds});
}

void find_separate(const Tensor& mask, const Finding& how, std::vector<Segment>& found) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  std::vector<uint8_t> open = without_surroundings(mask);
  const Groups groups(height, width, true);
  std::vector<Segment> here;
  for (int64_t start = 0; start < height * width; ++start) {
    if (!open[static_cast<size_t>(start)]) continue;
    const std::vector<int64_t> pixels = groups.take(open, start);
    Box bounds{width, height, 0, 0};
    for (const int64_t at : pixels) {
      const int64_t y = at / width, x = at % width;
      bounds = {std::min(bounds.x1, x), std::min(bounds.y1, y), std::max(bounds.x2, x + 1), std::max(bounds.y2, y + 1)};
    }
    const int64_t least = std::max<int64_t>(how.drop_size, 1);
    if (bounds.width() <= least || bounds.height() <= least) continue;
    const Box crop = crop_around(bounds, how.crop_factor, width, height);
    Tensor cropped = Tensor::zeros(Shape{1, crop.height(), crop.width()});
    for (const int64_t at : pixels) {
      const float value = how.fill_contour ? 1.0f : std::clamp(mask.f32()[at], 0.0f, 1.0f);
      cropped.f32()[(at / width - crop.y1) * crop.width() + at % width - crop.x1] = value;
    }
    if (how.fill_bounds)
      fill(cropped, {bounds.x1 - crop.x1, bounds.y1 - crop.y1, bounds.x2 - crop.x1, bounds.y2 - crop.y1});
    here.push_back({std::move(cropped), crop, bounds});
  }
  std::move(here.rbegin(), here.rend(), std::back_inserter(found));
}

}  // namespace

Segments segments_of(const Tensor& masks, const Finding& how) {
  Segments out{.height = masks.dim(1), .width = masks.dim(2), .items = {}};
  for (int64_t i = 0; i < masks.dim(0); ++i) {
    const Tensor mask = contiguous(masks.slice(0, i, 1));
    if (how.combined) find_combined(mask, how, out.items);
    else find_separate(mask, how, out.items);
  }
  return out;
}

Tensor softened(const Tensor& mask, int64_t radius, double sigma) {
  if (radius <= 0) return mask;
  int64_t pixels = radius * 2 + 1;
  const int64_t shortest = std::min(mask.dim(1), mask.dim(2));
  if (shortest <= pixels) {
    pixels = shortest / 2;
    if (pixels % 2 == 0) ++pixels;
    if (pixels < 3) return mask;
  }
  const int64_t half = pixels / 2;
  return image::as_mask(image::blur(image::as_picture(mask), half, sigma / static_cast<double>(half)));
}

}  // namespace easel::nodes
