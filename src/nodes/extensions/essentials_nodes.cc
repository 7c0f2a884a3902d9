// Nodes of ComfyUI_essentials (github.com/cubiq/ComfyUI_essentials): batches, masks, plain values.
#include "image/edit/elementwise.h"
#include "image/edit/filters.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "models/latent_format.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "essentials";

// --- Masks ---

struct Blur {
  Linked<Mask> mask;
  int64_t amount = 6;
  std::string device;
};
struct Smooth {
  Linked<Mask> mask;
  int64_t amount = 0;
};
struct FromColour {
  Linked<Image> image;
  int64_t red = 255, green = 255, blue = 255, threshold = 0;
};

// Blurs by a Gaussian over `pixels`, an odd number k, with torchvision's sigma: 0.3 ((k - 1) / 2 - 1) + 0.8.
Tensor blurred(const Tensor& mask, int64_t amount) {
  const int64_t radius = amount / 2;
  if (radius == 0) return mask;
  const double sigma = 0.3 * static_cast<double>(radius - 1) + 0.8;
  return image::as_mask(image::blur(image::as_picture(mask), radius, sigma / static_cast<double>(radius)));
}

// An even number of pixels is raised to the next odd one.
int64_t odd(int64_t amount) { return amount | 1; }

Results<Mask> blur(const Blur& in) {
  if (in.amount == 0) return {in.mask};
  return {blurred(*in.mask, odd(in.amount))};
}

Results<Mask> smooth(const Smooth& in) {
  if (in.amount == 0) return {in.mask};
  return {blurred(image::threshold_mask(*in.mask, 0.5), odd(in.amount))};
}

Results<Mask> from_colour(const FromColour& in) {
  const int64_t channels = in.image->dim(3);
  if (channels != 3)
    throw Error(Fault::kInvalid, "the picture has " + std::to_string(channels) + " channels, and must have 3")
        .at_input("image");
  const auto near = [&](int64_t channel, int64_t wanted) {
    return ops::map([wanted = static_cast<float>(wanted), threshold = static_cast<float>(in.threshold)](
                        auto v) { return abs(round(clamp(v, 0.0f, 1.0f) * 255.0f) - wanted) <= threshold; },
                    in.image->slice(3, channel, 1));
  };
  return {image::as_mask(ops::mul(ops::mul(near(0, in.red), near(1, in.green)), near(2, in.blue)))};
}

void add_masks(Table& table) {
  table.add(NodeOf<Blur>{
      .name = "MaskBlur+",
      .display = "Mask Blur",
      .category = "essentials/mask",
      .description = "Blurs masks with a Gaussian over the given number of pixels.",
      .origin = kOrigin,
      .inputs =
          {Link("mask", &Blur::mask), Int("amount", &Blur::amount).range(0, 256).step(1),
           Choice("device", &Blur::device, {"auto", "cpu", "gpu"}).added_later().tip("Makes no difference here.")},
      .run = blur,
      .foresee = like<Blur>(&Blur::mask)});
  table.add(
      NodeOf<Smooth>{.name = "MaskSmooth+",
                     .display = "Mask Smooth",
                     .category = "essentials/mask",
                     .description = "Rounds masks to 0 and 1, and blurs the result.",
                     .origin = kOrigin,
                     .inputs = {Link("mask", &Smooth::mask), Int("amount", &Smooth::amount).range(0, 127).step(1)},
                     .run = smooth,
                     .foresee = like<Smooth>(&Smooth::mask)});
  table.add(NodeOf<FromColour>{
      .name = "MaskFromColor+",
      .display = "Mask From Color",
      .category = "essentials/mask",
      .description = "A mask of the pixels whose channels all differ from a colour by no more than the threshold.",
      .origin = kOrigin,
      .inputs = {Link("image", &FromColour::image), Int("red", &FromColour::red).range(0, 255).step(1),
                 Int("green", &FromColour::green).range(0, 255).step(1),
                 Int("blue", &FromColour::blue).range(0, 255).step(1),
                 Int("threshold", &FromColour::threshold).range(0, 127).step(1)},
      .run = from_colour,
      .foresee = mask_of_picture<FromColour>(&FromColour::image)});
}

// --- Batches ---

struct FromBatch {
  Linked<Image> image;
  int64_t start = 0, length = -1;
};
struct MasksFromBatch {
  Linked<Mask> mask;
  int64_t start = 0, length = 1;
};
struct OnePicture {
  Linked<Image> image;
};
struct ListOfPictures {
  LinkedList<Image> image;
};
struct Desaturate {
  Linked<Image> image;
  double factor = 1.0;
  std::string method;
};

