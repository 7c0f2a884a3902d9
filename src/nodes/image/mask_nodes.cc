// Nodes that make, change and combine masks.
#include "image/edit/masks.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

template <class P>
Input<P> side(const char* name, int64_t P::*member, int least) {
  return Int(name, member).range(least, kMaxSide).step(1);
}
template <class P>
Input<P> size(const char* name, int64_t P::*member) {
  return side(name, member, 1).useful(128, 1280, 64);
}

// --- Pictures to masks, and back ---

struct MaskOnly {
  Linked<Mask> mask;
};

struct ImageToMask {
  Linked<Image> image;
  std::string channel;
};

struct ColorToMask {
  Linked<Image> image;
  int64_t color = 0;
};

struct SolidMask {
  double value = 1.0;
  int64_t width = 512, height = 512;
};

void add_conversions(Table& table) {
  table.add(
      NodeOf<MaskOnly>{.name = "MaskToImage",
                       .display = "Convert Mask to Image",
                       .category = "mask",
                       .description = "A mask as a grey picture.",
                       .inputs = {Link("mask", &MaskOnly::mask)},
                       .run = [](const MaskOnly& in) -> Results<Image> { return {image::mask_picture(*in.mask)}; },
                       .foresee = [](const Known<MaskOnly>& in) -> Foreseen<Image> {
                         const ForeseenMask* known = in(&MaskOnly::mask);
                         if (!known) return {};
                         return {picture_of(*known)};
                       }});
  table.add(NodeOf<ImageToMask>{.name = "ImageToMask",
                                .display = "Convert Image to Mask",
                                .category = "mask",
                                .description = "One channel of a picture as a mask.",
                                .inputs = {Link("image", &ImageToMask::image),
                                           Choice("channel", &ImageToMask::channel, {"red", "green", "blue", "alpha"})},
                                .run = [](const ImageToMask& in) -> Results<Mask> {
                                  return {image::channel_mask(*in.image, image::channel_index(in.channel))};
                                },
                                .foresee = mask_of_picture<ImageToMask>(&ImageToMask::image)});
  table.add(NodeOf<ColorToMask>{
      .name = "ImageColorToMask",
      .category = "mask",
      .description = "A mask of the pixels that have one colour.",
      .inputs = {Link("image", &ColorToMask::image), Int("color", &ColorToMask::color).range(0, 0xFFFFFF).step(1)},
      .run = [](const ColorToMask& in) -> Results<Mask> {
        return {image::colour_mask(*in.image, static_cast<uint32_t>(in.color))};
      },
      .foresee = mask_of_picture<ColorToMask>(&ColorToMask::image)});
  table.add(NodeOf<SolidMask>{.name = "SolidMask",
                              .category = "mask",
                              .description = "A mask of one value.",
                              .inputs = {Float("value", &SolidMask::value).range(0.0, 1.0).step(0.01),
                                         size("width", &SolidMask::width), size("height", &SolidMask::height)},
                              .run = [](const SolidMask& in) -> Results<Mask> {
                                return {image::solid_mask(in.value, {in.width, in.height})};
                              },
                              .foresee = [](const Known<SolidMask>& in) -> Foreseen<Mask> {
                                return {ForeseenMask{in(&SolidMask::width), in(&SolidMask::height)}};
                              }});
}

// --- Changing masks ---

struct CropMask {
  Linked<Mask> mask;
  int64_t x = 0, y = 0, width = 512, height = 512;
};

struct Composite {
  Linked<Mask> destination, source;
  int64_t x = 0, y = 0;
  std::string operation;
};

struct Feather {
  Linked<Mask> mask;
  int64_t left = 0, top = 0, right = 0, bottom = 0;
};

struct Grow {
  Linked<Mask> mask;
  int64_t expand = 0;
  bool tapered_corners = true;
};

struct Threshold {
  Linked<Mask> mask;
  double value = 0.5;
};

}  // namespace

void register_mask_nodes(Table& table) {
  add_conversions(table);
  table.add(NodeOf<MaskOnly>{.name = "InvertMask",
                             .category = "mask",
                             .description = "Inverts a mask.",
                             .inputs = {Link("mask", &MaskOnly::mask)},
                             .run = [](const MaskOnly& in) -> Results<Mask> {
                               return {image::as_mask(image::invert(image::as_picture(*in.mask)))};
                             },
                             .foresee = like<MaskOnly>(&MaskOnly::mask)});
  table.add(NodeOf<CropMask>{
      .name = "CropMask",
      .category = "mask",
      .description = "Cuts a rectangle out of a mask.",
      .inputs = {Link("mask", &CropMask::mask), side("x", &CropMask::x, 0), side("y", &CropMask::y, 0),
                 size("width", &CropMask::width), size("height", &CropMask::height)},
      .run = [](const CropMask& in) -> Results<Mask> {
        return {image::crop_mask(*in.mask, {in.width, in.height}, in.x, in.y)};
      },
      .foresee = [](const Known<CropMask>& in) -> Foreseen<Mask> {
        const ForeseenMask* known = in(&CropMask::mask);
        if (!known) return {};
        return {ForeseenMask{part_of(known->width, in(&CropMask::x), in(&CropMask::width)),
                             part_of(known->height, in(&CropMask::y), in(&CropMask::height)), known->count}};
      }});
  table.add(NodeOf<Composite>{
      .name = "MaskComposite",
      .category = "mask",
      .description = "Combines two masks; the source is placed on the destination.",
      .inputs = {Link("destination", &Composite::destination), Link("source", &Composite::source),
                 side("x", &Composite::x, 0), side("y", &Composite::y, 0),
                 Choice("operation", &Composite::operation, {"multiply", "add", "subtract", "and", "or", "xor"})},
      .run = [](const Composite& in) -> Results<Mask> {
        return {image::combine_masks(*in.destination, *in.source, in.x, in.y, image::mask_operation(in.operation))};
      },
      .foresee = like<Composite>(&Composite::destination)});
  table.add(NodeOf<Feather>{
      .name = "FeatherMask",
      .category = "mask",
      .description = "Fades a mask towards the picture's edges.",
      .inputs = {Link("mask", &Feather::mask), side("left", &Feather::left, 0), side("top", &Feather::top, 0),
                 side("right", &Feather::right, 0), side("bottom", &Feather::bottom, 0)},
      .run = [](const Feather& in) -> Results<Mask> {
        return {image::feather_mask(*in.mask, {in.left, in.top, in.right, in.bottom})};
      },
      .foresee = like<Feather>(&Feather::mask)});
  table.add(NodeOf<Grow>{
      .name = "GrowMask",
      .category = "mask",
      .description = "Grows a mask by a number of pixels, or shrinks it.",
      .inputs = {Link("mask", &Grow::mask), Int("expand", &Grow::expand).range(-kMaxSide, kMaxSide).step(1),
                 Bool("tapered_corners", &Grow::tapered_corners)},
      .run = [](const Grow& in) -> Results<Mask> {
        return {image::grow_mask(*in.mask, in.expand, in.tapered_corners)};
      },
      .foresee = like<Grow>(&Grow::mask)});
  table.add(NodeOf<Threshold>{
      .name = "ThresholdMask",
      .category = "mask",
      .description = "1 where a mask is above a value, else 0.",
      .inputs = {Link("mask", &Threshold::mask), Float("value", &Threshold::value).range(0.0, 1.0).step(0.01)},
      .run = [](const Threshold& in) -> Results<Mask> { return {image::threshold_mask(*in.mask, in.value)}; },
      .foresee = like<Threshold>(&Threshold::mask)});
}

}  // namespace easel::nodes
