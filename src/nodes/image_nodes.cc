// Pictures in: loading, scaling, joining, padding, edges.
#include <algorithm>
#include <cmath>

#include "formats/picture.h"
#include "image/canny.h"
#include "image/resize.h"
#include "nodes/files.h"
#include "nodes/pixels.h"
#include "nodes/table.h"
#include "sampling/map.h"

namespace easel::nodes {
namespace {

constexpr int64_t kMaxSide = 16384;

const std::vector<std::string> kMethods{"nearest-exact", "bilinear", "area", "bicubic", "lanczos"};
const std::vector<std::string> kCrops{"disabled", "center"};

Value scaled(const Tensor& pixels, image::Size size, const Call& call, const std::string& crop = "disabled") {
  return image(image::upscale(pixels, size, image::resize_method(call.text("upscale_method")), image::crop_mode(crop)));
}

Outputs load_image(Call& call) {
  const auto picture = formats::load_picture(find_picture(call.context().directories, call.text("image")));
  return {image(picture.rgb), mask(picture.mask)};
}

// One channel as a mask. Alpha is turned around: 1 where the picture is transparent.
Outputs load_image_mask(Call& call) {
  const auto picture = formats::load_picture(find_picture(call.context().directories, call.text("image")));
  const std::string& channel = call.text("channel");
  if (channel == "alpha") return {mask(sampling::map([](float a) { return 1.0f - a; }, contiguous(picture.alpha)))};
  const int64_t index = channel == "red" ? 0 : channel == "green" ? 1 : 2;
  return {mask(contiguous(picture.rgb.select(3, index)))};
}

Outputs scale(Call& call) {
  const Tensor& pixels = call.tensor("image");
  const image::Size wanted{call.integer("width"), call.integer("height")};
  if (wanted.width == 0 && wanted.height == 0) return {image(pixels)};
  return {scaled(pixels, image::scaled_size(pixels, wanted), call, call.text("crop"))};
}

Outputs batch(Call& call) {
  const Tensor &first = call.tensor("image1"), &second = call.tensor("image2");
  const image::Size size{first.dim(2), first.dim(1)};
  const bool fits = second.dim(1) == size.height && second.dim(2) == size.width;
  const Tensor other =
      fits ? second : image::upscale(second, size, image::ResizeMethod::kBilinear, image::CropMode::kCenter);
  return {image(join_batches(first, other))};
}

Outputs empty_image(Call& call) {
  const int64_t color = call.integer("color");
  Tensor out({call.integer("batch_size"), call.integer("height"), call.integer("width"), 3});
  const float rgb[3] = {static_cast<float>((color >> 16) & 255) / 255.0f,
                        static_cast<float>((color >> 8) & 255) / 255.0f, static_cast<float>(color & 255) / 255.0f};
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = rgb[i % 3];
  return {image(out)};
}

// Grey borders, and a mask that is 1 there and fades into the picture over `feathering` pixels.
Outputs pad_for_outpaint(Call& call) {
  const Tensor& pixels = call.tensor("image");
  const int64_t left = call.integer("left"), top = call.integer("top"), right = call.integer("right"),
                bottom = call.integer("bottom"), feather = call.integer("feathering");
  const int64_t h = pixels.dim(1), w = pixels.dim(2);
  Tensor grey = Tensor::full({pixels.dim(0), h + top + bottom, w + left + right, pixels.dim(3)}, 0.5f);
  Tensor fade = Tensor::zeros({1, h, w});
  if (feather > 0 && feather * 2 < h && feather * 2 < w) {
    for (int64_t y = 0; y < h; ++y) {
      for (int64_t x = 0; x < w; ++x) {
        const int64_t distance = std::min({top ? y : h, bottom ? h - y : h, left ? x : w, right ? w - x : w});
        if (distance >= feather) continue;
        const double v = static_cast<double>(feather - distance) / static_cast<double>(feather);
        fade.f32()[y * w + x] = static_cast<float>(v * v);
      }
    }
  }
  const Tensor border = Tensor::full({1, grey.dim(1), grey.dim(2)}, 1.0f);
  return {image(composite(grey, pixels, left, top, {})), mask(composite(border, fade, left, top, {}))};
}

// A picture with alpha and one without are brought to the same channels: alpha added as 1, or cut off.
Outputs composite_masked(Call& call) {
  const Tensor& destination = call.tensor("destination");
  Tensor source = call.tensor("source");
  if (source.dim(3) > destination.dim(3)) source = contiguous(source.slice(3, 0, destination.dim(3)));
  if (source.dim(3) < destination.dim(3)) {
    Tensor opaque = Tensor::full({source.dim(0), source.dim(1), source.dim(2), destination.dim(3)}, 1.0f);
    const Tensor from = contiguous(source);
    const int64_t c = from.dim(3), wide = opaque.dim(3);
    for (int64_t i = 0; i < from.numel(); ++i) opaque.f32()[i / c * wide + i % c] = from.f32()[i];
    source = opaque;
  }
  if (call.flag("resize_source"))
    source = image::resize(source, {destination.dim(2), destination.dim(1)}, image::ResizeMethod::kBilinear);
  const Tensor* shown = call.peek<Tensor>("mask");
  return {image(composite(destination, source, call.integer("x"), call.integer("y"), shown ? *shown : Tensor()))};
}

}  // namespace

void register_image_nodes(Table& table);
void register_image_nodes(Table& table) {
  table.add({.name = "LoadImage",
             .display = "Load Image",
             .category = "image",
             .description = "Reads a picture from the input folder. The mask is 1 where the picture is transparent.",
             .inputs = {Picture("image").tip("A PNG, JPEG or WebP file in the input folder.")},
             .outputs = {{"IMAGE"}, {"MASK"}},
             .run = load_image});
  table.add({.name = "LoadImageMask",
             .display = "Load Image (as Mask)",
             .category = "mask",
             .description = "Reads one channel of a picture as a mask; alpha is turned around.",
             .inputs = {Picture("image"), Choice("channel", {"alpha", "red", "green", "blue"})},
             .outputs = {{"MASK"}},
             .run = load_image_mask});
  table.add(
      {.name = "ImageScale",
       .display = "Upscale Image",
       .category = "image/upscaling",
       .description = "Brings a picture to a size. A side of 0 follows from the other one.",
       .inputs = {Link("image", "IMAGE"), Choice("upscale_method", kMethods),
                  Int("width").def(512).range(0, kMaxSide).step(1), Int("height").def(512).range(0, kMaxSide).step(1),
                  Choice("crop", kCrops).tip("center: cut to the new proportions first, instead of distorting.")},
       .outputs = {{"IMAGE"}},
       .run = scale});
  table.add({.name = "ImageScaleBy",
             .display = "Upscale Image By",
             .category = "image/upscaling",
             .description = "Makes a picture larger or smaller by a factor.",
             .inputs = {Link("image", "IMAGE"), Choice("upscale_method", kMethods),
                        Float("scale_by").def(1.0).range(0.01, 8.0).step(0.01)},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               const Tensor& pixels = call.tensor("image");
               return {scaled(pixels, image::scaled_by(pixels, call.number("scale_by")), call)};
             }});
  table.add({.name = "ImageScaleToTotalPixels",
             .category = "image/upscaling",
             .description = "Brings a picture to a number of megapixels, keeping its proportions.",
             .inputs = {Link("image", "IMAGE"), Choice("upscale_method", kMethods),
                        Float("megapixels").def(1.0).range(0.01, 16.0).step(0.01).tip("Of 1024 x 1024 pixels.")},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               const Tensor& pixels = call.tensor("image");
               return {scaled(pixels, image::scaled_to_pixels(pixels, call.number("megapixels")), call)};
             }});
  table.add({.name = "ImageInvert",
             .display = "Invert Image",
             .category = "image",
             .description = "Turns a picture into its negative.",
             .inputs = {Link("image", "IMAGE")},
             .outputs = {{"IMAGE"}},
             .run = [](Call& call) -> Outputs {
               return {image(sampling::map([](float v) { return 1.0f - v; }, contiguous(call.tensor("image"))))};
             }});
  table.add({.name = "ImageBatch",
             .display = "Batch Images",
             .category = "image",
             .description = "Puts pictures into one batch; the second is brought to the size of the first.",
             .inputs = {Link("image1", "IMAGE"), Link("image2", "IMAGE")},
             .outputs = {{"IMAGE"}},
             .run = batch});
  table.add(
      {.name = "EmptyImage",
       .category = "image",
       .description = "A picture of one colour.",
       .inputs = {Int("width").def(512).range(1, kMaxSide).step(1), Int("height").def(512).range(1, kMaxSide).step(1),
                  Int("batch_size").def(1).range(1, 4096), Int("color").def(0).range(0, 0xFFFFFF).step(1)},
       .outputs = {{"IMAGE"}},
       .run = empty_image});
  const auto border = [](const char* name) { return Int(name).def(0).range(0, kMaxSide).step(8); };
  table.add({.name = "ImagePadForOutpaint",
             .display = "Pad Image for Outpainting",
             .category = "image",
             .description = "Adds grey borders to be painted, and the mask that says where.",
             .inputs = {Link("image", "IMAGE"), border("left"), border("top"), border("right"), border("bottom"),
                        Int("feathering").def(40).range(0, kMaxSide).step(1)},
             .outputs = {{"IMAGE"}, {"MASK"}},
             .run = pad_for_outpaint});
  table.add({.name = "ImageCompositeMasked",
             .category = "image",
             .description = "Places a picture on another one, where a mask shows it.",
             .inputs = {Link("destination", "IMAGE"), Link("source", "IMAGE"),
                        Int("x").def(0).range(0, kMaxSide).step(1), Int("y").def(0).range(0, kMaxSide).step(1),
                        Bool("resize_source").def(false), Link("mask", "MASK").optional()},
             .outputs = {{"IMAGE"}},
             .run = composite_masked});
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