Results<Image> from_batch(const FromBatch& in) {
  if (in.length == 0) throw Error(Fault::kInvalid, "must not be 0").at_input("length");
  return {image::take_from_batch(*in.image, in.start, in.length < 0 ? in.image->dim(0) : in.length)};
}

Results<Image> list_to_batch(const ListOfPictures& in) {
  std::vector<Tensor> parts;
  const image::Size size{in.image[0].dim(2), in.image[0].dim(1)};
  for (size_t i = 0; i < in.image.size(); ++i) {
    const bool fits = in.image[i].dim(1) == size.height && in.image[i].dim(2) == size.width;
    parts.push_back(fits ? in.image[i]
                         : image::upscale(in.image[i], size, image::ResizeMethod::kBicubic, image::CropMode::kCenter));
    if (parts.back().dim(3) != parts.front().dim(3))
      throw Error(Fault::kInvalid, "pictures with and without an alpha channel cannot be in one batch")
          .at_input("image");
  }
  return {ops::concat(parts, 0)};
}

Results<ListOf<Image>> batch_to_list(const OnePicture& in) {
  std::vector<Tensor> out;
  for (int64_t i = 0; i < in.image->dim(0); ++i) out.push_back(contiguous(in.image->slice(0, i, 1)));
  return {std::move(out)};
}

// The brightness of pictures of three channels, f32 [N,H,W,1].
Tensor grey(const Tensor& picture, const std::string& method) {
  const Tensor red = picture.slice(3, 0, 1), green = picture.slice(3, 1, 1), blue = picture.slice(3, 2, 1);
  const auto weighted = [&](float of_red, float of_green, float of_blue) {
    return ops::map([=](auto r, auto g, auto b) { return of_red * r + of_green * g + of_blue * b; }, red, green, blue);
  };
  if (method == "luminance (Rec.709)") return weighted(0.2126f, 0.7152f, 0.0722f);
  if (method == "luminance (Rec.601)") return weighted(0.299f, 0.587f, 0.114f);
  if (method == "average") return ops::map([](auto r, auto g, auto b) { return (r + g + b) / 3.0f; }, red, green, blue);
  return ops::map([](auto r, auto g, auto b) { return (max(max(r, g), b) + min(min(r, g), b)) / 2.0f; }, red, green,
                  blue);
}

Results<Image> desaturate(const Desaturate& in) {
  if (in.image->dim(3) != 3)
    throw Error(Fault::kInvalid, "the pictures must have three channels")
        .at_input("image")
        .fix("Put ImageRemoveAlpha+ before it");
  const auto factor = static_cast<float>(in.factor);
  return {ops::map([factor](auto v, auto g) { return clamp((1.0f - factor) * v + factor * g, 0.0f, 1.0f); }, *in.image,
                   grey(*in.image, in.method))};
}

struct Sharpen {
  Linked<Image> image;
  double amount = 0.8;
};

