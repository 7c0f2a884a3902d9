// Nodes of ComfyUI-Inpaint-CropAndStitch (github.com/lquesada/ComfyUI-Inpaint-CropAndStitch): a picture cut out around
// its mask, and stitched back.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "image/inpaint/crop_stitch.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::nodes {

// What was cut out of each picture of a batch.
struct Stitcher {
  struct Part {
    image::Cut cut;
    Tensor blend;
  };
  std::vector<Part> parts;
  image::PillowFilter down = image::PillowFilter::kBilinear, up = image::PillowFilter::kBicubic;
};
// The pictures that come back.
struct ForeseenStitcher {
  ForeseenPicture picture;
};
template <>
struct LinkType<Stitcher> {
  static constexpr const char* kName = "STITCHER";
  using Held = Stitcher;
  using Foreseen = ForeseenStitcher;
  static size_t bytes(const Held& stitcher) {
    size_t total = 0;
    for (const Stitcher::Part& part : stitcher.parts) total += bytes_of(part.cut.canvas) + bytes_of(part.blend);
    return total;
  }
};

namespace {

using image::CropFlavour;
using image::PillowFilter;
using image::Size;

constexpr const char* kOrigin = "crop-and-stitch";
constexpr double kLeastGrowth = 1.01, kLeastFilter = 0.01;

enum class Preresize { kMinimum, kMaximum, kBoth };

struct Crop {
  Linked<Image> image;
  PillowFilter downscale_algorithm = PillowFilter::kBilinear, upscale_algorithm = PillowFilter::kBicubic;
  bool preresize = false;
  Preresize preresize_mode = Preresize::kMinimum;
  int64_t preresize_min_width = 1024, preresize_min_height = 1024;
  int64_t preresize_max_width = kMaxSide, preresize_max_height = kMaxSide;
  bool mask_fill_holes = true;
  int64_t mask_expand_pixels = 0;
  bool mask_invert = false;
  int64_t mask_blend_pixels = 32;
  double mask_hipass_filter = 0.1;
  bool extend_for_outpainting = false;
  double extend_up_factor = 1.0, extend_down_factor = 1.0, extend_left_factor = 1.0, extend_right_factor = 1.0;
  double context_from_mask_extend_factor = 1.2;
  bool output_resize_to_target_size = true;
  int64_t output_target_width = 512, output_target_height = 512, output_padding = 32;
  CropFlavour device_mode = CropFlavour::kCard;
  MaybeLinked<Mask> mask, optional_context_mask;
};

// One picture with its masks on its way through the steps.
struct Work {
  Tensor image, mask, context;
  Size size() const { return {image.dim(2), image.dim(1)}; }
};

int64_t cut_off(double value) { return static_cast<int64_t>(value); }
int64_t rounded_up(double value) { return static_cast<int64_t>(std::ceil(value)); }

// The size that the picture is brought to first; the same where it fits.
Size preresized(const Crop& in, Size now, PillowFilter& filter) {
  const auto w = static_cast<double>(now.width), h = static_cast<double>(now.height);
  const double up =
      std::max(static_cast<double>(in.preresize_min_width) / w, static_cast<double>(in.preresize_min_height) / h);
  const double down =
      std::min(static_cast<double>(in.preresize_max_width) / w, static_cast<double>(in.preresize_max_height) / h);
  const bool too_small = up > 1 && in.preresize_mode != Preresize::kMaximum;
  const bool too_large = down < 1 && in.preresize_mode != Preresize::kMinimum;
  if (!too_small && !too_large) return now;
  if (too_small && too_large)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(now.width) + "x" + std::to_string(now.height) +
                                     " cannot be brought between the least and the largest size")
        .at_input("preresize_mode");
  filter = too_small ? in.upscale_algorithm : in.downscale_algorithm;
  const Size out =
      too_small ? Size{rounded_up(w * up), rounded_up(h * up)} : Size{cut_off(w * down), cut_off(h * down)};
  const bool both = in.preresize_mode == Preresize::kBoth;
  if (both && (out.width < in.preresize_min_width || out.width > in.preresize_max_width ||
               out.height < in.preresize_min_height || out.height > in.preresize_max_height))
    throw Error(Fault::kInvalid, "the picture would become " + std::to_string(out.width) + "x" +
                                     std::to_string(out.height) + ", which is not between the two sizes")
        .at_input("preresize_mode");
  return out;
}

