// Nodes on pictures: loading, scaling, cropping, padding, batches, edges.
#include "formats/base64.h"
#include "formats/pictures/picture.h"
#include "image/edit/canny.h"
#include "image/edit/latents.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/files.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

const std::vector<std::string> kMethods{"nearest-exact", "bilinear", "area", "bicubic", "lanczos"};
const std::vector<std::string> kCrops{"disabled", "center"};

template <class P>
Input<P> side(const char* name, int64_t P::*member, int least) {
  return Int(name, member).range(least, kMaxSide).step(1);
}
template <class P>
Input<P> size(const char* name, int64_t P::*member, int least) {
  return side(name, member, least).useful(128, 1280, 64);
}

// --- Loading and making ---

struct LoadImage {
  std::string image;
};

// Reads a picture file; warnings and errors name it.
formats::Picture picture_named(const std::string& name, Call& call) {
  auto picture = formats::load_picture(find_picture(call.context().artifacts, name));
  if (!picture.warning.empty()) call.warn("'" + name + "' is read as far as it goes: " + picture.warning);
  return picture;
}

Results<Image, Mask> load_image(const LoadImage& in, Call& call) {
  auto picture = picture_named(in.image, call);
  return {std::move(picture.rgb), std::move(picture.mask)};
}

// The size and the number of frames stand in the file's header.
ForeseenPicture size_in_file(const Call& call, const std::string& name) {
  try {
    const auto info = formats::inspect_picture_file(find_picture(call.context().artifacts, name));
    return {info.width, info.height, info.frames};
  } catch (Error& e) {
    throw e.at_input("image");
  }
}

Foreseen<Image, Mask> foresee_image(const Known<LoadImage>& in, Call& call) {
  return {size_in_file(call, in(&LoadImage::image)), std::nullopt};
}

struct LoadImageMask {
  std::string image, channel;
};

// One channel as a mask. Alpha is inverted: 1 where the picture is transparent.
Results<Mask> load_image_mask(const LoadImageMask& in, Call& call) {
  const auto picture = picture_named(in.image, call);
  if (in.channel == "alpha") return {image::invert(image::as_picture(picture.alpha)).view(picture.alpha.shape())};
  return {image::channel_mask(picture.rgb, image::channel_index(in.channel))};
}

Foreseen<Mask> foresee_image_mask(const Known<LoadImageMask>& in, Call& call) {
  return {mask_of(size_in_file(call, in(&LoadImageMask::image)))};
}

// A picture inside the workflow itself, as base64.
formats::Picture picture_in_text(const std::string& text, const char* input) {
  try {
    return formats::decode_picture(formats::decode_base64(text));
  } catch (Error& e) {
    throw e.at_input(input);
  }
}

struct ImageInText {
  std::string image;
};

// That there is a picture in it, of a size that may be, and which.
ForeseenPicture size_in_text(const std::string& text, const char* input) {
  try {
    const auto info = formats::inspect_picture(formats::decode_base64(text));
    return {info.width, info.height, info.frames};
  } catch (Error& e) {
    throw e.at_input(input);
  }
}

Foreseen<Image, Mask> foresee_image_text(const Known<ImageInText>& in, Call& call) {
  if (call.awaits("image")) return {};
  return {size_in_text(in(&ImageInText::image), "image"), std::nullopt};
}

Results<Image, Mask> load_image_text(const ImageInText& in) {
  auto picture = picture_in_text(in.image, "image");
  return {std::move(picture.rgb), std::move(picture.mask)};
}

struct MaskInText {
  std::string mask;
};

Foreseen<Mask> foresee_mask_text(const Known<MaskInText>& in, Call& call) {
  if (call.awaits("mask")) return {};
  return {mask_of(size_in_text(in(&MaskInText::mask), "mask"))};
}

Results<Mask> load_mask_text(const MaskInText& in) {
  return {image::channel_mask(picture_in_text(in.mask, "mask").rgb, image::channel_index("red"))};
}

struct EmptyImage {
  int64_t width = 512, height = 512, batch_size = 1, color = 0;
};

Results<Image> empty_image(const EmptyImage& in) {
  return {image::solid_picture(in.batch_size, {in.width, in.height}, static_cast<uint32_t>(in.color))};
}

