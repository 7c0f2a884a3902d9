#include "image/inpaint/crop_stitch.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/round.h"
#include "image/edit/elementwise.h"
#include "image/scale/mirrored.h"
#include "tensor/claimed_vector.h"

namespace easel::image {
namespace {

constexpr double kLevels[] = {1, 0.99, 0.97, 0.95, 0.93, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1};

// A line of a mask: `step` floats from one value to the next.
struct Line {
  const float* from;
  int64_t count, step;
  float at(int64_t i) const { return from[i * step]; }
};

// Calls `filter` for each row, then for each column of what came out.
template <class F>
Tensor along_both(const Tensor& mask, bool columns_first, F filter) {
  const int64_t h = mask.dim(1), w = mask.dim(2);
  const auto pass = [&](const Tensor& in, bool columns) {
    Tensor out(in.shape());
    const float* from = in.f32();
    float* to = out.f32();
    parallel_for(columns ? w : h, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (columns) filter(Line{from + i, h, w}, to + i, w);
        else filter(Line{from + i * w, w, 1}, to + i * w, int64_t{1});
      }
    });
    return out;
  };
  return pass(pass(contiguous(mask), columns_first), !columns_first);
}

// 1 where any of the nine pixels around is 1; beyond the border all are.
Tensor grown_with_border(const Tensor& mask) {
  Tensor out = extreme_in_window(mask, 3, Extreme::kLargest);
  const int64_t h = out.dim(1), w = out.dim(2);
  float* values = out.f32();
  for (int64_t x = 0; x < w; ++x) values[x] = values[(h - 1) * w + x] = 1.0f;
  for (int64_t y = 0; y < h; ++y) values[y * w] = values[y * w + w - 1] = 1.0f;
  return out;
}

int64_t floor_half(int64_t value) { return value >> 1; }

// Where a side of `grown` pixels begins whose middle is that of `size` pixels from `at` on, moved into the picture if
// it fits there, else reaching beyond it as far on both sides.
int64_t moved_inside(int64_t begin, int64_t grown, int64_t limit) {
  if (begin >= 0 && begin + grown <= limit) return begin;
  if (grown > limit) return -floor_half(grown - limit);
  return begin < 0 ? 0 : limit - grown;
}

Tensor part(const Tensor& image, const Box& box) {
  return contiguous(image.slice(1, box.y, box.height).slice(2, box.x, box.width));
}

bool enlarges(Size from, Size to) { return to.width > from.width || to.height > from.height; }

}  // namespace

Tensor fill_enclosed_levels(const Tensor& mask) {
  const int64_t count = mask.numel();
  const Tensor source = contiguous(mask);
  ClaimedVector<double> values(source.f32(), source.f32() + count);
  Tensor above(source.shape());
  for (const double level : kLevels) {
    poll_cancelled();
    for (int64_t i = 0; i < count; ++i) above.f32()[i] = values[static_cast<size_t>(i)] >= level ? 1.0f : 0.0f;
    const Tensor filled = without_holes(extreme_in_window(grown_with_border(above), 3, Extreme::kSmallest));
    for (int64_t i = 0; i < count; ++i)
      if (filled.f32()[i] > 0.0f) values[static_cast<size_t>(i)] = std::max(values[static_cast<size_t>(i)], level);
  }
  Tensor out(source.shape());
  for (int64_t i = 0; i < count; ++i) out.f32()[i] = static_cast<float>(values[static_cast<size_t>(i)]);
  return out;
}

Tensor expand_mask(const Tensor& mask, int64_t pixels, CropFlavour flavour) {
  auto side = static_cast<int64_t>(std::ceil(static_cast<double>(pixels) / 4 * 1.5 + 1));
  if (flavour == CropFlavour::kCard && side % 2 == 0) ++side;
  const int64_t before = (side - 1) / 2, behind = side / 2;
  return along_both(mask, true, [=](const Line& line, float* out, int64_t step) {
    for (int64_t i = 0; i < line.count; ++i) {
      const int64_t from = std::max<int64_t>(0, i - before), to = std::min(line.count - 1, i + behind);
      float most = line.at(from);
      for (int64_t k = from + 1; k <= to; ++k) most = std::max(most, line.at(k));
      out[i * step] = most;
    }
  });
}