void preresize(const Crop& in, Work& work) {
  PillowFilter filter = in.upscale_algorithm;
  const Size size = preresized(in, work.size(), filter);
  if (size == work.size()) return;
  // The original takes a cheap filter for masks when it may make the picture smaller.
  const PillowFilter for_masks =
      in.preresize_mode == Preresize::kMinimum ? PillowFilter::kBilinear : PillowFilter::kNearest;
  work.image = image::pillow_resize(work.image, size, filter, image::Overflow::kWrap);
  work.mask = image::resized_mask(work.mask, size, for_masks);
  work.context = image::resized_mask(work.context, size, for_masks);
}

Size extended_size(const Crop& in, Size now) {
  const auto w = static_cast<double>(now.width), h = static_cast<double>(now.height);
  const Size size{cut_off(w * (1.0 + in.extend_left_factor - 1.0 + in.extend_right_factor - 1.0)),
                  cut_off(h * (1.0 + in.extend_up_factor - 1.0 + in.extend_down_factor - 1.0))};
  if (size.width < 1 || size.height < 1)
    throw Error(Fault::kInvalid, "nothing is left of the picture").at_input("extend_for_outpainting");
  return size;
}

void extend(const Crop& in, Work& work) {
  const Size now = work.size(), size = extended_size(in, now);
  const int64_t up = cut_off(static_cast<double>(now.height) * (in.extend_up_factor - 1.0));
  const int64_t left = cut_off(static_cast<double>(now.width) * (in.extend_left_factor - 1.0));
  work.image = image::extended(work.image, size, up, left);
  work.mask = image::extended_mask(work.mask, size, up, left, 1.0f);
  work.context = image::extended_mask(work.context, size, up, left, 0.0f);
}

Stitcher::Part crop_one(const Crop& in, Work work) {
  if (in.preresize) preresize(in, work);
  if (in.mask_fill_holes) work.mask = image::fill_enclosed_levels(work.mask);
  if (in.mask_expand_pixels > 0) work.mask = image::expand_mask(work.mask, in.mask_expand_pixels, in.device_mode);
  if (in.mask_invert) work.mask = image::as_mask(image::invert(image::as_picture(work.mask)));
  const double blur = static_cast<double>(in.mask_blend_pixels) * 0.5;
  if (in.mask_blend_pixels > 0)
    work.mask =
        image::blur_mask(image::expand_mask(work.mask, in.mask_blend_pixels, in.device_mode), blur, in.device_mode);
  if (in.mask_hipass_filter >= kLeastFilter) {
    work.mask = image::keep_from(work.mask, in.mask_hipass_filter);
    work.context = image::keep_from(work.context, in.mask_hipass_filter);
  }
  if (in.extend_for_outpainting) extend(in, work);

  const Size whole = work.size();
  image::Box box = image::bounds_of(work.mask);
  if (box.width == 0) box = {0, 0, whole.width, whole.height};
  if (in.context_from_mask_extend_factor >= kLeastGrowth)
    box = image::grown(box, in.context_from_mask_extend_factor, whole);
  box = image::around(box, image::bounds_of(work.context));
  const bool resize = in.output_resize_to_target_size;
  const image::CutSize wanted{
      .size = resize ? Size{in.output_target_width, in.output_target_height} : Size{box.width, box.height},
      .multiple = in.output_padding,
      .resize = resize,
      .down = in.downscale_algorithm,
      .up = in.upscale_algorithm};
  Stitcher::Part out{image::cut_out(work.image, work.mask, box, wanted), {}};
  out.blend = in.mask_blend_pixels > 0 ? image::blur_mask(out.cut.mask, blur, in.device_mode) : out.cut.mask;
  return out;
}