void add_batches(Table& table) {
  table.add(NodeOf<Sharpen>{
      .name = "ImageCASharpening+",
      .display = "Image Contrast Adaptive Sharpening",
      .category = "essentials/image processing",
      .description = "Sharpens pictures, less where they are sharp already (AMD FidelityFX CAS).",
      .origin = kOrigin,
      .inputs = {Link("image", &Sharpen::image), Float("amount", &Sharpen::amount).range(0.0, 1.0).step(0.05)},
      .run = [](const Sharpen& in) -> Results<Image> { return {image::adaptive_sharpen(*in.image, in.amount, 1e-5)}; },
      .foresee = like<Sharpen>(&Sharpen::image)});
  table.add(NodeOf<FromBatch>{
      .name = "ImageFromBatch+",
      .display = "Image From Batch",
      .category = "essentials/image batch",
      .description = "Takes consecutive pictures out of a batch; a length of -1 takes all from the start on.",
      .origin = kOrigin,
      .inputs = {Link("image", &FromBatch::image), Int("start", &FromBatch::start).range(0, 4096).step(1),
                 Int("length", &FromBatch::length).range(-1, 4096).step(1)},
      .run = from_batch,
      .foresee = [](const Known<FromBatch>& in) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&FromBatch::image);
        if (!known) return {};
        const int64_t length = in(&FromBatch::length);
        return {in_number(*known, part_of(known->count, in(&FromBatch::start), length < 0 ? known->count : length))};
      }});
  table.add(NodeOf<MasksFromBatch>{
      .name = "MaskFromBatch+",
      .display = "Mask From Batch",
      .category = "essentials/mask batch",
      .description = "Takes consecutive masks out of a batch.",
      .origin = kOrigin,
      .inputs = {Link("mask", &MasksFromBatch::mask), Int("start", &MasksFromBatch::start).range(0, 4096).step(1),
                 Int("length", &MasksFromBatch::length).range(1, 4096).step(1)},
      .run = [](const MasksFromBatch& in) -> Results<Mask> {
        return {image::take_from_batch(*in.mask, in.start, in.length)};
      },
      .foresee = [](const Known<MasksFromBatch>& in) -> Foreseen<Mask> {
        const ForeseenMask* known = in(&MasksFromBatch::mask);
        if (!known) return {};
        return {in_number(*known, part_of(known->count, in(&MasksFromBatch::start), in(&MasksFromBatch::length)))};
      }});
  table.add(NodeOf<ListOfPictures>{.name = "ImageListToBatch+",
                                   .display = "Image List To Batch",
                                   .category = "essentials/image batch",
                                   .description = "Makes a batch of a list, resizing its pictures to the first.",
                                   .origin = kOrigin,
                                   .inputs = {Link("image", &ListOfPictures::image)},
                                   .run = list_to_batch});
  table.add(
      NodeOf<OnePicture>{.name = "ImageBatchToList+",
                         .display = "Image Batch To List",
                         .category = "essentials/image batch",
                         .description = "Makes a list of a batch: the nodes that follow run once for each picture.",
                         .origin = kOrigin,
                         .inputs = {Link("image", &OnePicture::image)},
                         .run = batch_to_list});
  table.add(NodeOf<OnePicture>{.name = "ImageRemoveAlpha+",
                               .display = "Image Remove Alpha",
                               .category = "essentials/image utils",
                               .description = "Removes the alpha channel.",
                               .origin = kOrigin,
                               .inputs = {Link("image", &OnePicture::image)},
                               .run = [](const OnePicture& in) -> Results<Image> {
                                 if (in.image->dim(3) != 4) return {in.image};
                                 return {contiguous(in.image->slice(3, 0, 3))};
                               },
                               .foresee = [](const Known<OnePicture>& in, Call& call) -> Foreseen<Image> {
                                 const ForeseenPicture* known = in(&OnePicture::image);
                                 if (!known) return {};
                                 if (known->channels != 4) return {Handed{*call.linked("image")}};
                                 ForeseenPicture out = *known;
                                 out.channels = 3;
                                 return {out};
                               }});
  table.add(NodeOf<Desaturate>{
      .name = "ImageDesaturate+",
      .display = "Image Desaturate",
      .category = "essentials/image processing",
      .description = "Reduces the colourfulness of pictures.",
      .origin = kOrigin,
      .inputs = {Link("image", &Desaturate::image), Float("factor", &Desaturate::factor).range(0.0, 1.0).step(0.05),
                 Choice("method", &Desaturate::method,
                        {"luminance (Rec.709)", "luminance (Rec.601)", "average", "lightness"})},
      .run = desaturate,
      .foresee = like<Desaturate>(&Desaturate::image)});
}

// --- Values, latents ---

struct Number {
  double value = 0.0;
};
struct WholeNumber {
  int64_t value = 0;
};
struct YesOrNo {
  bool value = false;
};
struct OfLatent {
  Linked<Latent> samples;
};
struct Picker {
  std::string resolution = "1024x1024 (1.0)";
  int64_t batch_size = 1, width_override = 0, height_override = 0;
};

const std::vector<std::string>& resolutions() {
  static const std::vector<std::string> kSizes{
      "704x1408 (0.5)",  "704x1344 (0.52)", "768x1344 (0.57)", "768x1280 (0.6)",  "832x1216 (0.68)", "832x1152 (0.72)",
      "896x1152 (0.78)", "896x1088 (0.82)", "960x1088 (0.88)", "960x1024 (0.94)", "1024x1024 (1.0)", "1024x960 (1.07)",
      "1088x960 (1.13)", "1088x896 (1.21)", "1152x896 (1.29)", "1152x832 (1.38)", "1216x832 (1.46)", "1280x768 (1.67)",
      "1344x768 (1.75)", "1344x704 (1.91)", "1408x704 (2.0)",  "1472x704 (2.09)", "1536x640 (2.4)",  "1600x640 (2.5)",
      "1664x576 (2.89)", "1728x576 (3.0)"};
  return kSizes;
}

