// Pictures over pictures, and what is done to finished ones.
#include "image/edit/composite.h"
#include "image/edit/filters.h"
#include "image/edit/pictures.h"
#include "image/edit/quantize.h"
#include "node_api/table.h"

namespace easel::nodes {
namespace {

constexpr int kMaxSide = 16384;

// A mask that need not be linked.
Tensor optional_mask(const Call& call) {
  const Tensor* shown = call.peek<Tensor>("mask");
  return shown ? *shown : Tensor();
}

// A picture with alpha and one without are brought to the same channels: alpha added as opaque, or cut off.
Tensor with_channels(const Tensor& source, int64_t channels) {
  if (source.dim(3) == channels) return source;
  if (source.dim(3) > channels) return contiguous(source.slice(3, 0, channels));
  return image::join_alpha(source, Tensor::zeros({source.dim(0), source.dim(1), source.dim(2)}));
}

Outputs composite_masked(Call& call) {
  const Tensor& destination = call.tensor("destination");
  const image::Placement place{call.integer("x"), call.integer("y"), 1, call.flag("resize_source")};
  return {image(image::composite_masked(destination, with_channels(call.tensor("source"), destination.dim(3)),
                                        optional_mask(call), place))};
}

Outputs porter_duff(Call& call) {
  auto [pixels, alpha] =
      image::porter_duff(call.tensor("source"), call.tensor("source_alpha"), call.tensor("destination"),
                         call.tensor("destination_alpha"), call.text("mode"));
  return {image(std::move(pixels)), mask(std::move(alpha))};
}

void add_filters(Table& table) {
  table.add(
      {.name = "ImageBlend",
       .display = "Image Blend",
       .category = "image/postprocessing",
       .description = "Mixes two pictures; the second is brought to the size of the first.",
       .inputs = {Link("image1", "IMAGE"), Link("image2", "IMAGE"),
                  Float("blend_factor").def(0.5).range(0.0, 1.0).step(0.01).tip("Share of the second picture."),
                  Choice("blend_mode", {"normal", "multiply", "screen", "overlay", "soft_light", "difference"})},
       .outputs = {{"IMAGE"}},
       .run = [](Call& call) -> Outputs {
         return {image(image::blend_pictures(call.tensor("image1"), call.tensor("image2"), call.number("blend_factor"),
                                             image::blend_mode(call.text("blend_mode"))))};
       }});
  table.add({.name = "ImageBlur",
             .display = "Image Blur",
             .category = "image/postprocessing",
             .description = "Blurs a picture.",
             .inputs = {Link("image", "IMAGE"), Int("blur_radius").def(1).range(1, 31).step(1),
                        Float("sigma").def(1.0).range(0.1, 10.0).step(0.1)},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(image::blur(call.tensor("image"), call.integer("blur_radius"), call.number("sigma")))};
             }});
  table.add({.name = "ImageQuantize",
             .display = "Image Quantize",
             .category = "image/postprocessing",
             .description = "Draws a picture in few colours.",
             .inputs = {Link("image", "IMAGE"), Int("colors").def(256).range(1, 256).step(1),
                        Choice("dither", {"none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"})},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(
                   image::quantize(call.tensor("image"), call.integer("colors"), image::dither(call.text("dither"))))};
             }});
  table.add({.name = "ImageSharpen",
             .display = "Image Sharpen",
             .category = "image/postprocessing",
             .description = "Sharpens a picture by what a blur takes away.",
             .inputs = {Link("image", "IMAGE"), Int("sharpen_radius").def(1).range(1, 31).step(1),
                        Float("sigma").def(1.0).range(0.1, 10.0).step(0.01),
                        Float("alpha").def(1.0).range(0.0, 5.0).step(0.01)},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(image::sharpen(call.tensor("image"), call.integer("sharpen_radius"), call.number("sigma"),
                                            call.number("alpha")))};
             }});
}

}  // namespace

void register_composite_nodes(Table& table) {
  table.add({.name = "ImageCompositeMasked",
             .category = "image",
             .description = "Places a picture on another one, where a mask shows it.",
             .inputs = {Link("destination", "IMAGE"), Link("source", "IMAGE"),
                        Int("x").def(0).range(0, kMaxSide).step(1), Int("y").def(0).range(0, kMaxSide).step(1),
                        Bool("resize_source").def(false), Link("mask", "MASK").optional()},
             .outputs = {{"IMAGE"}},
             .run = composite_masked});
  table.add({.name = "PorterDuffImageComposite",
             .display = "Porter-Duff Image Composite",
             .category = "mask/compositing",
             .description = "Combines two pictures with their transparency, by one of Porter and Duff's operators.",
             .inputs = {Link("source", "IMAGE"), Link("source_alpha", "MASK"), Link("destination", "IMAGE"),
                        Link("destination_alpha", "MASK"),
                        Choice("mode", {"ADD", "CLEAR", "DARKEN", "DST", "DST_ATOP", "DST_IN", "DST_OUT", "DST_OVER",
                                        "LIGHTEN", "MULTIPLY", "OVERLAY", "SCREEN", "SRC", "SRC_ATOP", "SRC_IN",
                                        "SRC_OUT", "SRC_OVER", "XOR"})
                            .def("DST")},
             .outputs = {{"IMAGE"}, {"MASK"}},
             .run = porter_duff});
  table.add({.name = "SplitImageWithAlpha",
             .display = "Split Image with Alpha",
             .category = "mask/compositing",
             .description = "A picture's colours and its transparency apart.",
             .inputs = {Link("image", "IMAGE")},
             .outputs = {{"IMAGE"}, {"MASK"}},
             .run = [](Call& call) -> Outputs {
               auto [pixels, alpha] = image::split_alpha(call.tensor("image"));
               return {image(std::move(pixels)), mask(std::move(alpha))};
             }});
  table.add({.name = "JoinImageWithAlpha",
             .display = "Join Image with Alpha",
             .category = "mask/compositing",
             .description = "Makes a picture transparent where a mask is 1.",
             .inputs = {Link("image", "IMAGE"), Link("alpha", "MASK")},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(image::join_alpha(call.tensor("image"), call.tensor("alpha")))};
             }});
  add_filters(table);
}

}  // namespace easel::nodes