// A mask for each picture. One that selects nothing may have any size (LoadImage gives such for pictures without one).
Tensor masks_for(const MaybeLinked<Mask>& given, const Tensor& pixels, int64_t count, const char* input) {
  const int64_t h = pixels.dim(1), w = pixels.dim(2);
  if (!given) return Tensor::zeros({count, h, w});
  Tensor mask = *given;
  if (mask.dim(1) != h || mask.dim(2) != w) {
    const bool empty = ops::item(ops::reduce(mask, ops::Reduction::kMax, 0, -1)) == 0.0f &&
                       ops::item(ops::reduce(mask, ops::Reduction::kMin, 0, -1)) == 0.0f;
    if (!empty)
      throw Error(Fault::kMismatch, "is " + std::to_string(mask.dim(2)) + "x" + std::to_string(mask.dim(1)) +
                                        ", the picture " + std::to_string(w) + "x" + std::to_string(h))
          .at_input(input);
    mask = Tensor::zeros({mask.dim(0), h, w});
  }
  if (mask.dim(0) != 1 && mask.dim(0) != count)
    throw Error(Fault::kMismatch, std::to_string(mask.dim(0)) + " masks for " + std::to_string(count) + " pictures")
        .at_input(input);
  return mask;
}

Tensor at(const Tensor& batch, int64_t i) { return contiguous(batch.slice(0, batch.dim(0) == 1 ? 0 : i, 1)); }

Results<Stitcher, Image, Mask> crop(const Crop& in, Call& call) {
  const Tensor& pixels = *in.image;
  const int64_t count = pixels.dim(0) == 1 && in.mask ? in.mask->dim(0) : pixels.dim(0);
  if (pixels.dim(0) > 1 && !in.output_resize_to_target_size)
    throw Error(Fault::kInvalid, "several pictures must come out in one size")
        .at_input("output_resize_to_target_size")
        .fix("Switch it on");
  const Tensor masks = masks_for(in.mask, pixels, count, "mask");
  const Tensor contexts = masks_for(in.optional_context_mask, pixels, count, "optional_context_mask");
  Stitcher stitcher{.parts = {}, .down = in.downscale_algorithm, .up = in.upscale_algorithm};
  std::vector<Tensor> images, cut_masks;
  for (int64_t i = 0; i < count; ++i) {
    call.check_cancelled();
    stitcher.parts.push_back(crop_one(in, {at(pixels, i), at(masks, i), at(contexts, i)}));
    const image::Cut& cut = stitcher.parts.back().cut;
    if (i > 0 && !(cut.image.shape() == images.front().shape()))
      throw Error(Fault::kInvalid, "what is around the masks differs in size")
          .at_input("output_resize_to_target_size")
          .fix("Switch it on");
    images.push_back(cut.image);
    cut_masks.push_back(cut.mask);
  }
  return {std::move(stitcher), ops::concat(images, 0), ops::concat(cut_masks, 0)};
}

// The size of the picture that comes back: brought to a size first, and extended.
Size size_back(const Known<Crop>& in, Size now) {
  Crop values;
  values.preresize_mode = in(&Crop::preresize_mode);
  values.preresize_min_width = in(&Crop::preresize_min_width);
  values.preresize_min_height = in(&Crop::preresize_min_height);
  values.preresize_max_width = in(&Crop::preresize_max_width);
  values.preresize_max_height = in(&Crop::preresize_max_height);
  values.extend_up_factor = in(&Crop::extend_up_factor);
  values.extend_down_factor = in(&Crop::extend_down_factor);
  values.extend_left_factor = in(&Crop::extend_left_factor);
  values.extend_right_factor = in(&Crop::extend_right_factor);
  PillowFilter filter{};
  if (in(&Crop::preresize)) now = preresized(values, now, filter);
  return in(&Crop::extend_for_outpainting) ? extended_size(values, now) : now;
}