image::Size picked(const std::string& resolution, int64_t width, int64_t height) {
  const size_t cross = resolution.find('x');
  return {width > 0 ? width : std::stoll(resolution), height > 0 ? height : std::stoll(resolution.substr(cross + 1))};
}

Results<Latent, int64_t, int64_t> pick(const Picker& in) {
  const image::Size size = picked(in.resolution, in.width_override, in.height_override);
  const models::LatentFormat& format = models::default_latents();
  const int64_t least = format.factor;
  if (size.width < least || size.height < least)
    throw Error(Fault::kInvalid, "a latent needs sides of at least " + std::to_string(least) + " pixels")
        .at_input(size.width < least ? "width_override" : "height_override");
  return {empty_latent(latents_for(format, in.batch_size, size)), size.width, size.height};
}

Foreseen<Latent, int64_t, int64_t> foresee_pick(const Known<Picker>& in) {
  const image::Size size = picked(in(&Picker::resolution), in(&Picker::width_override), in(&Picker::height_override));
  return {latents_for(models::default_latents(), in(&Picker::batch_size), size), std::nullopt, std::nullopt};
}

Results<Latent> without_mask(const OfLatent& in) {
  Latent out = *in.samples;
  out.noise_mask = {};
  return {std::move(out)};
}

void add_number(Table& table, const char* name, const char* display, double least, double most) {
  table.add(NodeOf<Number>{.name = name,
                           .display = display,
                           .category = "essentials/utilities",
                           .description = "A number.",
                           .origin = kOrigin,
                           .inputs = {Float("value", &Number::value).range(least, most).step(0.05)},
                           .run = [](const Number& in) -> Results<double> { return {in.value}; }});
}

void add_values(Table& table) {
  constexpr double kFar = 18446744073709551615.0;
  add_number(table, "SimpleMathFloat+", "Simple Math Float", -kFar, kFar);
  add_number(table, "SimpleMathPercent+", "Simple Math Percent", 0.0, 1.0);
  table.add(NodeOf<WholeNumber>{.name = "SimpleMathInt+",
                                .display = "Simple Math Int",
                                .category = "essentials/utilities",
                                .description = "A whole number.",
                                .origin = kOrigin,
                                .inputs = {Int("value", &WholeNumber::value).range(-INT64_MAX, INT64_MAX).step(1)},
                                .run = [](const WholeNumber& in) -> Results<int64_t> { return {in.value}; }});
  table.add(NodeOf<YesOrNo>{.name = "SimpleMathBoolean+",
                            .display = "Simple Math Boolean",
                            .category = "essentials/utilities",
                            .description = "Yes or no.",
                            .origin = kOrigin,
                            .inputs = {Bool("value", &YesOrNo::value)},
                            .run = [](const YesOrNo& in) -> Results<bool> { return {in.value}; }});
  table.add(NodeOf<OfLatent>{.name = "RemoveLatentMask+",
                             .display = "Remove Latent Mask",
                             .category = "essentials/utilities",
                             .description = "Removes the noise mask of a latent.",
                             .origin = kOrigin,
                             .inputs = {Link("samples", &OfLatent::samples)},
                             .run = without_mask,
                             .foresee = like<OfLatent>(&OfLatent::samples)});
  table.add(NodeOf<Picker>{.name = "SDXLEmptyLatentSizePicker+",
                           .display = "SDXL Empty Latent Size Picker",
                           .category = "essentials/utilities",
                           .description = "Empty latents in one of the sizes that SDXL was trained on.",
                           .origin = kOrigin,
                           .inputs = {Choice("resolution", &Picker::resolution, resolutions()),
                                      Int("batch_size", &Picker::batch_size).range(1, 4096),
                                      Int("width_override", &Picker::width_override)
                                          .range(0, kMaxSide)
                                          .step(8)
                                          .added_later()
                                          .tip("0: as in the resolution."),
                                      Int("height_override", &Picker::height_override)
                                          .range(0, kMaxSide)
                                          .step(8)
                                          .added_later()
                                          .tip("0: as in the resolution.")},
                           .outputs = {{"LATENT"}, {"width"}, {"height"}},
                           .run = pick,
                           .foresee = foresee_pick});
}

}  // namespace

void register_essentials_nodes(Table& table) {
  add_masks(table);
  add_batches(table);
  add_values(table);
}

}  // namespace easel::nodes
