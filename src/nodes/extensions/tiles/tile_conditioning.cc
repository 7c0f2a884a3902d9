#include "nodes/extensions/tiles/tile_conditioning.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/pillow.h"
#include "models/gligen/gligen.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

constexpr int64_t kLatentPixel = 8;

// A region of a picture after that was resized: as small as it is, but all of it.
Region resized(const Region& r, image::Size from, image::Size to) {
  const auto down = [](int64_t at, int64_t new_side, int64_t old_side) { return at * new_side / old_side; };
  const auto up = [](int64_t at, int64_t new_side, int64_t old_side) {
    return (at * new_side + old_side - 1) / old_side;
  };
  return {down(r.x1, to.width, from.width), down(r.y1, to.height, from.height), up(r.x2, to.width, from.width),
          up(r.y2, to.height, from.height)};
}

// The hints of a chain of ControlNets. Hints are of the canvas, in a size of their own.
models::ControlLinkPtr cropped(const models::ControlLinkPtr& link, const TileCut& cut) {
  if (!link) return link;
  models::ControlLink out = *link;
  Region r = resized(cut.crop, cut.canvas, image::size_of(out.hint));
  r.x2 = std::min(r.x2, out.hint.dim(2));
  r.y2 = std::min(r.y2, out.hint.dim(1));
  out.hint = image::resize(part(out.hint, r), cut.size, image::ResizeMethod::kNearestExact);
  out.previous = cropped(link->previous, cut);
  return std::make_shared<const models::ControlLink>(std::move(out));
}

// What lies in the tile of a rectangle in latent pixels of the first picture, in latent pixels from the tile's corner.
std::optional<Region> in_tile(int64_t x, int64_t y, int64_t width, int64_t height, const TileCut& cut) {
  Region r = resized({x * kLatentPixel, y * kLatentPixel, (x + width) * kLatentPixel, (y + height) * kLatentPixel},
                     cut.first, cut.canvas);
  r = {std::max(r.x1, cut.crop.x1), std::max(r.y1, cut.crop.y1), std::min(r.x2, cut.crop.x2),
       std::min(r.y2, cut.crop.y2)};
  if (r.x1 >= r.x2 || r.y1 >= r.y2) return std::nullopt;
  const int64_t left = (r.x1 - cut.crop.x1) / kLatentPixel, top = (r.y1 - cut.crop.y1) / kLatentPixel;
  return Region{left, top, left + r.width() / kLatentPixel, top + r.height() / kLatentPixel};
}

void crop_area(models::ConditioningEntry& entry, const char* input, const TileCut& cut) {
  if (!entry.area) return;
  if (entry.area->relative)
    throw Error(Fault::kInvalid, "areas in percent are not there for tiles")
        .at_input(input)
        .fix("Use ConditioningSetArea, with pixels");
  const auto whole = [](double v) { return static_cast<int64_t>(std::nearbyint(v)); };
  const auto r =
      in_tile(whole(entry.area->x), whole(entry.area->y), whole(entry.area->width), whole(entry.area->height), cut);
  if (!r) {
    entry.area.reset();
    entry.strength = 1.0f;
    return;
  }
  entry.area = models::Area{.height = static_cast<double>(r->height()),
                            .width = static_cast<double>(r->width()),
                            .y = static_cast<double>(r->y1),
                            .x = static_cast<double>(r->x1)};
}

std::shared_ptr<const models::GligenBoxes> cropped(const std::shared_ptr<const models::GligenBoxes>& boxes,
                                                   const TileCut& cut) {
  if (!boxes) return boxes;
  models::GligenBoxes out{boxes->net, {}};
  for (models::GligenBox box : boxes->boxes) {
    const auto r = in_tile(box.x, box.y, box.width, box.height, cut);
    if (!r) continue;
    box.x = r->x1;
    box.y = r->y1;
    box.width = r->width();
    box.height = r->height();
    out.boxes.push_back(std::move(box));
  }
  return std::make_shared<const models::GligenBoxes>(std::move(out));
}

Tensor scaled(const Tensor& picture, image::Size size, image::PillowFilter filter) {
  if (picture.dim(2) == size.width && picture.dim(1) == size.height) return picture;
  return image::pillow_resize(picture, size, filter);
}

// Fitted into a size with its proportions, what is missing repeated from its edges (without their first and last
// pixel, in straight lines), then brought to the size exactly.
Tensor fitted(const Tensor& picture, image::Size size) {
  using image::PillowFilter;
  const auto width = static_cast<double>(picture.dim(2)), height = static_cast<double>(picture.dim(1));
  const double ratio = std::min(static_cast<double>(size.width) / width, static_cast<double>(size.height) / height);
  const image::Size inner{image::round_half_even(width * ratio), image::round_half_even(height * ratio)};
  Tensor out = scaled(picture, inner, PillowFilter::kLanczos);
  const int64_t beside = (size.width - inner.width) / 2, above = (size.height - inner.height) / 2;
  const image::Size padded{inner.width + 2 * beside, inner.height + 2 * above};
  const auto edge = [](const Tensor& from, int dim, int64_t at) {
    const int other = dim == 1 ? 2 : 1;
    return contiguous(from.slice(dim, at, 1).slice(other, 1, from.dim(other) - 2));
  };
  const Tensor plain = out;
  if (beside > 0) {
    const auto side = [&](int64_t at) {
      const Tensor whole = image::pillow_resize(edge(plain, 2, at), {beside, padded.height}, PillowFilter::kNearest);
      return contiguous(whole.slice(1, above, inner.height));
    };
    out = ops::concat({side(0), out, side(inner.width - 1)}, 2);
  }
  if (above > 0) {
    const auto side = [&](int64_t at) {
      return image::pillow_resize(edge(plain, 1, at), {padded.width, above}, PillowFilter::kNearest);
    };
    out = ops::concat({side(0), out, side(inner.height - 1)}, 1);
  }
  return scaled(out, size, PillowFilter::kLanczos);
}

Tensor cropped_mask(const Tensor& mask, const TileCut& cut) {
  const Tensor maps = contiguous(mask).view({-1, mask.dim(-2), mask.dim(-1), 1});
  const Tensor canvas = image::pillow_resize(maps, cut.canvas, image::PillowFilter::kBicubic);
  return fitted(part(canvas, cut.crop), cut.size).view({maps.dim(0), cut.size.height, cut.size.width});
}

}  // namespace

Tensor part(const Tensor& pictures, const Region& r) {
  return contiguous(pictures.slice(1, r.y1, r.height()).slice(2, r.x1, r.width()));
}

models::Conditioning for_tile(const models::Conditioning& list, const char* input, const TileCut& cut) {
  models::Conditioning out = list;
  for (models::ConditioningEntry& entry : out) {
    if (entry.concat_latent_image.defined())
      throw Error(Fault::kInvalid, "inpainting conditioning is not there for tiles")
          .at_input(input)
          .fix("Take it away for this node");
    entry.control = cropped(entry.control, cut);
    entry.gligen = cropped(entry.gligen, cut);
    crop_area(entry, input, cut);
    if (entry.mask.defined()) entry.mask = cropped_mask(entry.mask, cut);
  }
  return out;
}

}  // namespace easel::nodes