Foreseen<Stitcher, Image, Mask> foresee_crop(const Known<Crop>& in, Call& call) {
  const ForeseenPicture* known = in(&Crop::image);
  const ForeseenMask* mask = in(&Crop::mask);
  // A single picture is cut once for each mask.
  if (!known || (known->count == 1 && call.awaits("mask"))) return {};
  for (const char* input : {"preresize", "preresize_mode", "preresize_min_width", "preresize_min_height",
                            "preresize_max_width", "preresize_max_height", "extend_for_outpainting", "extend_up_factor",
                            "extend_down_factor", "extend_left_factor", "extend_right_factor"})
    if (call.awaits(input)) return {};  // the stitcher's size follows from it, of which only this node knows
  ForeseenPicture back = in_size(*known, size_back(in, size_of(*known)));
  if (mask) back.count = std::max(back.count, mask->count);
  if (!in(&Crop::output_resize_to_target_size)) return {ForeseenStitcher{back}, std::nullopt, std::nullopt};
  const Size target{in(&Crop::output_target_width), in(&Crop::output_target_height)};
  const ForeseenPicture out = in_size(back, image::next_multiple(target, in(&Crop::output_padding)));
  return {ForeseenStitcher{back}, out, mask_of(out)};
}

void check_crop(const Crop& in) {
  if (in.preresize && in.preresize_mode == Preresize::kBoth &&
      (in.preresize_max_width < in.preresize_min_width || in.preresize_max_height < in.preresize_min_height))
    throw Error(Fault::kInvalid, "the largest size is below the least").at_input("preresize_max_width");
}

struct Stitch {
  Linked<Stitcher> stitcher;
  Linked<Image> inpainted_image;
};

Results<Image> stitch(const Stitch& in, Call& call) {
  const Stitcher& stitcher = *in.stitcher;
  const int64_t count = in.inpainted_image->dim(0), parts = std::ssize(stitcher.parts);
  if (parts != count && parts != 1)
    throw Error(Fault::kMismatch,
                std::to_string(count) + " pictures for " + std::to_string(parts) + " that were cut out")
        .at_input("inpainted_image");
  std::vector<Tensor> out;
  for (int64_t i = 0; i < count; ++i) {
    call.check_cancelled();
    const Stitcher::Part& part = stitcher.parts[static_cast<size_t>(parts == 1 ? 0 : i)];
    out.push_back(image::stitched(part.cut, at(*in.inpainted_image, i), part.blend, stitcher.down, stitcher.up));
  }
  return {ops::concat(out, 0)};
}

Foreseen<Image> foresee_stitch(const Known<Stitch>& in) {
  const ForeseenStitcher* stitcher = in(&Stitch::stitcher);
  const ForeseenPicture* painted = in(&Stitch::inpainted_image);
  if (!stitcher || !painted) return {};
  return {in_number(stitcher->picture, painted->count)};
}

Input<Crop> filter(const char* name, PillowFilter Crop::*member) {
  return Choice(name, member,
                {{"nearest", PillowFilter::kNearest},
                 {"bilinear", PillowFilter::kBilinear},
                 {"bicubic", PillowFilter::kBicubic},
                 {"lanczos", PillowFilter::kLanczos},
                 {"box", PillowFilter::kBox},
                 {"hamming", PillowFilter::kHamming}});
}
Input<Crop> side(const char* name, int64_t Crop::*member, int least = 0) {
  return Int(name, member).range(least, kMaxSide).step(1);
}
Input<Crop> factor(const char* name, double Crop::*member) {
  return Float(name, member).range(0.01, 100.0).step(0.01).useful(1, 3, 0.05);
}

}  // namespace

