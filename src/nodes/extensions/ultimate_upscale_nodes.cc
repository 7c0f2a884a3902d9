// Ultimate SD Upscale (github.com/ssitu/ComfyUI_UltimateSDUpscale): a picture is enlarged and drawn anew tile by tile.
// Seams are not drawn again, and tiles are drawn one at a time.
#include <algorithm>
#include <cmath>

#include "image/edit/composite.h"
#include "image/edit/elementwise.h"
#include "image/edit/filters.h"
#include "image/edit/masks.h"
#include "image/scale/pillow.h"
#include "image/scale/resize.h"
#include "models/upscale/upscaler.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_run.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ModelHandle;
using models::UpscalerHandle;
using models::VaeHandle;

struct Tiled {
  Linked<Image> image;
  Linked<ModelHandle> model;
  Linked<Conditioning> positive, negative;
  Linked<VaeHandle> vae;
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 8.0, denoise = 0.2;
  std::string sampler_name, scheduler, mode_type;
  int64_t tile_width = 512, tile_height = 512, mask_blur = 8, tile_padding = 32;
  std::string seam_fix_mode;
  double seam_fix_denoise = 1.0;
  int64_t seam_fix_width = 64, seam_fix_mask_blur = 8, seam_fix_padding = 16;
  bool force_uniform_tiles = true, tiled_decode = false;
  int64_t batch_size = 1;
};
struct Enlarging : Tiled {
  double upscale_by = 2.0;
  Linked<UpscalerHandle> upscale_model;
};

void check_tiles(const Tiled& in) {
  if (in.seam_fix_mode != "None")
    throw Error(Fault::kInvalid, "drawing the seams between tiles again (" + in.seam_fix_mode + ") is not there")
        .at_input("seam_fix_mode")
        .fix("Choose None, and more tile_padding or mask_blur");
  if (in.batch_size != 1)
    throw Error(Fault::kInvalid, "tiles are drawn one at a time here").at_input("batch_size").fix("Use 1");
}

// A part of the picture, in pixels, without x2 and y2.
struct Region {
  int64_t x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  int64_t width() const { return x2 - x1; }
  int64_t height() const { return y2 - y1; }
};

int64_t to_multiple_of_8(double length) {
  return image::round_half_even(length / static_cast<double>(kSideStep)) * kSideStep;
}

// The side of a region, grown to `target`: half of what is missing behind it, the rest before it, then behind it again.
void grow(int64_t& begin, int64_t& end, int64_t limit, int64_t target) {
  const int64_t missing = target - (end - begin);
  const int64_t half = missing >= 0 ? missing / 2 : (missing - 1) / 2;  // Python's //
  end = std::min(end + half, limit);
  begin = std::max<int64_t>(begin - (target - (end - begin)), 0);
  end = std::min(end + (target - (end - begin)), limit);
}

struct Place {
  Region rectangle;  // what is to be drawn; Pillow's rectangles include their last row and column
  Region crop;       // what the model sees
  image::Size size;  // at which it sees it
};

Place place_of(const Tiled& in, image::Size canvas, int64_t column, int64_t row) {
  Place out;
  Region& r = out.rectangle;
  r = {column * in.tile_width, row * in.tile_height, 0, 0};
  r.x2 = std::min(r.x1 + in.tile_width + 1, canvas.width);
  r.y2 = std::min(r.y1 + in.tile_height + 1, canvas.height);
  Region& crop = out.crop;
  crop = {std::max<int64_t>(r.x1 - in.tile_padding, 0), std::max<int64_t>(r.y1 - in.tile_padding, 0),
          std::min(r.x2 + in.tile_padding, canvas.width), std::min(r.y2 + in.tile_padding, canvas.height)};
  if (crop.x2 < canvas.width) --crop.x2;
  if (crop.y2 < canvas.height) --crop.y2;
  int64_t width = crop.width(), height = crop.height();
  if (in.force_uniform_tiles) {
    out.size = {std::max<int64_t>(8, to_multiple_of_8(static_cast<double>(in.tile_width + in.tile_padding))),
                std::max<int64_t>(8, to_multiple_of_8(static_cast<double>(in.tile_height + in.tile_padding)))};
    const double ratio = static_cast<double>(out.size.width) / static_cast<double>(out.size.height);
    if (static_cast<double>(width) / static_cast<double>(height) > ratio)
      height = image::round_half_even(static_cast<double>(width) / ratio);
    else width = image::round_half_even(static_cast<double>(height) * ratio);
  } else {
    width = up_to_step(width);
    height = up_to_step(height);
    out.size = {width, height};
  }
  grow(crop.x1, crop.x2, canvas.width, width);
  grow(crop.y1, crop.y2, canvas.height, height);
  return out;
}

