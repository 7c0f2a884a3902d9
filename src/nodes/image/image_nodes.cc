// Pictures: loading, scaling, cutting, joining, padding, edges.
#include "formats/base64.h"
#include "formats/pictures/picture.h"
#include "image/edit/canny.h"
#include "image/edit/latents.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/files.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"

namespace easel::nodes {
namespace {

constexpr int kMaxSide = 16384;

const std::vector<std::string> kMethods{"nearest-exact", "bilinear", "area", "bicubic", "lanczos"};
const std::vector<std::string> kCrops{"disabled", "center"};

In side(const char* name, int value, int least) { return Int(name).def(value).range(least, kMaxSide).step(1); }
In border(const char* name) { return Int(name).def(0).range(0, kMaxSide).step(8); }

Value scaled(const Tensor& pixels, image::Size size, const Call& call, const std::string& crop = "disabled") {
  return image(image::upscale(pixels, size, image::resize_method(call.text("upscale_method")), image::crop_mode(crop)));
}

Outputs load_image(Call& call) {
  const auto picture = formats::load_picture(find_picture(call.context().directories, call.text("image")));
  return {image(picture.rgb), mask(picture.mask)};
}

Value foreseen_picture(int64_t width, int64_t height, int64_t count) {
  return Value("IMAGE", ForeseenPicture{width, height, count});
}

// The size is in the file's header. What is wrong with a file is said when the node runs.
Outputs foresee_image(Call& call) {
  try {
    const auto info = formats::inspect_picture_file(find_picture(call.context().directories, call.text("image")));
    return {foreseen_picture(info.width, info.height, 1), Value()};
  } catch (const Error&) {
    return {};
  }
}

Outputs foresee_scale(Call& call) {
  const auto* known = call.peek<ForeseenPicture>("image");
  const int64_t width = call.integer("width"), height = call.integer("height");
  return {known && width > 0 && height > 0 ? foreseen_picture(width, height, known->count) : Value()};
}

Outputs foresee_batch(Call& call) {
  const auto *first = call.peek<ForeseenPicture>("image1"), *second = call.peek<ForeseenPicture>("image2");
  return {first && second ? foreseen_picture(first->width, first->height, first->count + second->count) : Value()};
}

// One channel as a mask. Alpha is turned around: 1 where the picture is transparent.
Outputs load_image_mask(Call& call) {
  const auto picture = formats::load_picture(find_picture(call.context().directories, call.text("image")));
  const std::string& channel = call.text("channel");
  if (channel == "alpha") return {mask(image::invert(image::as_picture(picture.alpha)).view(picture.alpha.shape()))};
  return {mask(image::channel_mask(picture.rgb, image::channel_index(channel)))};
}

Outputs scale(Call& call) {
  const Tensor& pixels = call.tensor("image");
  const image::Size wanted{call.integer("width"), call.integer("height")};
  if (wanted.width == 0 && wanted.height == 0) return {image(pixels)};
  return {scaled(pixels, image::scaled_size(pixels, wanted), call, call.text("crop"))};
}

Outputs scale_by(Call& call) {
  const Tensor& pixels = call.tensor("image");
  return {scaled(pixels, image::scaled_by(pixels, call.number("scale_by")), call)};
}

Outputs scale_to_pixels(Call& call) {
  const Tensor& pixels = call.tensor("image");
  return {scaled(pixels, image::scaled_to_pixels(pixels, call.number("megapixels")), call)};
}

Outputs pad(Call& call) {
  const image::Sides sides{call.integer("left"), call.integer("top"), call.integer("right"), call.integer("bottom")};
  auto padded = image::pad_for_outpaint(call.tensor("image"), sides, call.integer("feathering"));
  return {image(std::move(padded.image)), mask(std::move(padded.mask))};
}

// A picture that is part of the workflow itself.
formats::Picture picture_in_text(const Call& call, const char* input) {
  try {
    return formats::decode_picture(formats::decode_base64(call.text(input)));
  } catch (Error& e) {
    throw e.at_input(input);
  }
}

Outputs load_image_text(Call& call) {
  const auto picture = picture_in_text(call, "image");
  return {image(picture.rgb), mask(picture.mask)};
}

Outputs load_mask_text(Call& call) {
  return {mask(image::channel_mask(picture_in_text(call, "mask").rgb, image::channel_index("red")))};
}

void add_loaders(Table& table) {
  table.add({.name = "LoadImage",
             .display = "Load Image",
             .category = "image",
             .description = "Reads a picture from the input folder. The mask is 1 where the picture is transparent.",
             .inputs = {Picture("image").tip("A PNG, JPEG or WebP file in the input folder.")},
             .outputs = {{"IMAGE"}, {"MASK"}},
             .run = load_image,
             .foresee = foresee_image});
  table.add({.name = "ETN_LoadImageBase64",
             .display = "Load Image (Base64)",
             .category = "external_tooling",
             .description = "Reads a picture that is part of the workflow, so that nothing needs to be uploaded. The "
                            "mask is 1 where the picture is transparent.",
             .inputs = {Text("image").tip("A PNG, JPEG or WebP file as base64 text.")},
             .outputs = {{"IMAGE"}, {"MASK"}},
             .run = load_image_text});
  table.add({.name = "ETN_LoadMaskBase64",
             .display = "Load Mask (Base64)",
             .category = "external_tooling",
             .description = "Reads the first channel of a picture that is part of the workflow as a mask.",
             .inputs = {Text("mask").tip("A PNG, JPEG or WebP file as base64 text.")},
             .outputs = {{"MASK"}},
             .run = load_mask_text});
  table.add({.name = "LoadImageMask",
             .display = "Load Image (as Mask)",
             .category = "mask",
             .description = "Reads one channel of a picture as a mask; alpha is turned around.",
             .inputs = {Picture("image"), Choice("channel", {"alpha", "red", "green", "blue"})},
             .outputs = {{"MASK"}},
             .run = load_image_mask});
  table.add(
      {.name = "EmptyImage",
       .category = "image",
       .description = "A picture of one colour.",
       .inputs = {side("width", 512, 1), side("height", 512, 1), Int("batch_size").def(1).range(1, 4096),
                  Int("color").def(0).range(0, 0xFFFFFF).step(1).tip("0xRRGGBB as a number.")},
       .outputs = {{"IMAGE"}},
       .run = [](Call& call) -> Outputs {
         return {image(image::solid_picture(call.integer("batch_size"), {call.integer("width"), call.integer("height")},
                                            static_cast<uint32_t>(call.integer("color"))))};
       }});
}

void add_scalers(Table& table) {
  table.add({.name = "ImageScale",
             .display = "Upscale Image",
             .category = "image/upscaling",
             .description = "Brings a picture to a size. A side of 0 follows from the other one.",
             .inputs = {Link("image", "IMAGE"), Choice("upscale_method", kMethods), side("width", 512, 0),
                        side("height", 512, 0),
                        Choice("crop", kCrops).tip("center: cut to the new proportions first, instead of distorting.")},
             .outputs = {{"IMAGE"}},
             .run = scale,
             .foresee = foresee_scale});
  table.add({.name = "ImageScaleBy",
             .display = "Upscale Image By",
             .category = "image/upscaling",
             .description = "Makes a picture larger or smaller by a factor.",
             .inputs = {Link("image", "IMAGE"), Choice("upscale_method", kMethods),
                        Float("scale_by").def(1.0).range(0.01, 8.0).step(0.01)},
             .outputs = {{"IMAGE"}},
             .run = scale_by});
  table.add({.name = "ImageScaleToTotalPixels",
             .display = "Scale Image to Total Pixels",
             .category = "image/upscaling",
             .description = "Brings a picture to a number of megapixels, keeping its proportions.",
             .inputs = {Link("image", "IMAGE"), Choice("upscale_method", kMethods),
                        Float("megapixels").def(1.0).range(0.01, 16.0).step(0.01).tip("Of 1024 x 1024 pixels.")},
             .outputs = {{"IMAGE"}},
             .run = scale_to_pixels});
  table.add({.name = "ImageCrop",
             .display = "Image Crop",
             .category = "image/transform",
             .description = "Cuts a rectangle out of a picture.",
             .inputs = {Link("image", "IMAGE"), side("width", 512, 1), side("height", 512, 1), side("x", 0, 0),
                        side("y", 0, 0)},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(image::crop(call.tensor("image"), {call.integer("width"), call.integer("height")},
                                         call.integer("x"), call.integer("y")))};
             }});
  table.add({.name = "ImagePadForOutpaint",
             .display = "Pad Image for Outpainting",
             .category = "image",
             .description = "Adds grey borders to be painted, and the mask that says where.",
             .inputs = {Link("image", "IMAGE"), border("left"), border("top"), border("right"), border("bottom"),
                        side("feathering", 40, 0).tip("Over how many pixels the mask fades into the picture.")},
             .outputs = {{"IMAGE"}, {"MASK"}},
             .run = pad});
}

