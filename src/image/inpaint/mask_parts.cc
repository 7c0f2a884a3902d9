#include "image/inpaint/mask_parts.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "base/cancel.h"
#include "tensor/claimed_vector.h"

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
  return image::crop_around(static_cast<double>(bounds.x1), static_cast<double>(bounds.y1),
                            static_cast<double>(bounds.x2), static_cast<double>(bounds.y2), factor, width, height);
}

// In memory of its own.
Tensor cut(const Tensor& mask, const PartBox& crop) {
  Tensor out(Shape{1, crop.height(), crop.width()});
  for (int64_t y = 0; y < crop.height(); ++y) {
    poll_cancelled();
    const float* row = mask.f32() + (crop.y1 + y) * mask.dim(2) + crop.x1;
    std::copy(row, row + crop.width(), out.f32() + y * crop.width());
  }
  return out;
}

void fill(Tensor& mask, const PartBox& part) {
  for (int64_t y = part.y1; y < std::min(part.y2, mask.dim(1)); ++y) {
    poll_cancelled();
    for (int64_t x = part.x1; x < std::min(part.x2, mask.dim(2)); ++x) mask.f32()[y * mask.dim(2) + x] = 1.0f;
  }
}

constexpr int64_t kPixels = 65536;  // between looks at whether the work is to stop

// Pixels of a mask that touch each other, at corners too or not.
class Groups {
 public:
  Groups(int64_t height, int64_t width, bool corners) : height_(height), width_(width), corners_(corners) {
    if (height * width > std::numeric_limits<int32_t>::max())
      throw Error(Fault::kInvalid, "a mask of " + std::to_string(width) + "x" + std::to_string(height) +
                                       " is too large to look for its parts")
          .fix("Make it smaller");
  }

  // Calls taken(index) for each pixel that hangs together with `start`; `open` says which may be taken, and is cleared
  // for those that were. Only the rim of what was taken so far is kept.
  template <class F>
  void take(ClaimedVector<uint8_t>& open, int64_t start, const F& taken) {
    open[static_cast<size_t>(start)] = 0;
    rim_.assign(1, static_cast<int32_t>(start));
    while (!rim_.empty()) {
      next_.clear();
      for (const int64_t from : rim_) {
        if (++seen_ % kPixels == 0) poll_cancelled();
        taken(from);
        spread(open, from);
      }
      std::swap(rim_, next_);
    }
  }

 private:
  void spread(ClaimedVector<uint8_t>& open, int64_t from) {
    const int64_t y = from / width_, x = from % width_;
    for (int64_t dy = -1; dy <= 1; ++dy)
      for (int64_t dx = -1; dx <= 1; ++dx) {
        if (!corners_ && dx != 0 && dy != 0) continue;
        if (y + dy < 0 || y + dy >= height_ || x + dx < 0 || x + dx >= width_) continue;
        const int64_t at = (y + dy) * width_ + x + dx;
        if (!open[static_cast<size_t>(at)]) continue;
        open[static_cast<size_t>(at)] = 0;
        next_.push_back(static_cast<int32_t>(at));
      }
  }

  int64_t height_, width_, seen_ = 0;
  bool corners_;
  ClaimedVector<int32_t> rim_, next_;
};

// What cannot be reached from the border without crossing a part: the parts and their holes.
ClaimedVector<uint8_t> without_surroundings(const Tensor& mask) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  ClaimedVector<uint8_t> empty(static_cast<size_t>(height * width)), out(empty.size(), 1);
  for (int64_t i = 0; i < height * width; ++i) {
    if (i % width == 0) poll_cancelled();
    // Where a byte of the mask is 0.
    empty[static_cast<size_t>(i)] = !(mask.f32()[i] * 255.0f >= 1.0f);
  }
  Groups groups(height, width, false);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const bool border = y == 0 || x == 0 || y == height - 1 || x == width - 1;
      if (!border || !empty[static_cast<size_t>(y * width + x)]) continue;
      groups.take(empty, y * width + x, [&](int64_t at) { out[static_cast<size_t>(at)] = 0; });
    }
  return out;
}

void find_combined(const Tensor& mask, const PartFinding& how, std::vector<MaskPart>& found) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  // The last row and column do not count, as in the original.
  PartBox bounds{width, height, -1, -1};
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < width; ++x) {
      if (mask.f32()[y * width + x] == 0) continue;
      bounds = {std::min(bounds.x1, x), std::min(bounds.y1, y), std::max(bounds.x2, x), std::max(bounds.y2, y)};
    }
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
  ClaimedVector<uint8_t> open = without_surroundings(mask);
  Groups groups(height, width, true);
  ClaimedVector<int32_t> pixels;
  std::vector<MaskPart> here;
  for (int64_t start = 0; start < height * width; ++start) {
    if (start % width == 0) poll_cancelled();
    if (!open[static_cast<size_t>(start)]) continue;
    pixels.clear();
    PartBox bounds{width, height, 0, 0};
    groups.take(open, start, [&](int64_t at) {
      const int64_t y = at / width, x = at % width;
      bounds = {std::min(bounds.x1, x), std::min(bounds.y1, y), std::max(bounds.x2, x + 1), std::max(bounds.y2, y + 1)};
      pixels.push_back(static_cast<int32_t>(at));
    });
    const int64_t least = std::max<int64_t>(how.drop_size, 1);
    if (bounds.width() <= least || bounds.height() <= least) continue;
    const PartBox crop = crop_around(bounds, how.crop_factor, width, height);
    Tensor cropped = Tensor::zeros(Shape{1, crop.height(), crop.width()});
    for (size_t i = 0; i < pixels.size(); ++i) {
      if (i % kPixels == 0) poll_cancelled();
      const int64_t at = pixels[i];
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
  for (int64_t y = part.crop.y1; y < below; ++y) {
    poll_cancelled();
    for (int64_t x = part.crop.x1; x < right; ++x)
      f((y - part.crop.y1) * part.crop.width() + x - part.crop.x1, y * width + x);
  }
}

}  // namespace

PartBox crop_around(double x1, double y1, double x2, double y2, double factor, int64_t width, int64_t height) {
  const auto side = [&](double begin, double end, int64_t limit) {
    const double length = end - begin, middle = begin + length / 2;
    return inside(limit, static_cast<int64_t>(middle - length * factor / 2), length * factor);
  };
  const auto [left, right] = side(x1, x2, width);
  const auto [top, bottom] = side(y1, y2, height);
  return {left, top, right, bottom};
}

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
