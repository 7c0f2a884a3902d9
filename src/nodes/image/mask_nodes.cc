// Masks: made, changed, combined.
#include "image/edit/masks.h"
#include "node_api/table.h"

namespace easel::nodes {
namespace {

constexpr int kMaxSide = 16384;

In side(const char* name, int value, int least) { return Int(name).def(value).range(least, kMaxSide).step(1); }

void add_conversions(Table& table) {
  table.add({.name = "MaskToImage",
             .display = "Convert Mask to Image",
             .category = "mask",
             .description = "A mask as a grey picture.",
             .inputs = {Link("mask", "MASK")},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs { return {image(image::mask_picture(call.tensor("mask")))}; }});
  table.add({.name = "ImageToMask",
             .display = "Convert Image to Mask",
             .category = "mask",
             .description = "One channel of a picture as a mask.",
             .inputs = {Link("image", "IMAGE"), Choice("channel", {"red", "green", "blue", "alpha"})},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(image::channel_mask(call.tensor("image"), image::channel_index(call.text("channel"))))};
             }});
  table.add({.name = "ImageColorToMask",
             .category = "mask",
             .description = "A mask of the pixels that have one colour.",
             .inputs = {Link("image", "IMAGE"), Int("color").def(0).range(0, 0xFFFFFF).step(1)},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(image::colour_mask(call.tensor("image"), static_cast<uint32_t>(call.integer("color"))))};
             }});
  table.add(
      {.name = "SolidMask",
       .category = "mask",
       .description = "A mask of one value.",
       .inputs = {Float("value").def(1.0).range(0.0, 1.0).step(0.01), side("width", 512, 1), side("height", 512, 1)},
       .outputs = {{"MASK"}},
       .run = [](Call& call) -> Outputs {
         return {mask(image::solid_mask(call.number("value"), {call.integer("width"), call.integer("height")}))};
       }});
}

}  // namespace

void register_mask_nodes(Table& table) {
  add_conversions(table);
  table.add({.name = "InvertMask",
             .category = "mask",
             .description = "Turns a mask around.",
             .inputs = {Link("mask", "MASK")},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(image::as_mask(image::invert(image::as_picture(call.tensor("mask")))))};
             }});
  table.add({.name = "CropMask",
             .category = "mask",
             .description = "Cuts a rectangle out of a mask.",
             .inputs = {Link("mask", "MASK"), side("x", 0, 0), side("y", 0, 0), side("width", 512, 1),
                        side("height", 512, 1)},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(image::crop_mask(call.tensor("mask"), {call.integer("width"), call.integer("height")},
                                             call.integer("x"), call.integer("y")))};
             }});
  table.add({.name = "MaskComposite",
             .category = "mask",
             .description = "Combines two masks, the second placed on the first.",
             .inputs = {Link("destination", "MASK"), Link("source", "MASK"), side("x", 0, 0), side("y", 0, 0),
                        Choice("operation", {"multiply", "add", "subtract", "and", "or", "xor"})},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(image::combine_masks(call.tensor("destination"), call.tensor("source"), call.integer("x"),
                                                 call.integer("y"), image::mask_operation(call.text("operation"))))};
             }});
  table.add({.name = "FeatherMask",
             .category = "mask",
             .description = "Lets a mask fade towards its borders.",
             .inputs = {Link("mask", "MASK"), side("left", 0, 0), side("top", 0, 0), side("right", 0, 0),
                        side("bottom", 0, 0)},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(image::feather_mask(call.tensor("mask"), {call.integer("left"), call.integer("top"),
                                                                      call.integer("right"), call.integer("bottom")}))};
             }});
  table.add({.name = "GrowMask",
             .category = "mask",
             .description = "Grows a mask by pixels, or shrinks it.",
             .inputs = {Link("mask", "MASK"), Int("expand").def(0).range(-kMaxSide, kMaxSide).step(1),
                        Bool("tapered_corners").def(true)},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {
                   mask(image::grow_mask(call.tensor("mask"), call.integer("expand"), call.flag("tapered_corners")))};
             }});
  table.add({.name = "ThresholdMask",
             .category = "mask",
             .description = "1 where a mask is above a value, else 0.",
             .inputs = {Link("mask", "MASK"), Float("value").def(0.5).range(0.0, 1.0).step(0.01)},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(image::threshold_mask(call.tensor("mask"), call.number("value")))};
             }});
}

}  // namespace easel::nodes