Tensor blur_mask(const Tensor& mask, double pixels, CropFlavour flavour) {
  const double sigma = pixels / 4;
  const auto radius = static_cast<int64_t>(4 * sigma + 0.5);
  std::vector<double> weights(static_cast<size_t>(2 * radius + 1));
  double total = 0;
  for (int64_t i = -radius; i <= radius; ++i) {
    const double distance = static_cast<double>(i) / sigma;
    total += weights[static_cast<size_t>(i + radius)] = std::exp(-0.5 * distance * distance);
  }
  for (double& weight : weights) weight /= total;
  const bool mirrors = flavour == CropFlavour::kProcessor;
  const Tensor out = along_both(mask, true, [&](const Line& line, float* to, int64_t step) {
    for (int64_t i = 0; i < line.count; ++i) {
      double sum = 0;
      for (int64_t k = -radius; k <= radius; ++k) {
        const int64_t at = i + k;
        if (!mirrors && (at < 0 || at >= line.count)) continue;
        sum += weights[static_cast<size_t>(k + radius)] * line.at(mirrored_with_edge(at, line.count));
      }
      to[i * step] = static_cast<float>(sum);
    }
  });
  return map(out, [](float v) { return std::clamp(v, 0.0f, 1.0f); });
}

Tensor keep_from(const Tensor& mask, double least) {
  const auto limit = static_cast<float>(least);
  return map(mask, [limit](float v) { return v < limit ? 0.0f : v; });
}

Box grown(const Box& box, double factor, Size within) {
  const auto by = [&](int64_t side) {
    return round_half_even(static_cast<double>(static_cast<float>(side) * static_cast<float>(factor - 1.0) / 2.0f));
  };
  const int64_t more_x = by(box.width), more_y = by(box.height);
  const int64_t x = std::max<int64_t>(0, box.x - more_x), y = std::max<int64_t>(0, box.y - more_y);
  return {x, y, std::min(within.width, box.x + box.width + more_x) - x,
          std::min(within.height, box.y + box.height + more_y) - y};
}

Box around(const Box& a, const Box& b) {
  if (a.width == 0) return b;
  if (b.width == 0) return a;
  const int64_t x = std::min(a.x, b.x), y = std::min(a.y, b.y);
  return {x, y, std::max(a.x + a.width, b.x + b.width) - x, std::max(a.y + a.height, b.y + b.height) - y};
}

Tensor extended(const Tensor& image, Size size, int64_t up, int64_t left) {
  require_size(size);
  const Tensor source = contiguous(image);
  const int64_t h = source.dim(1), w = source.dim(2), c = source.dim(3);
  Tensor out(Shape{source.dim(0), size.height, size.width, c});
  parallel_for(size.height, 8, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < size.width; ++x) {
        const int64_t sy = y - up, sx = x - left;
        float* to = out.f32() + (y * size.width + x) * c;
        if ((sy < 0 || sy >= h) && (sx < 0 || sx >= w)) {
          std::fill(to, to + c, 0.0f);
          continue;
        }
        const float* from =
            source.f32() + (std::clamp<int64_t>(sy, 0, h - 1) * w + std::clamp<int64_t>(sx, 0, w - 1)) * c;
        std::copy(from, from + c, to);
      }
  });
  return out;
}

Tensor extended_mask(const Tensor& mask, Size size, int64_t up, int64_t left, float border) {
  require_size(size);
  const Tensor source = contiguous(mask);
  const int64_t h = source.dim(1), w = source.dim(2);
  Tensor out = Tensor::full({1, size.height, size.width}, border);
  for (int64_t y = std::max<int64_t>(0, up); y < std::min(size.height, up + h); ++y)
    for (int64_t x = std::max<int64_t>(0, left); x < std::min(size.width, left + w); ++x)
      out.f32()[y * size.width + x] = source.f32()[(y - up) * w + (x - left)];
  return out;
}