void add_turns(Table& table) {
  table.add(
      {.name = "ImageRotate",
       .category = "image/transform",
       .description = "Turns a picture clockwise.",
       .inputs = {Link("image", "IMAGE"), Choice("rotation", {"none", "90 degrees", "180 degrees", "270 degrees"})},
       .outputs = {{"IMAGE"}},
       .run = [](Call& call) -> Outputs {
         const char first = call.text("rotation")[0];
         const int quarters = first == '9' ? 1 : first == '1' ? 2 : first == '2' ? 3 : 0;
         return {image(image::rotate(call.tensor("image"), quarters))};
       }});
  table.add({.name = "ImageFlip",
             .category = "image/transform",
             .description = "Mirrors a picture.",
             .inputs = {Link("image", "IMAGE"), Choice("flip_method", {"x-axis: vertically", "y-axis: horizontally"})},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               const bool vertical = call.text("flip_method")[0] == 'x';
               return {image(
                   image::flip(call.tensor("image"), vertical ? image::Flip::kVertical : image::Flip::kHorizontal))};
             }});
}

void add_batches(Table& table) {
  table.add({.name = "ImageBatch",
             .display = "Batch Images",
             .category = "image",
             .description = "Puts pictures into one batch; the second is brought to the size of the first.",
             .inputs = {Link("image1", "IMAGE"), Link("image2", "IMAGE")},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(image::join_batches(call.tensor("image1"), call.tensor("image2")))};
             },
             .foresee = foresee_batch});
  table.add({.name = "ImageFromBatch",
             .category = "image/batch",
             .description = "Takes some pictures out of a batch.",
             .inputs = {Link("image", "IMAGE"), Int("batch_index").def(0).range(0, 4095),
                        Int("length").def(1).range(1, 4096)},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(
                   image::take_from_batch(call.tensor("image"), call.integer("batch_index"), call.integer("length")))};
             }});
  table.add({.name = "RepeatImageBatch",
             .category = "image/batch",
             .description = "Repeats a batch of pictures.",
             .inputs = {Link("image", "IMAGE"), Int("amount").def(1).range(1, 4096)},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(image::repeat_batch(call.tensor("image"), call.integer("amount")))};
             }});
}

}  // namespace

void register_image_nodes(Table& table) {
  add_loaders(table);
  add_scalers(table);
  add_turns(table);
  add_batches(table);
  table.add({.name = "ImageInvert",
             .display = "Invert Image",
             .category = "image",
             .description = "Turns a picture into its negative.",
             .inputs = {Link("image", "IMAGE")},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs { return {image(image::invert(call.tensor("image")))}; }});
  table.add(
      {.name = "Canny",
       .category = "image/preprocessors",
       .description = "Finds edges, for a ControlNet that follows them.",
       .inputs =
           {Link("image", "IMAGE"),
            Float("low_threshold").def(0.4).range(0.01, 0.99).step(0.01).tip("Edges weaker than this are left out."),
            Float("high_threshold")
                .def(0.8)
                .range(0.01, 0.99)
                .step(0.01)
                .tip("Edges stronger than this are kept, and weaker ones that touch them.")},
       .outputs = {{"IMAGE"}},
       .run = [](Call& call) -> Outputs {
         return {
             image(image::canny(call.tensor("image"), call.number("low_threshold"), call.number("high_threshold")))};
       }});
}

}  // namespace easel::nodes