Tensor part(const Tensor& picture, const Region& r) {
  return contiguous(picture.slice(1, r.y1, r.height()).slice(2, r.x1, r.width()));
}

// The hints of a chain of ControlNets, cut as the tile is. Hints are of the canvas, in a size of their own.
models::ControlLinkPtr cropped(const models::ControlLinkPtr& link, const Place& place, image::Size canvas) {
  if (!link) return link;
  models::ControlLink out = *link;
  const int64_t width = out.hint.dim(2), height = out.hint.dim(1);
  const auto down = [](int64_t at, int64_t to, int64_t from) { return at * to / from; };
  const auto up = [](int64_t at, int64_t to, int64_t from) { return (at * to + from - 1) / from; };
  const Region r{down(place.crop.x1, width, canvas.width), down(place.crop.y1, height, canvas.height),
                 std::min(up(place.crop.x2, width, canvas.width), width),
                 std::min(up(place.crop.y2, height, canvas.height), height)};
  out.hint = image::resize(part(out.hint, r), place.size, image::ResizeMethod::kNearestExact);
  out.previous = cropped(link->previous, place, canvas);
  return std::make_shared<const models::ControlLink>(std::move(out));
}

Conditioning cropped(const Conditioning& list, const char* input, const Place& place, image::Size canvas) {
  Conditioning out = list;
  for (models::ConditioningEntry& entry : out) {
    if (entry.area || entry.mask.defined() || entry.concat_latent_image.defined())
      throw Error(Fault::kInvalid, "conditioning of a part of the picture is not there for tiles")
          .at_input(input)
          .fix("Take areas, masks and inpainting conditioning away for this node");
    entry.control = cropped(entry.control, place, canvas);
  }
  return out;
}

Tensor to_bytes(const Tensor& picture) {
  return image::map(picture, [](float v) { return std::floor(std::min(std::max(v, 0.0f), 1.0f) * 255.0f) / 255.0f; });
}

Tensor resized(const Tensor& picture, image::Size size) {
  if (picture.dim(2) == size.width && picture.dim(1) == size.height) return picture;
  return image::pillow_resize(picture, size, image::PillowFilter::kLanczos);
}

// Draws one tile of all pictures anew.
void draw(const Tiled& in, const Call& call, const Parts& parts, Tensor& canvas, const Place& place) {
  const image::Size size{canvas.dim(2), canvas.dim(1)};
  const Region& r = place.rectangle;
  Tensor mask = image::pad(image::as_picture(image::solid_mask(1.0, {r.width(), r.height()})),
                           {r.x1, r.y1, size.width - r.x2, size.height - r.y2}, 0.0f);
  if (in.mask_blur > 0) mask = image::pillow_blur(mask, static_cast<double>(in.mask_blur));
  const image::Size seen{place.crop.width(), place.crop.height()};
  const Value pixels = computed<Image>(resized(part(canvas, place.crop), place.size));
  const Value latent = parts.make("VAEEncode", {}, {{"pixels", pixels}, {"vae", in.vae.value()}})[0];
  const Value drawn =
      parts.make("KSampler", typed_of(call, {"seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"}),
                 {{"model", in.model.value()},
                  {"positive", computed<Conditioning>(cropped(*in.positive, "positive", place, size))},
                  {"negative", computed<Conditioning>(cropped(*in.negative, "negative", place, size))},
                  {"latent_image", latent}})[0];
  const Parts::Links links{{"samples", drawn}, {"vae", in.vae.value()}};
  const Value decoded =
      in.tiled_decode ? parts.make("VAEDecodeTiled", {{"tile_size", int64_t{512}}, {"overlap", int64_t{64}}}, links)[0]
                      : parts.make("VAEDecode", {}, links)[0];
  image::alpha_composite(canvas, resized(to_bytes(decoded.as<Tensor>()), seen), image::as_mask(mask), place.crop.x1,
                         place.crop.y1);
}

