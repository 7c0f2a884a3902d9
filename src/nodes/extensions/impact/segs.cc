#include "nodes/extensions/impact/segs.h"

#include <algorithm>
#include <set>

#include "image/edit/filters.h"
#include "image/edit/pictures.h"
#include "image/inpaint/mask_shapes.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"

namespace easel::nodes {

Tensor combined_mask(const Segments& all) {
  if (all.height == 0 || all.width == 0)
    throw Error(Fault::kInvalid, "are of no picture, so that there is no size for a mask").at_input("segs");
  return image::joined_parts({all.items.begin(), all.items.end()}, all.height, all.width);
}

Segments within_mask(const Segments& all, const Tensor& mask) {
  Segments out = none_of(all);
  for (const Segment& one : all.items) {
    if (one.crop.x2 > mask.dim(2) || one.crop.y2 > mask.dim(1))
      throw Error(Fault::kMismatch, "is smaller than the picture in which the parts were found").at_input("mask");
    out.items.push_back(one);
    out.items.back().mask = image::common_part(one, mask);
  }
  return out;
}

Tensor dilated(const Tensor& mask, int64_t dilation) {
  if (dilation == 0) return mask;
  return image::extreme_in_window(mask, std::abs(dilation),
                                  dilation > 0 ? image::Extreme::kLargest : image::Extreme::kSmallest);
}

Segments dilated(Segments all, int64_t dilation) {
  for (Segment& one : all.items) one.mask = dilated(one.mask, dilation);
  return all;
}

std::pair<Segments, Segments> by_label(const Segments& all, const std::string& labels) {
  std::set<std::string> wanted;
  for (const std::string& name : split(labels, ",")) wanted.insert(stripped(name));
  std::pair<Segments, Segments> out{none_of(all), none_of(all)};
  if (wanted.contains("all")) {
    out.first = all;
    return out;
  }
  for (const char* both : {"eye", "eyebrow", "pupil"}) {
    if (!wanted.contains(std::string(both) + "s")) continue;
    for (const char* side : {"left_", "right_"}) wanted.insert(std::string(side) + both);
  }
  for (const Segment& one : all.items) (wanted.contains(one.label) ? out.first : out.second).items.push_back(one);
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