void add_loaders(Table& table) {
  table.add(NodeOf<LoadImage>{
      .name = "LoadImage",
      .display = "Load Image",
      .category = "image",
      .description =
          "Reads a picture from the input folder; frames and pages of one size are a batch. The mask is 1 where "
          "the picture is transparent.",
      .inputs = {Picture("image", &LoadImage::image)
                     .tip("A picture in the input folder: PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC or JPEG XL.")},
      .run = load_image,
      .foresee = foresee_image});
  table.add(NodeOf<ImageInText>{
      .name = "ETN_LoadImageBase64",
      .display = "Load Image (Base64)",
      .category = "external_tooling",
      .description = "Reads a picture that is part of the workflow, so that nothing needs to be uploaded. The "
                     "mask is 1 where the picture is transparent.",
      .origin = "tooling",
      .inputs = {Text("image", &ImageInText::image).no_default().tip("A picture file as base64 text.")},
      .run = load_image_text,
      .foresee = foresee_image_text});
  table.add(
      NodeOf<MaskInText>{.name = "ETN_LoadMaskBase64",
                         .display = "Load Mask (Base64)",
                         .category = "external_tooling",
                         .description = "Reads the first channel of a picture that is part of the workflow as a mask.",
                         .origin = "tooling",
                         .inputs = {Text("mask", &MaskInText::mask).no_default().tip("A picture file as base64 text.")},
                         .run = load_mask_text,
                         .foresee = foresee_mask_text});
  table.add(
      NodeOf<LoadImageMask>{.name = "LoadImageMask",
                            .display = "Load Image (as Mask)",
                            .category = "mask",
                            .description = "Reads one channel of a picture as a mask; alpha is inverted.",
                            .inputs = {Picture("image", &LoadImageMask::image),
                                       Choice("channel", &LoadImageMask::channel, {"alpha", "red", "green", "blue"})},
                            .run = load_image_mask,
                            .foresee = foresee_image_mask});
  table.add(NodeOf<EmptyImage>{
      .name = "EmptyImage",
      .category = "image",
      .description = "A picture of one colour.",
      .inputs =
          {size("width", &EmptyImage::width, 1), size("height", &EmptyImage::height, 1),
           Int("batch_size", &EmptyImage::batch_size).range(1, 4096).useful(1, 8, 1),
           Int("color", &EmptyImage::color).range(0, 0xFFFFFF).step(1).added_later().tip("0xRRGGBB as a number.")},
      .run = empty_image,
      .foresee = [](const Known<EmptyImage>& in) -> Foreseen<Image> {
        return {ForeseenPicture{in(&EmptyImage::width), in(&EmptyImage::height), in(&EmptyImage::batch_size)}};
      }});
}

// --- Scaling, cutting, padding ---

// The parameters that all ways of scaling share.
struct Scaling {
  Linked<Image> image;
  std::string upscale_method;
};

Tensor scaled(const Scaling& in, image::Size size, const std::string& crop = "disabled") {
  return image::upscale(*in.image, size, image::resize_method(in.upscale_method), image::crop_mode(crop));
}

Input<Scaling> image_input() { return Link("image", &Scaling::image); }
Input<Scaling> method_input() {
  return Choice("upscale_method", &Scaling::upscale_method,
                {"nearest-exact", "bilinear", "area", "bicubic", "lanczos"});
}

struct Scale : Scaling {
  int64_t width = 512, height = 512;
  std::string crop;
};

Results<Image> scale(const Scale& in) {
  const image::Size wanted{in.width, in.height};
  if (wanted.width == 0 && wanted.height == 0) return {in.image};
  return {scaled(in, image::scaled_size(image::size_of(*in.image), wanted), in.crop)};
}

Foreseen<Image> foresee_scale(const Known<Scale>& in, Call& call) {
  const ForeseenPicture* known = in(&Scale::image);
  const image::Size wanted{in(&Scale::width), in(&Scale::height)};
  if (!known) return {};
  if (wanted.width == 0 && wanted.height == 0) return {Handed{*call.linked("image")}};
  return {in_size(*known, image::scaled_size(size_of(*known), wanted))};
}

struct ScaleBy : Scaling {
  double scale_by = 1.0;
};

struct ScaleToPixels : Scaling {
  double megapixels = 1.0;
};

struct Crop {
  Linked<Image> image;
  int64_t width = 512, height = 512, x = 0, y = 0;
};

Foreseen<Image> foresee_crop(const Known<Crop>& in) {
  const ForeseenPicture* known = in(&Crop::image);
  if (!known) return {};
  return {in_size(*known, {part_of(known->width, in(&Crop::x), in(&Crop::width)),
                           part_of(known->height, in(&Crop::y), in(&Crop::height))})};
}

struct Pad {
  Linked<Image> image;
  int64_t left = 0, top = 0, right = 0, bottom = 0, feathering = 40;
};

Foreseen<Image, Mask> foresee_pad(const Known<Pad>& in) {
  const ForeseenPicture* known = in(&Pad::image);
  if (!known) return {};
  const ForeseenPicture out = in_size(
      *known, {known->width + in(&Pad::left) + in(&Pad::right), known->height + in(&Pad::top) + in(&Pad::bottom)});
  return {out, in_number(mask_of(out), 1)};
}

