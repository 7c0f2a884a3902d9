#include "nodes/extensions/impact/segment/sam_masks.h"

#include <algorithm>

#include "image/edit/elementwise.h"

namespace easel::nodes {
namespace {

using Points = std::vector<image::SegmentPrompt::Point>;

// Points around a part that say what is not meant. The original takes the height for the width and the other way
// round.
Points points_around(const Segment& part, const Tensor& picture) {
  const int64_t w = picture.dim(1), h = picture.dim(2);
  const int64_t down = std::max<int64_t>(3, w / 20), right = std::max<int64_t>(3, h / 20);
  constexpr int64_t kEdge = 10;
  Points out;
  for (int64_t y = kEdge; y < h - kEdge; y += down)
    for (int64_t x = kEdge; x < w - kEdge; x += right)
      if (!(part.crop.x1 - kEdge <= x && x <= part.crop.x2 + kEdge && part.crop.y1 - kEdge <= y &&
            y <= part.crop.y2 + kEdge))
        out.push_back({static_cast<double>(x), static_cast<double>(y), false});
  return out;
}

image::SegmentPrompt::Point middle_of(const Segment& part) {
  return {part.box.left + part.box.width() / 2, part.box.top + part.box.height() / 2, true};
}

image::SegmentPrompt prompt_of(const Segment& part, const Tensor& picture, const SamHints& how) {
  const auto grow = static_cast<double>(how.expansion);
  image::SegmentPrompt out;
  out.has_box = true;
  out.box = {std::max(part.box.left - grow, 0.0), std::max(part.box.top - grow, 0.0),
             std::min(part.box.right + grow, static_cast<double>(picture.dim(2))),
             std::min(part.box.bottom + grow, static_cast<double>(picture.dim(1)))};
  const double left = out.box[0], top = out.box[1], third_x = (out.box[2] - left) / 3, third_y = (out.box[3] - top) / 3;
  const auto middle = middle_of(part);
  const auto add = [&](double x, double y) { out.points.push_back({x, y, true}); };
  if (how.hint == "center-1" || how.hint == "mask-point-bbox") add(middle.x, middle.y);
  if (how.hint == "horizontal-2" || how.hint == "rect-4") {
    add(left + third_x, middle.y);
    add(left + third_x * 2, middle.y);
  }
  if (how.hint == "vertical-2" || how.hint == "rect-4") {
    add(middle.x, top + third_y);
    add(middle.x, top + third_y * 2);
  }
  if (how.hint == "diamond-4")
    for (const double down : {1.0, 2.0})
      for (const double right : {1.0, 2.0}) add(left + third_x * right, top + third_y * down);
  if (how.hint == "mask-area")
    for (auto point : image::points_of_mask(part.mask, how.mask_threshold, how.use_negative == "Small")) {
      point.x += static_cast<double>(part.crop.x1);
      point.y += static_cast<double>(part.crop.y1);
      out.points.push_back(point);
    }
  if (how.use_negative == "Outter")
    for (const auto& point : points_around(part, picture)) out.points.push_back(point);
  return out;
}

}  // namespace

std::vector<Tensor> sam_masks(const SamModel& model, const Segments& parts, const Tensor& picture, const SamHints& how,
                              Call& call) {
  if (picture.dim(0) != 1 || picture.dim(3) != 3)
    throw Error(Fault::kInvalid, "takes one picture without transparency, and not " + picture.str()).at_input("image");
  if (parts.items.empty()) return {};
  std::vector<image::SegmentPrompt> prompts;
  if (how.hint == "mask-points") {
    prompts.emplace_back();
    constexpr double kSmall = 10;
    for (const Segment& part : parts.items) {
      prompts[0].points.push_back(middle_of(part));
      prompts[0].points.back().wanted = how.use_negative != "Small" || part.box.width() >= kSmall;
    }
  } else {
    for (const Segment& part : parts.items) prompts.push_back(prompt_of(part, picture, how));
  }
  std::vector<Tensor> out;
  const auto sure = static_cast<float>(how.sure);
  for (const auto& found :
       models::segment(call.context().residency, model.network, image::byte_picture(picture, 0), prompts)) {
    const auto best = std::max_element(found.begin(), found.end(),
                                       [](const auto& a, const auto& b) { return a.quality < b.quality; });
    const size_t before = out.size();
    for (const models::SegmentFound& one : found)
      if (one.quality >= sure) out.push_back(one.mask);
    if (out.size() == before && best != found.end() && best->quality > 0) out.push_back(best->mask);
  }
  return out;
}

Tensor masks_together(const std::vector<Tensor>& masks, const Tensor& picture) {
  Tensor out = Tensor::zeros({1, picture.dim(1), picture.dim(2)});
  for (const Tensor& mask : masks) out = image::map(out, mask, [](float a, float b) { return std::max(a, b); });
  return out;
}

Tensor sam_mask(const SamModel& model, const Segments& parts, const Tensor& picture, const SamHints& how, Call& call) {
  const std::vector<Tensor> masks = sam_masks(model, parts, picture, how, call);
  const Tensor together = masks_together(masks, picture);
  return masks.empty() ? together : dilated(together, how.dilation);
}

}  // namespace easel::nodes
