#include "nodes/extensions/impact/detectors.h"

#include <bit>
#include <functional>

#include "image/edit/elementwise.h"
#include "image/hints/byte_picture.h"

namespace easel::nodes {
namespace {

using image::Detection;

image::Size size_of(const Tensor& picture) { return {picture.dim(2), picture.dim(1)}; }

std::vector<Detection> look(const models::YoloHandle& network, const Tensor& picture, double threshold, bool masks,
                            Call& call) {
  if (picture.dim(0) != 1)
    throw Error(Fault::kInvalid, "takes one picture at a time, and there are " + std::to_string(picture.dim(0)))
        .at_input("image");
  if (picture.dim(3) < 3)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(picture.dim(3)) + " channels where three are needed")
        .at_input("image");
  return models::detect(call.context().residency, network, image::byte_picture(picture, 0), threshold, masks);
}

const models::YoloHandle& usable(const SegmDetector& detector) {
  if (!detector.usable)
    throw Error(Fault::kInvalid, "is of '" + detector.network.file + "', which finds boxes only")
        .at_input("segm_detector")
        .fix("Load a file of the folder ultralytics/segm, or take the link away");
  return detector.network;
}

Tensor box_of(const Detection& one, const Tensor& picture) { return image::box_mask(one, size_of(picture)); }
Tensor shape_of(const Detection& one, const Tensor& picture) {
  return image::mask_of_picture(one.mask, size_of(picture));
}
using MaskOf = std::function<Tensor(const Detection&, const Tensor&)>;

Tensor grown(const Tensor& mask, int64_t dilation) { return dilation > 0 ? dilated(mask, dilation) : mask; }

Segments parts_of(const std::vector<Detection>& all, const models::YoloHandle& network, const Tensor& picture,
                  const Looking& how, Call& call, const MaskOf& mask_of) {
  Segments out{.height = picture.dim(1), .width = picture.dim(2), .items = {}};
  const auto least = static_cast<double>(std::max<int64_t>(how.drop_size, 1));
  for (const Detection& one : all) {
    call.check_cancelled();
    Segment part;
    part.box = {static_cast<double>(one.left), static_cast<double>(one.top), static_cast<double>(one.right),
                static_cast<double>(one.bottom)};
    if (part.box.width() <= least || part.box.height() <= least) continue;
    part.bounds = {static_cast<int64_t>(part.box.left), static_cast<int64_t>(part.box.top),
                   static_cast<int64_t>(part.box.right), static_cast<int64_t>(part.box.bottom)};
    part.crop = image::crop_around(part.box.left, part.box.top, part.box.right, part.box.bottom, how.crop_factor,
                                   out.width, out.height);
    if (part.crop.width() < 1 || part.crop.height() < 1) continue;
    const auto cut = [&](const Tensor& t) {
      return clone(t.slice(1, part.crop.y1, part.crop.height()).slice(2, part.crop.x1, part.crop.width()));
    };
    part.mask = cut(grown(mask_of(one, picture), how.dilation));
    part.picture = cut(picture);
    part.confidence = static_cast<double>(one.score);
    part.label = network.kind_name(one.kind);
    out.items.push_back(std::move(part));
  }
  return out;
}

// The bits of the numbers of all masks together, as in the original; of 0 and 1 that is whether one of them is 1.
Tensor in_one(const std::vector<Detection>& all, const Tensor& picture, const Looking& how, Call& call,
              const MaskOf& mask_of) {
  Tensor out = Tensor::zeros({1, picture.dim(1), picture.dim(2)});
  for (const Detection& one : all) {
    call.check_cancelled();
    out = image::map(out, grown(mask_of(one, picture), how.dilation), [](float a, float b) {
      return std::bit_cast<float>(std::bit_cast<uint32_t>(a) | std::bit_cast<uint32_t>(b));
    });
  }
  return out;
}

}  // namespace

Segments found_boxes(const BboxDetector& detector, const Tensor& picture, const Looking& how, Call& call) {
  return parts_of(look(detector.network, picture, how.threshold, false, call), detector.network, picture, how, call,
                  box_of);
}
Segments found_shapes(const SegmDetector& detector, const Tensor& picture, const Looking& how, Call& call) {
  const models::YoloHandle& network = usable(detector);
  return parts_of(look(network, picture, how.threshold, true, call), network, picture, how, call, shape_of);
}

Tensor boxes_in_one(const BboxDetector& detector, const Tensor& picture, const Looking& how, Call& call) {
  return in_one(look(detector.network, picture, how.threshold, false, call), picture, how, call, box_of);
}
Tensor shapes_in_one(const SegmDetector& detector, const Tensor& picture, const Looking& how, Call& call) {
  return in_one(look(usable(detector), picture, how.threshold, true, call), picture, how, call, shape_of);
}

}  // namespace easel::nodes