Results<Image, Mask> pad(const Pad& in) {
  auto padded = image::pad_for_outpaint(*in.image, {in.left, in.top, in.right, in.bottom}, in.feathering);
  return {std::move(padded.image), std::move(padded.mask)};
}

Input<Pad> border(const char* name, int64_t Pad::*member) { return Int(name, member).range(0, kMaxSide).step(8); }

void add_scalers(Table& table) {
  table.add(NodeOf<Scale>{
      .name = "ImageScale",
      .display = "Upscale Image",
      .category = "image/upscaling",
      .description = "Resizes a picture. A width or height of 0 follows from the other one.",
      .inputs = {image_input(), method_input(), size("width", &Scale::width, 0), size("height", &Scale::height, 0),
                 Choice("crop", &Scale::crop, {"disabled", "center"})
                     .tip("center: crop to the new proportions first, instead of distorting.")},
      .run = scale,
      .foresee = foresee_scale});
  table.add(NodeOf<ScaleBy>{
      .name = "ImageScaleBy",
      .display = "Upscale Image By",
      .category = "image/upscaling",
      .description = "Makes a picture larger or smaller by a factor.",
      .inputs = {image_input(), method_input(), Float("scale_by", &ScaleBy::scale_by).range(0.01, 8.0).step(0.01)},
      .run = [](const ScaleBy& in) -> Results<Image> {
        return {scaled(in, image::scaled_by(image::size_of(*in.image), in.scale_by))};
      },
      .foresee = [](const Known<ScaleBy>& in) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&ScaleBy::image);
        if (!known) return {};
        return {in_size(*known, image::scaled_by(size_of(*known), in(&ScaleBy::scale_by)))};
      }});
  table.add(NodeOf<ScaleToPixels>{
      .name = "ImageScaleToTotalPixels",
      .display = "Scale Image to Total Pixels",
      .category = "image/upscaling",
      .description = "Resizes a picture to a number of megapixels, keeping its proportions.",
      .inputs =
          {image_input(), method_input(),
           Float("megapixels", &ScaleToPixels::megapixels).range(0.01, 16.0).step(0.01).tip("Of 1024 x 1024 pixels.")},
      .run = [](const ScaleToPixels& in) -> Results<Image> {
        return {scaled(in, image::scaled_to_pixels(image::size_of(*in.image), in.megapixels))};
      },
      .foresee = [](const Known<ScaleToPixels>& in) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&ScaleToPixels::image);
        if (!known) return {};
        return {in_size(*known, image::scaled_to_pixels(size_of(*known), in(&ScaleToPixels::megapixels)))};
      }});
  table.add(NodeOf<Crop>{.name = "ImageCrop",
                         .display = "Image Crop",
                         .category = "image/transform",
                         .description = "Cuts a rectangle out of a picture.",
                         .inputs = {Link("image", &Crop::image), size("width", &Crop::width, 1),
                                    size("height", &Crop::height, 1), side("x", &Crop::x, 0), side("y", &Crop::y, 0)},
                         .run = [](const Crop& in) -> Results<Image> {
                           return {image::crop(*in.image, {in.width, in.height}, in.x, in.y)};
                         },
                         .foresee = foresee_crop});
  table.add(NodeOf<Pad>{
      .name = "ImagePadForOutpaint",
      .display = "Pad Image for Outpainting",
      .category = "image",
      .description = "Adds grey borders to be painted, and makes the mask for them.",
      .inputs = {Link("image", &Pad::image), border("left", &Pad::left), border("top", &Pad::top),
                 border("right", &Pad::right), border("bottom", &Pad::bottom),
                 side("feathering", &Pad::feathering, 0).tip("Over how many pixels the mask fades into the picture.")},
      .run = pad,
      .foresee = foresee_pad});
}

// --- Rotating and mirroring ---

struct Rotate {
  Linked<Image> image;
  int64_t quarters = 0;
};

struct Flip {
  Linked<Image> image;
  image::Flip flip_method = image::Flip::kVertical;
};

void add_turns(Table& table) {
  table.add(NodeOf<Rotate>{
      .name = "ImageRotate",
      .category = "image/transform",
      .description = "Rotates a picture clockwise.",
      .inputs = {Link("image", &Rotate::image),
                 Choice("rotation", &Rotate::quarters,
                        {{"none", 0}, {"90 degrees", 1}, {"180 degrees", 2}, {"270 degrees", 3}})},
      .run = [](const Rotate& in) -> Results<Image> { return {image::rotate(*in.image, in.quarters)}; },
      .foresee = [](const Known<Rotate>& in, Call& call) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&Rotate::image);
        if (!known) return {};
        if (in(&Rotate::quarters) == 0) return {Handed{*call.linked("image")}};
        return {in(&Rotate::quarters) % 2 == 0 ? *known : in_size(*known, {known->height, known->width})};
      }});
  table.add(NodeOf<Flip>{
      .name = "ImageFlip",
      .category = "image/transform",
      .description = "Mirrors a picture.",
      .inputs = {Link("image", &Flip::image), Choice("flip_method", &Flip::flip_method,
                                                     {{"x-axis: vertically", image::Flip::kVertical},
                                                      {"y-axis: horizontally", image::Flip::kHorizontal}})},
      .run = [](const Flip& in) -> Results<Image> { return {image::flip(*in.image, in.flip_method)}; },
      .foresee = like<Flip>(&Flip::image)});
}