void register_crop_stitch_nodes(Table& table) {
  table.add(NodeOf<Crop>{
      .name = "InpaintCropImproved",
      .display = "Inpaint Crop Improved",
      .category = "inpaint",
      .description = "Cuts out what is around a mask, in a size for the sampler, for Inpaint Stitch to lay it back.",
      .origin = kOrigin,
      .inputs = {Link("image", &Crop::image),
                 filter("downscale_algorithm", &Crop::downscale_algorithm),
                 filter("upscale_algorithm", &Crop::upscale_algorithm),
                 Bool("preresize", &Crop::preresize).tip("Brings the whole picture to a size first."),
                 Choice("preresize_mode", &Crop::preresize_mode,
                        {{"ensure minimum resolution", Preresize::kMinimum},
                         {"ensure maximum resolution", Preresize::kMaximum},
                         {"ensure minimum and maximum resolution", Preresize::kBoth}}),
                 side("preresize_min_width", &Crop::preresize_min_width),
                 side("preresize_min_height", &Crop::preresize_min_height),
                 side("preresize_max_width", &Crop::preresize_max_width),
                 side("preresize_max_height", &Crop::preresize_max_height),
                 Bool("mask_fill_holes", &Crop::mask_fill_holes).tip("Selects what the mask encloses as well."),
                 side("mask_expand_pixels", &Crop::mask_expand_pixels),
                 Bool("mask_invert", &Crop::mask_invert),
                 Int("mask_blend_pixels", &Crop::mask_blend_pixels)
                     .range(0, 64)
                     .step(1)
                     .tip("Over how many pixels the result fades into the picture."),
                 Float("mask_hipass_filter", &Crop::mask_hipass_filter)
                     .range(0, 1)
                     .step(0.01)
                     .tip("What is selected by less than this counts as not selected."),
                 Bool("extend_for_outpainting", &Crop::extend_for_outpainting),
                 factor("extend_up_factor", &Crop::extend_up_factor),
                 factor("extend_down_factor", &Crop::extend_down_factor),
                 factor("extend_left_factor", &Crop::extend_left_factor),
                 factor("extend_right_factor", &Crop::extend_right_factor),
                 Float("context_from_mask_extend_factor", &Crop::context_from_mask_extend_factor)
                     .range(1.0, 100.0)
                     .step(0.01)
                     .useful(1, 3, 0.05)
                     .tip("How much is cut out, in sizes of what is selected."),
                 Bool("output_resize_to_target_size", &Crop::output_resize_to_target_size),
                 side("output_target_width", &Crop::output_target_width, 64),
                 side("output_target_height", &Crop::output_target_height, 64),
                 Choice("output_padding", &Crop::output_padding,
                        {{"0", int64_t{0}},
                         {"8", int64_t{8}},
                         {"16", int64_t{16}},
                         {"32", int64_t{32}},
                         {"64", int64_t{64}},
                         {"128", int64_t{128}},
                         {"256", int64_t{256}},
                         {"512", int64_t{512}}}),
                 Choice("device_mode", &Crop::device_mode,
                        {{"cpu (compatible)", CropFlavour::kProcessor}, {"gpu (much faster)", CropFlavour::kCard}})
                     .added_later()
                     .tip("Which of the original's two ways of growing and blurring masks is followed; both are "
                          "computed on the processor."),
                 Link("mask", &Crop::mask),
                 Link("optional_context_mask", &Crop::optional_context_mask)},
      .outputs = {{"stitcher"}, {"cropped_image"}, {"cropped_mask"}},
      .run = crop,
      .check = check_crop,
      .foresee = foresee_crop});
  table.add(
      NodeOf<Stitch>{.name = "InpaintStitchImproved",
                     .display = "Inpaint Stitch Improved",
                     .category = "inpaint",
                     .description = "Lays a painted cut-out back into the picture that it comes from.",
                     .origin = kOrigin,
                     .inputs = {Link("stitcher", &Stitch::stitcher), Link("inpainted_image", &Stitch::inpainted_image)},
                     .outputs = {{"image"}},
                     .run = stitch,
                     .foresee = foresee_stitch});
}

}  // namespace easel::nodes
