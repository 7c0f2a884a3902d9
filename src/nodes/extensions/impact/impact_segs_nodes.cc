// Impact-Pack's SEGS (github.com/ltdrdata/ComfyUI-Impact-Pack): parts of pictures, from masks and back.
#include <utility>

#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/impact/segs.h"

namespace easel::nodes {
namespace {

struct FromMask : image::PartFinding {
  Linked<Mask> mask;
};
struct OneOfSegs {
  Linked<Segments> segs;
};
struct WithMask : OneOfSegs {
  Linked<Mask> mask;
};
struct None {};

Results<Mask> combined(const OneOfSegs& in) { return {combined_mask(*in.segs)}; }

Results<Segments> common(const WithMask& in) {
  if (in.mask->dim(0) != 1)
    throw Error(Fault::kInvalid, "takes one mask, and there are " + std::to_string(in.mask->dim(0))).at_input("mask");
  return {within_mask(*in.segs, *in.mask)};
}

Results<Segments> of_mask(const FromMask& in) {
  Segments out{.height = in.mask->dim(1), .width = in.mask->dim(2), .items = {}};
  for (image::MaskPart& part : image::mask_parts(*in.mask, in)) out.items.emplace_back(std::move(part));
  return {std::move(out)};
}

Foreseen<Segments> foresee_common(const Known<WithMask>& in) { return {in(&WithMask::segs)}; }

}  // namespace

void register_impact_segs_nodes(Table& table) {
  const AddNode add{table, "impact", "ImpactPack/Operation"};
  add.node<FromMask>("MaskToSEGS", "The parts of a mask, each with its surroundings.",
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
                     of_mask, {}, [](const Known<FromMask>& in) -> Foreseen<Segments> {
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