Tensor resized_mask(const Tensor& mask, Size size, PillowFilter filter) {
  return as_mask(pillow_resize(as_picture(mask), size, filter, Overflow::kWrap));
}

Size next_multiple(Size size, int64_t multiple) {
  if (multiple < 1) return size;
  return {round_up(size.width, multiple), round_up(size.height, multiple)};
}

Cut cut_out(const Tensor& image, const Tensor& mask, const Box& box, const CutSize& wanted) {
  if (box.width < 1 || box.height < 1) throw Error(Fault::kInvalid, "there is nothing to be cut out");
  require_size(wanted.size);
  const Size target = next_multiple(wanted.size, wanted.multiple);
  const Size whole{image.dim(2), image.dim(1)};
  const double aspect = static_cast<double>(target.width) / static_cast<double>(target.height);
  Box context = box;
  if (static_cast<double>(box.width) / static_cast<double>(box.height) < aspect) {
    context.width = static_cast<int64_t>(static_cast<double>(box.height) * aspect);
    context.x = moved_inside(box.x - floor_half(context.width - box.width), context.width, whole.width);
  } else {
    context.height = static_cast<int64_t>(static_cast<double>(box.width) / aspect);
    context.y = moved_inside(box.y - floor_half(context.height - box.height), context.height, whole.height);
  }
  if (!wanted.resize) {
    if (context.width < target.width) {
      context.x = moved_inside(context.x - floor_half(target.width - context.width), target.width, whole.width);
      context.width = target.width;
    }
    if (context.height < target.height) {
      context.y = moved_inside(context.y - floor_half(target.height - context.height), target.height, whole.height);
      context.height = target.height;
    }
  }
  const int64_t left = std::max<int64_t>(0, -context.x), up = std::max<int64_t>(0, -context.y);
  const Size canvas{whole.width + left + std::max<int64_t>(0, context.x + context.width - whole.width),
                    whole.height + up + std::max<int64_t>(0, context.y + context.height - whole.height)};
  Cut out;
  out.canvas = extended(image, canvas, up, left);
  out.picture = {left, up, whole.width, whole.height};
  out.context = {context.x + left, context.y + up, context.width, context.height};
  out.image = part(out.canvas, out.context);
  out.mask = part(extended_mask(mask, canvas, up, left, 1.0f), out.context);
  if (!wanted.resize) return out;
  const PillowFilter filter = enlarges({context.width, context.height}, target) ? wanted.up : wanted.down;
  out.image = pillow_resize(out.image, target, filter, Overflow::kWrap);
  out.mask = resized_mask(out.mask, target, filter);
  return out;
}

Tensor stitched(const Cut& cut, const Tensor& painted, const Tensor& blend, PillowFilter down, PillowFilter up) {
  const Box& at = cut.context;
  const int64_t channels = cut.canvas.dim(3);
  if (painted.dim(3) != channels)
    throw Error(Fault::kInvalid, "the picture has " + std::to_string(painted.dim(3)) +
                                     " channels, and what it was cut out of " + std::to_string(channels));
  const Size size{at.width, at.height};
  const PillowFilter filter = enlarges({painted.dim(2), painted.dim(1)}, size) ? up : down;
  const Tensor pixels = pillow_resize(painted, size, filter, Overflow::kWrap);
  const Tensor amount = resized_mask(blend, size, filter);
  Tensor canvas = clone(cut.canvas);
  for (int64_t y = 0; y < at.height; ++y)
    for (int64_t x = 0; x < at.width; ++x) {
      const float a = std::clamp(amount.f32()[y * at.width + x], 0.0f, 1.0f);
      float* to = canvas.f32() + ((y + at.y) * canvas.dim(2) + x + at.x) * channels;
      const float* from = pixels.f32() + (y * at.width + x) * channels;
      for (int64_t c = 0; c < channels; ++c) to[c] = a * from[c] + (1.0f - a) * to[c];
    }
  return part(canvas, cut.picture);
}

}  // namespace easel::image