Results<Image> draw_tiles(const Tiled& in, Call& call, Tensor canvas) {
  if (in.mode_type == "None") return {std::move(canvas)};
  const Parts parts(call, Parts::Doing::kRun);
  const image::Size size{canvas.dim(2), canvas.dim(1)};
  const int64_t rows = (size.height + in.tile_height - 1) / in.tile_height;
  const int64_t columns = (size.width + in.tile_width - 1) / in.tile_width;
  const bool chess = in.mode_type == "Chess";
  int done = 0;
  // One colour of the board after the other, or all in one go.
  for (const int64_t colour : {0, 1}) {
    if (colour == 1 && !chess) break;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        if (chess && (row + column) % 2 != colour) continue;
        draw(in, call, parts, canvas, place_of(in, size, column, row));
        call.part_done(++done, static_cast<int>(rows * columns));
      }
  }
  return {std::move(canvas)};
}

image::Size canvas_size(image::Size picture, double factor) {
  const auto side = [&](int64_t length) { return to_multiple_of_8(static_cast<double>(length) * factor); };
  const image::Size out{side(picture.width), side(picture.height)};
  if (out.width < 8 || out.height < 8 || out.width > kMaxSide || out.height > kMaxSide)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(out.width) + "x" + std::to_string(out.height) +
                                     " is not between 8 and " + std::to_string(kMaxSide))
        .at_input("upscale_by");
  return out;
}

Results<Image> enlarge(const Enlarging& in, Call& call) {
  const image::Size size = canvas_size(image::size_of(*in.image), in.upscale_by);
  const int64_t longest = std::max(in.image->dim(1), in.image->dim(2));
  Tensor picture = *in.image;
  if (std::max(size.width, size.height) > longest)
    picture = Parts(call, Parts::Doing::kRun)
                  .make("ImageUpscaleWithModel", {},
                        {{"upscale_model", in.upscale_model.value()}, {"image", in.image.value()}})[0]
                  .as<Tensor>();
  return draw_tiles(in, call, resized(to_bytes(picture), size));
}

// Rounding to multiples of 8 may enlarge a picture by a few pixels, for which the original doubles it first.
Results<Image> keep(const Tiled& in, Call& call) {
  const image::Size size = canvas_size(image::size_of(*in.image), 1.0);
  const int64_t height = in.image->dim(1), width = in.image->dim(2);
  Tensor picture = to_bytes(*in.image);
  if (std::max(size.width, size.height) > std::max(width, height)) picture = resized(picture, {2 * width, 2 * height});
  return draw_tiles(in, call, resized(picture, size));
}

// Whatever the tiles are, the canvas has this size.
Foreseen<Image> foresee(const Known<Tiled>& in, double factor, Call& call) {
  foresee_sampling(in(&Tiled::model), in(&Tiled::positive), in(&Tiled::negative), nullptr, call);
  const ForeseenPicture* known = in(&Tiled::image);
  if (!known) return {};
  return {in_size(*known, canvas_size(size_of(*known), factor))};
}

Foreseen<Image> foresee_enlarged(const Known<Enlarging>& in, Call& call) {
  if (!call.awaits("upscale_by")) return foresee(in, in(&Enlarging::upscale_by), call);
  foresee_sampling(in(&Tiled::model), in(&Tiled::positive), in(&Tiled::negative), nullptr, call);
  return {};
}

