#include "image/inpaint/mask_parts.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace easel::image {
namespace {

// A side of a crop: `wanted` pixels from `start` on, moved inside of 0 to `limit`.
std::pair<int64_t, int64_t> inside(int64_t limit, int64_t start, double wanted) {
  const auto whole = static_cast<double>(limit), from = static_cast<double>(start);
  if (start < 0) return {0, static_cast<int64_t>(std::min(whole, wanted))};
  if (from + wanted > whole) return {static_cast<int64_t>(std::max(0.0, whole - wanted)), limit};
  return {start, static_cast<int64_t>(std::min(whole, from + wanted))};
}

PartBox crop_around(const PartBox& bounds, double factor, int64_t width, int64_t height) {
  const auto side = [&](int64_t begin, int64_t end, int64_t limit) {
    const auto length = static_cast<double>(end - begin);
    const double middle = static_cast<double>(begin) + length / 2;
    return inside(limit, static_cast<int64_t>(middle - length * factor / 2), length * factor);
  };
  const auto [x1, x2] = side(bounds.x1, bounds.x2, width);
  const auto [y1, y2] = side(bounds.y1, bounds.y2, height);
  return {x1, y1, x2, y2};
}

// In memory of its own.
Tensor cut(const Tensor& mask, const PartBox& crop) {
  Tensor out(Shape{1, crop.height(), crop.width()});
  for (int64_t y = 0; y < crop.height(); ++y) {
    const float* row = mask.f32() + (crop.y1 + y) * mask.dim(2) + crop.x1;
    std::copy(row, row + crop.width(), out.f32() + y * crop.width());
  }
  return out;
}

void fill(Tensor& mask, const PartBox& part) {
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

void find_combined(const Tensor& mask, const PartFinding& how, std::vector<MaskPart>& found) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  // The last row and column do not count, as in the original.
  PartBox bounds{width, height, -1, -1};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (mask.f32()[y * width + x] == 0) continue;
      bounds = {std::min(bounds.x1, x), std::min(bounds.y1, y), std::max(bounds.x2, x), std::max(bounds.y2, y)};
    }
  if (bounds.x2 < 0) return;
  const PartBox crop = crop_around(bounds, how.crop_factor, width, height);
  if (crop.width() <= 0 || crop.height() <= 0) return;
  Tensor cropped = cut(mask, crop);
  // The original fills these places of the crop, although they count from the picture's corner.
  if (how.fill_bounds) fill(cropped, bounds);
  found.push_back({std::move(cropped), crop, bounds});
}

void find_separate(const Tensor& mask, const PartFinding& how, std::vector<MaskPart>& found) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  std::vector<uint8_t> open = without_surroundings(mask);
  const Groups groups(height, width, true);
  std::vector<MaskPart> here;
  for (int64_t start = 0; start < height * width; ++start) {
    if (!open[static_cast<size_t>(start)]) continue;
    const std::vector<int64_t> pixels = groups.take(open, start);
    PartBox bounds{width, height, 0, 0};
    for (const int64_t at : pixels) {
      const int64_t y = at / width, x = at % width;
      bounds = {std::min(bounds.x1, x), std::min(bounds.y1, y), std::max(bounds.x2, x + 1), std::max(bounds.y2, y + 1)};
    }
    const int64_t least = std::max<int64_t>(how.drop_size, 1);
    if (bounds.width() <= least || bounds.height() <= least) continue;
    const PartBox crop = crop_around(bounds, how.crop_factor, width, height);
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

// As a byte, rounded down.
unsigned byte_of(float value) { return value > 0 ? static_cast<unsigned>(std::min(value, 1.0f) * 255.0f) : 0; }

// What of a part's crop lies inside a mask of `width` x `height`: f(index in the crop, index in the mask).
template <class F>
void each_pixel(const MaskPart& part, int64_t width, int64_t height, const F& f) {
  const int64_t right = std::min(part.crop.x2, width), below = std::min(part.crop.y2, height);
  for (int64_t y = part.crop.y1; y < below; ++y)
    for (int64_t x = part.crop.x1; x < right; ++x)
      f((y - part.crop.y1) * part.crop.width() + x - part.crop.x1, y * width + x);
}

}  // namespace

std::vector<MaskPart> mask_parts(const Tensor& masks, const PartFinding& how) {
  std::vector<MaskPart> out;
  for (int64_t i = 0; i < masks.dim(0); ++i) {
    const Tensor mask = contiguous(masks.slice(0, i, 1));
    if (how.combined) find_combined(mask, how, out);
    else find_separate(mask, how, out);
  }
  return out;
}

bool is_blank(const Tensor& mask) {
  const Tensor values = contiguous(mask);
  return std::all_of(values.f32(), values.f32() + values.numel(), [](float v) { return v == 0; });
}

Tensor joined_parts(const std::vector<MaskPart>& parts, int64_t height, int64_t width) {
  Tensor out = Tensor::zeros(Shape{1, height, width});
  for (const MaskPart& part : parts)
    each_pixel(part, width, height, [&](int64_t from, int64_t to) {
      out.f32()[to] = static_cast<float>(byte_of(out.f32()[to]) | byte_of(part.mask.f32()[from])) / 255.0f;
    });
  return out;
}

Tensor common_part(const MaskPart& part, const Tensor& mask) {
  const Tensor whole = contiguous(mask);
  Tensor out(part.mask.shape());
  each_pixel(part, mask.dim(2), mask.dim(1), [&](int64_t at, int64_t under) {
    out.f32()[at] = static_cast<float>(byte_of(part.mask.f32()[at]) & byte_of(whole.f32()[under])) / 255.0f;
  });
  return out;
}

}  // namespace easel::image
