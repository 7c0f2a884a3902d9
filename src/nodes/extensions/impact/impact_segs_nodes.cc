// Impact-Pack's SEGS (github.com/ltdrdata/ComfyUI-Impact-Pack): parts of pictures, from masks and back.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/impact/segs.h"

namespace easel::nodes {
namespace {

struct FromMask : Finding {
  Linked<Mask> mask;
};
struct OneOfSegs {
  Linked<Segments> segs;
};
struct WithMask : OneOfSegs {
  Linked<Mask> mask;
};
struct None {};

// As a byte, rounded down, in which the original combines masks.
unsigned byte_of(float value) { return value > 0 ? static_cast<unsigned>(std::min(value, 1.0f) * 255.0f) : 0; }

// What of a segment's crop lies inside a mask of `width` x `height`: f(index in the crop, index in the mask).
template <class F>
void each_pixel(const Segment& one, int64_t width, int64_t height, const F& f) {
  const int64_t right = std::min(one.crop.x2, width), below = std::min(one.crop.y2, height);
  for (int64_t y = one.crop.y1; y < below; ++y)
    for (int64_t x = one.crop.x1; x < right; ++x)
      f((y - one.crop.y1) * one.crop.width() + x - one.crop.x1, y * width + x);
}

Results<Mask> combined(const OneOfSegs& in) {
  const Segments& all = *in.segs;
  if (all.height == 0 || all.width == 0)
    throw Error(Fault::kInvalid, "are of no picture, so that there is no size for a mask").at_input("segs");
  Tensor out = Tensor::zeros(Shape{1, all.height, all.width});
  for (const Segment& one : all.items)
    each_pixel(one, all.width, all.height, [&](int64_t from, int64_t to) {
      out.f32()[to] = static_cast<float>(byte_of(out.f32()[to]) | byte_of(one.mask.f32()[from])) / 255.0f;
    });
  return {std::move(out)};
}

Results<Segments> common(const WithMask& in) {
  const Segments& all = *in.segs;
  const Tensor& mask = *in.mask;
  if (mask.dim(0) != 1)
    throw Error(Fault::kInvalid, "takes one mask, and there are " + std::to_string(mask.dim(0))).at_input("mask");
  Segments out{.height = all.height, .width = all.width, .items = {}};
  for (const Segment& one : all.items) {
    if (one.crop.x2 > mask.dim(2) || one.crop.y2 > mask.dim(1))
      throw Error(Fault::kMismatch, "is smaller than the picture in which the parts were found").at_input("mask");
    Tensor both(one.mask.shape());
    each_pixel(one, mask.dim(2), mask.dim(1), [&](int64_t at, int64_t whole) {
      both.f32()[at] = static_cast<float>(byte_of(one.mask.f32()[at]) & byte_of(mask.f32()[whole])) / 255.0f;
    });
    out.items.push_back({std::move(both), one.crop, one.bounds});
  }
  return {std::move(out)};
}

Foreseen<Segments> foresee_common(const Known<WithMask>& in) { return {in(&WithMask::segs)}; }

}  // namespace

void register_impact_segs_nodes(Table& table) {
  const AddNode add{table, "impact", "ImpactPack/Operation"};
  add.node<FromMask>(
      "MaskToSEGS", "The parts of a mask, each with its surroundings.",
      {Link("mask", &FromMask::mask),
       Bool("combined", &FromMask::combined)
           .tip("What is in a mask is one part, also where it does not hang together."),
       Float("crop_factor", &FromMask::crop_factor)
           .range(1.0, 100.0)
           .step(0.1)
           .tip("How much of the picture around a part is looked at with it: 1 is the part only."),
       Bool("bbox_fill", &FromMask::fill_bounds).tip("Selects all of the rectangle around a part."),
       Int("drop_size", &FromMask::drop_size)
           .range(1, kMaxSide)
           .step(1)
           .tip("Parts whose width or height is no larger are left out."),
       Bool("contour_fill", &FromMask::fill_contour)
           .added_later()
           .tip("Selects parts wholly, with their holes, whatever values the mask has.")},
      [](const FromMask& in) -> Results<Segments> { return {segments_of(*in.mask, in)}; }, {},
      [](const Known<FromMask>& in) -> Foreseen<Segments> {
        const ForeseenMask* known = in(&FromMask::mask);
        if (!known) return {};
        return {ForeseenSegments{.height = known->height, .width = known->width}};
      });
  add.node<OneOfSegs>("SegsToCombinedMask", "All parts in one mask.", {Link("segs", &OneOfSegs::segs)}, combined, {},
                      [](const Known<OneOfSegs>& in) -> Foreseen<Mask> {
                        const ForeseenSegments* known = in(&OneOfSegs::segs);
                        if (!known || known->width == 0 || known->height == 0) return {};
                        return {ForeseenMask{.width = known->width, .height = known->height, .count = 1}};
                      });
  for (const char* name : {"ImpactSegsAndMask", "Segs & Mask"})
    add.node<WithMask>(name, "What parts have in common with a mask, bit by bit of their bytes.",
                       {Link("segs", &WithMask::segs), Link("mask", &WithMask::mask)}, common, {}, foresee_common);
  add.node<None>("EmptySegs", "No parts, of no picture.", {},
                 [](const None&) -> Results<Segments> { return {Segments{}}; });
}

}  // namespace easel::nodes