Foreseen<Image> foresee_kept(const Known<Tiled>& in, Call& call) { return foresee(in, 1.0, call); }

Input<Tiled> pixels(const char* name, int64_t Tiled::*member, int least, int64_t most) {
  return Int(name, member).range(int64_t{least}, most).step(8);
}

// In the order of the original.
template <class P>
Inputs<P> with_tiles(Inputs<P> inputs) {
  return std::move(inputs).and_then(
      {Choice("mode_type", &Tiled::mode_type, {"Linear", "Chess", "None"}),
       pixels("tile_width", &Tiled::tile_width, 64, kMaxSide), pixels("tile_height", &Tiled::tile_height, 64, kMaxSide),
       Int("mask_blur", &Tiled::mask_blur).range(0, 64).step(1),
       pixels("tile_padding", &Tiled::tile_padding, 0, kMaxSide),
       Choice("seam_fix_mode", &Tiled::seam_fix_mode, {"None", "Band Pass", "Half Tile", "Half Tile + Intersections"}),
       Float("seam_fix_denoise", &Tiled::seam_fix_denoise).range(0.0, 1.0).step(0.01),
       pixels("seam_fix_width", &Tiled::seam_fix_width, 0, kMaxSide),
       Int("seam_fix_mask_blur", &Tiled::seam_fix_mask_blur).range(0, 64).step(1),
       pixels("seam_fix_padding", &Tiled::seam_fix_padding, 0, kMaxSide),
       Bool("force_uniform_tiles", &Tiled::force_uniform_tiles),
       Bool("tiled_decode", &Tiled::tiled_decode).added_later(),
       Int("batch_size", &Tiled::batch_size).range(1, 4096).step(1).added_later()});
}

template <class P>
Inputs<P> common_inputs(const char* image) {
  return {Link(image, &Tiled::image), Link("model", &Tiled::model), Link("positive", &Tiled::positive),
          Link("negative", &Tiled::negative), Link("vae", &Tiled::vae)};
}

template <class P>
Inputs<P> with_sampling(Inputs<P> inputs) {
  return std::move(inputs).and_then({Seed("seed", &Tiled::seed), Int("steps", &Tiled::steps).range(1, 10000).step(1),
                                     Float("cfg", &Tiled::cfg).range(0.0, 100.0),
                                     Choice("sampler_name", &Tiled::sampler_name, sampler_choices()),
                                     Choice("scheduler", &Tiled::scheduler, scheduler_choices()),
                                     Float("denoise", &Tiled::denoise).range(0.0, 1.0).step(0.01)});
}

}  // namespace

void register_ultimate_upscale_nodes(Table& table) {
  table.add(NodeOf<Enlarging>{
      .name = "UltimateSDUpscale",
      .display = "Ultimate SD Upscale",
      .category = "image/upscaling",
      .description = "Enlarges a picture with an upscale model and draws it anew tile by tile.",
      .origin = "ultimate-sd-upscale",
      .inputs = with_tiles(with_sampling(common_inputs<Enlarging>("image").and_then(
                                             {Float("upscale_by", &Enlarging::upscale_by).range(0.05, 4.0).step(0.05)}))
                               .and_then({Link("upscale_model", &Enlarging::upscale_model)})),
      .run = enlarge,
      .check = check_tiles,
      .foresee = foresee_enlarged});
  table.add(NodeOf<Tiled>{.name = "UltimateSDUpscaleNoUpscale",
                          .display = "Ultimate SD Upscale (No Upscale)",
                          .category = "image/upscaling",
                          .description = "Draws a picture anew tile by tile.",
                          .origin = "ultimate-sd-upscale",
                          .inputs = with_tiles(with_sampling(common_inputs<Tiled>("upscaled_image"))),
                          .run = keep,
                          .check = check_tiles,
                          .foresee = foresee_kept});
}

}  // namespace easel::nodes