// --- Batches ---

struct Batch {
  Linked<Image> image1, image2;
};

Foreseen<Image> foresee_batch(const Known<Batch>& in) {
  const ForeseenPicture *first = in(&Batch::image1), *second = in(&Batch::image2);
  if (!first || !second) return {};
  return {in_number(*first, first->count + second->count)};
}

struct FromBatch {
  Linked<Image> image;
  int64_t batch_index = 0, length = 1;
};

struct Repeat {
  Linked<Image> image;
  int64_t amount = 1;
};

void add_batches(Table& table) {
  table.add(NodeOf<Batch>{
      .name = "ImageBatch",
      .display = "Batch Images",
      .category = "image",
      .description = "Joins two batches of pictures; image2 is resized to image1.",
      .inputs = {Link("image1", &Batch::image1), Link("image2", &Batch::image2)},
      .run = [](const Batch& in) -> Results<Image> { return {image::join_batches(*in.image1, *in.image2)}; },
      .foresee = foresee_batch});
  table.add(NodeOf<FromBatch>{
      .name = "ImageFromBatch",
      .category = "image/batch",
      .description = "Takes consecutive pictures out of a batch.",
      .inputs = {Link("image", &FromBatch::image), Int("batch_index", &FromBatch::batch_index).range(0, 4095),
                 Int("length", &FromBatch::length).range(1, 4096)},
      .run = [](const FromBatch& in) -> Results<Image> {
        return {image::take_from_batch(*in.image, in.batch_index, in.length)};
      },
      .foresee = [](const Known<FromBatch>& in) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&FromBatch::image);
        if (!known) return {};
        return {in_number(*known, part_of(known->count, in(&FromBatch::batch_index), in(&FromBatch::length)))};
      }});
  table.add(NodeOf<Repeat>{
      .name = "RepeatImageBatch",
      .category = "image/batch",
      .description = "Repeats a batch of pictures.",
      .inputs = {Link("image", &Repeat::image), Int("amount", &Repeat::amount).range(1, 4096)},
      .run = [](const Repeat& in) -> Results<Image> { return {image::repeat_batch(*in.image, in.amount)}; },
      .foresee = [](const Known<Repeat>& in, Call& call) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&Repeat::image);
        if (!known) return {};
        if (in(&Repeat::amount) == 1) return {Handed{*call.linked("image")}};
        return {in_number(*known, known->count * in(&Repeat::amount))};
      }});
}

// --- Pixels ---

struct Invert {
  Linked<Image> image;
};

struct Canny {
  Linked<Image> image;
  double low_threshold = 0.4, high_threshold = 0.8;
};

void add_filters(Table& table) {
  table.add(NodeOf<Invert>{.name = "ImageInvert",
                           .display = "Invert Image",
                           .category = "image",
                           .description = "Turns a picture into its negative.",
                           .inputs = {Link("image", &Invert::image)},
                           .run = [](const Invert& in) -> Results<Image> { return {image::invert(*in.image)}; },
                           .foresee = like<Invert>(&Invert::image)});
  table.add(NodeOf<Canny>{.name = "Canny",
                          .category = "image/preprocessors",
                          .description = "Finds edges, for a ControlNet that follows them.",
                          .inputs = {Link("image", &Canny::image),
                                     Float("low_threshold", &Canny::low_threshold)
                                         .range(0.01, 0.99)
                                         .step(0.01)
                                         .tip("Edges weaker than this are left out."),
                                     Float("high_threshold", &Canny::high_threshold)
                                         .range(0.01, 0.99)
                                         .step(0.01)
                                         .tip("Edges stronger than this are kept, and weaker ones that touch them.")},
                          .run = [](const Canny& in) -> Results<Image> {
                            return {image::canny(*in.image, in.low_threshold, in.high_threshold)};
                          },
                          .foresee = like<Canny>(&Canny::image)});
}

}  // namespace

void register_image_nodes(Table& table) {
  add_loaders(table);
  add_scalers(table);
  add_turns(table);
  add_batches(table);
  add_filters(table);
}

}  // namespace easel::nodes
