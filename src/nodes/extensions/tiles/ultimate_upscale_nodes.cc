// Ultimate SD Upscale (github.com/ssitu/ComfyUI_UltimateSDUpscale): a picture is enlarged and drawn anew tile by tile.
// Tiles are drawn one at a time.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "image/edit/composite.h"
#include "image/edit/elementwise.h"
#include "image/edit/filters.h"
#include "image/edit/masks.h"
#include "image/inpaint/seam_masks.h"
#include "image/scale/pillow.h"
#include "image/scale/resize.h"
#include "models/upscale/upscaler.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_run.h"
#include "nodes/common/sampling_values.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/tiles/tile_conditioning.h"

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
};
struct WithModel : Enlarging {
  Linked<UpscalerHandle> upscale_model;
};
struct Custom : Enlarging {
  MaybeLinked<UpscalerHandle> upscale_model;
  MaybeLinked<SamplerChoice> custom_sampler;
  MaybeLinked<Sigmas> custom_sigmas;
};

void check_tiles(const Tiled& in) {
  if (in.seam_fix_mode == "Band Pass" && in.seam_fix_width == 0)
    throw Error(Fault::kInvalid, "a band of no width cannot be drawn again")
        .at_input("seam_fix_width")
        .fix("Use 8 or more");
  if (in.batch_size != 1)
    throw Error(Fault::kInvalid, "tiles are drawn one at a time here").at_input("batch_size").fix("Use 1");
}

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

// What is to be drawn: a mask of the canvas, what of it is not black, and how.
struct Work {
  Tensor mask;    // [1,H,W,1], before it is blurred
  Region region;  // Pillow's rectangles include their last row and column
  int64_t padding = 0, blur = 0;
  image::Size size;  // at which the model sees it, where all tiles are of one size
};

TileCut cut_of(const Tiled& in, const Work& work, image::Size first, image::Size canvas) {
  TileCut out{.crop = {}, .size = work.size, .first = first, .canvas = canvas};
  Region& crop = out.crop;
  const Region& r = work.region;
  crop = {std::max<int64_t>(r.x1 - work.padding, 0), std::max<int64_t>(r.y1 - work.padding, 0),
          std::min(r.x2 + work.padding, canvas.width), std::min(r.y2 + work.padding, canvas.height)};
  if (crop.x2 < canvas.width) --crop.x2;
  if (crop.y2 < canvas.height) --crop.y2;
  int64_t width = crop.width(), height = crop.height();
  if (in.force_uniform_tiles) {
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

Work tile_at(const Tiled& in, image::Size canvas, int64_t column, int64_t row) {
  Work out{.mask = {},
           .region = {column * in.tile_width, row * in.tile_height, 0, 0},
           .padding = in.tile_padding,
           .blur = in.mask_blur,
           .size = {}};
  Region& r = out.region;
  r.x2 = std::min(r.x1 + in.tile_width + 1, canvas.width);
  r.y2 = std::min(r.y1 + in.tile_height + 1, canvas.height);
  out.mask = image::pad(image::as_picture(image::solid_mask(1.0, {r.width(), r.height()})),
                        {r.x1, r.y1, canvas.width - r.x2, canvas.height - r.y2}, 0.0f);
  const auto side = [&](int64_t tile) {
    return std::max<int64_t>(8, to_multiple_of_8(static_cast<double>(tile + in.tile_padding)));
  };
  out.size = {side(in.tile_width), side(in.tile_height)};
  return out;
}

Work seam_at(const Tensor& seam, image::Size canvas, int64_t x, int64_t y, int64_t padding, int64_t blur,
             image::Size size) {
  Work out{.mask = image::placed(seam, canvas, x, y), .region = {}, .padding = padding, .blur = blur, .size = size};
  const image::Bounds b = image::bounds(out.mask);
  out.region = {b.x1, b.y1, b.x2, b.y2};
  return out;
}

Tensor to_bytes(const Tensor& picture) {
  return image::map(picture, [](float v) { return std::floor(std::min(std::max(v, 0.0f), 1.0f) * 255.0f) / 255.0f; });
}

Tensor resized(const Tensor& picture, image::Size size) {
  if (picture.dim(2) == size.width && picture.dim(1) == size.height) return picture;
  return image::pillow_resize(picture, size, image::PillowFilter::kLanczos);
}

// Draws parts of all pictures anew.
class Drawing {
 public:
  // `first`: the size of the picture before it was enlarged.
  Drawing(const Tiled& in, Call& call, Tensor canvas, image::Size first)
      : in_(in), call_(call), parts_(call, Parts::Doing::kRun), canvas_(std::move(canvas)), first_(first) {
    size_ = {canvas_.dim(2), canvas_.dim(1)};
    rows_ = (size_.height + in.tile_height - 1) / in.tile_height;
    columns_ = (size_.width + in.tile_width - 1) / in.tile_width;
  }

  Tensor result() && {
    count();
    tiles();
    if (in_.seam_fix_mode == "Band Pass") bands();
    else if (in_.seam_fix_mode != "None") half_tiles();
    return std::move(canvas_);
  }

 private:
  void count() {
    const int64_t tall = (rows_ - 1) * columns_ + rows_ * (columns_ - 1), crossings = (rows_ - 1) * (columns_ - 1);
    if (in_.mode_type != "None") total_ += rows_ * columns_;
    if (in_.seam_fix_mode == "Band Pass") total_ += rows_ + columns_ - 2;
    else if (in_.seam_fix_mode != "None") total_ += tall + (with_crossings() ? crossings : 0);
  }
  bool with_crossings() const { return in_.seam_fix_mode == "Half Tile + Intersections"; }

  // One colour of the board after the other, or all in one go.
  void tiles() {
    if (in_.mode_type == "None") return;
    const bool chess = in_.mode_type == "Chess";
    for (const int64_t colour : {0, 1}) {
      if (colour == 1 && !chess) break;
      for (int64_t row = 0; row < rows_; ++row)
        for (int64_t column = 0; column < columns_; ++column)
          if (!chess || (row + column) % 2 == colour) draw(tile_at(in_, size_, column, row));
    }
  }

  // A band along each line between tiles, over the whole picture.
  void bands() {
    const int64_t width = in_.seam_fix_width, whole = width + 2 * in_.seam_fix_padding;
    const Tensor standing = image::band_seam({width, size_.height}, true);
    for (int64_t column = 1; column < columns_; ++column)
      draw(seam_at(standing, size_, column * in_.tile_width - width / 2, 0, in_.seam_fix_padding, 0,
                   {whole, size_.height}));
    const Tensor lying = image::band_seam({size_.width, width}, false);
    for (int64_t row = 1; row < rows_; ++row)
      draw(seam_at(lying, size_, 0, row * in_.tile_height - width / 2, in_.seam_fix_padding, 0, {size_.width, whole}));
  }

  // Tiles whose middles are the lines between tiles, and then those whose middles are the crossings of lines.
  void half_tiles() {
    const image::Size tile{in_.tile_width, in_.tile_height};
    const int64_t right = tile.width / 2, down = tile.height / 2;
    const auto draw_all = [&](const Tensor& seam, int64_t rows, int64_t columns, int64_t x, int64_t y,
                              int64_t padding) {
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column)
          draw(seam_at(seam, size_, column * tile.width + x, row * tile.height + y, padding, in_.seam_fix_mask_blur,
                       tile));
    };
    draw_all(image::row_seam(tile), rows_ - 1, columns_, 0, down, in_.seam_fix_padding);
    draw_all(image::column_seam(tile), rows_, columns_ - 1, right, 0, in_.seam_fix_padding);
    if (with_crossings()) draw_all(image::crossing_seam(tile), rows_ - 1, columns_ - 1, right, down, 0);
  }

  void draw(const Work& work) {
    const TileCut cut = cut_of(in_, work, first_, size_);
    const Tensor mask = work.blur > 0 ? image::pillow_blur(work.mask, static_cast<double>(work.blur)) : work.mask;
    const Value pixels = computed<Image>(resized(part(canvas_, cut.crop), cut.size));
    const Value latent = parts_.make("VAEEncode", {}, {{"pixels", pixels}, {"vae", in_.vae.value()}})[0];
    const Parts::Links links{{"samples", sampled(cut, latent)}, {"vae", in_.vae.value()}};
    const Value decoded =
        in_.tiled_decode
            ? parts_.make("VAEDecodeTiled", {{"tile_size", int64_t{512}}, {"overlap", int64_t{64}}}, links)[0]
            : parts_.make("VAEDecode", {}, links)[0];
    image::alpha_composite(canvas_, resized(to_bytes(decoded.as<Tensor>()), {cut.crop.width(), cut.crop.height()}),
                           image::as_mask(mask), cut.crop.x1, cut.crop.y1);
    call_.part_done(++done_, static_cast<int>(total_));
  }

  Value sampled(const TileCut& cut, const Value& latent) const {
    Parts::Links links{{"model", in_.model.value()},
                       {"positive", computed<Conditioning>(for_tile(*in_.positive, "positive", cut))},
                       {"negative", computed<Conditioning>(for_tile(*in_.negative, "negative", cut))},
                       {"latent_image", latent}};
    const Value sampler = value_of(call_, "custom_sampler"), sigmas = value_of(call_, "custom_sigmas");
    if (sampler.empty() || sigmas.empty())
      return parts_.make("KSampler", typed_of(call_, {"seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"}),
                         links)[0];
    links["sampler"] = sampler;
    links["sigmas"] = sigmas;
    return parts_.make("SamplerCustom", {{"add_noise", true}, {"noise_seed", in_.seed}, {"cfg", in_.cfg}}, links)[0];
  }

  const Tiled& in_;
  Call& call_;
  Parts parts_;
  Tensor canvas_;
  image::Size first_, size_;
  int64_t rows_ = 0, columns_ = 0, total_ = 0;
  int done_ = 0;
};

Results<Image> draw_parts(const Tiled& in, Call& call, Tensor canvas, image::Size first) {
  return {Drawing(in, call, std::move(canvas), first).result()};
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

// By which whole factors the original enlarges a picture without a network, before it is brought to its size.
std::vector<int64_t> factors_of(int64_t factor) {
  const auto one = [](int64_t n) -> int64_t {
    return n == 1 ? 2 : n % 4 == 0 ? 4 : n % 3 == 0 ? 3 : n % 2 == 0 ? 2 : 0;
  };
  while (one(factor) == 0) ++factor;
  std::vector<int64_t> out;
  for (int64_t at = 1; at < factor; at *= out.back()) {
    out.push_back(one(factor / at));
    if (out.back() == 0) break;
  }
  return out;
}

// Without a network; of a batch only the first picture takes the way over whole factors.
Tensor enlarged_plainly(const Tensor& picture, image::Size size) {
  const Tensor bytes = to_bytes(picture);
  Tensor first = contiguous(bytes.slice(0, 0, 1));
  const int64_t longest = std::max(picture.dim(1), picture.dim(2)), wanted = std::max(size.width, size.height);
  for (const int64_t factor : factors_of((wanted + longest - 1) / longest))
    first = resized(first, {first.dim(2) * factor, first.dim(1) * factor});
  first = resized(first, size);
  if (bytes.dim(0) == 1) return first;
  return image::concatenate(first, resized(contiguous(bytes.slice(0, 1, bytes.dim(0) - 1)), size));
}

Results<Image> enlarge(const Enlarging& in, Call& call) {
  const image::Size first = image::size_of(*in.image), size = canvas_size(first, in.upscale_by);
  const Value model = value_of(call, "upscale_model");
  if (model.empty()) return draw_parts(in, call, enlarged_plainly(*in.image, size), first);
  Tensor picture = *in.image;
  if (std::max(size.width, size.height) > std::max(first.width, first.height))
    picture = Parts(call, Parts::Doing::kRun)
                  .make("ImageUpscaleWithModel", {}, {{"upscale_model", model}, {"image", in.image.value()}})[0]
                  .as<Tensor>();
  return draw_parts(in, call, resized(to_bytes(picture), size), first);
}

// Rounding to multiples of 8 may enlarge a picture by a few pixels, for which the original doubles it first.
Results<Image> keep(const Tiled& in, Call& call) {
  const image::Size first = image::size_of(*in.image);
  return draw_parts(in, call, enlarged_plainly(*in.image, canvas_size(first, 1.0)), first);
}

Results<Image> enlarge_custom(const Custom& in, Call& call) {
  if (static_cast<bool>(in.custom_sampler) != static_cast<bool>(in.custom_sigmas))
    call.warn("custom_sampler and custom_sigmas go together; with one of them, sampler_name and scheduler are used");
  return enlarge(in, call);
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
       Float("seam_fix_denoise", &Tiled::seam_fix_denoise)
           .range(0.0, 1.0)
           .step(0.01)
           .tip("Has no effect, as in the original: seams are drawn with denoise."),
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
  const auto first_inputs = []<class P>(const Inputs<P>*) {
    return with_sampling(
        common_inputs<P>("image").and_then({Float("upscale_by", &Enlarging::upscale_by).range(0.05, 4.0).step(0.05)}));
  };
  table.add(NodeOf<WithModel>{.name = "UltimateSDUpscale",
                              .display = "Ultimate SD Upscale",
                              .category = "image/upscaling",
                              .description = "Enlarges a picture with an upscale model and draws it anew tile by tile.",
                              .origin = "ultimate-sd-upscale",
                              .inputs = with_tiles(first_inputs(static_cast<const Inputs<WithModel>*>(nullptr))
                                                       .and_then({Link("upscale_model", &WithModel::upscale_model)})),
                              .run = enlarge,
                              .check = check_tiles,
                              .foresee = foresee_enlarged});
  table.add(NodeOf<Custom>{
      .name = "UltimateSDUpscaleCustomSample",
      .display = "Ultimate SD Upscale (Custom Sample)",
      .category = "image/upscaling",
      .description = "The same, with or without an upscale model, and with a sampler and noise levels of one's own.",
      .origin = "ultimate-sd-upscale",
      .inputs =
          with_tiles(first_inputs(static_cast<const Inputs<Custom>*>(nullptr)))
              .and_then({Link("upscale_model", &Custom::upscale_model), Link("custom_sampler", &Custom::custom_sampler),
                         Link("custom_sigmas", &Custom::custom_sigmas)}),
      .run = enlarge_custom,
      .check = check_tiles,
      .foresee = [](const Known<Custom>& in, Call& call) { return foresee_enlarged(in, call); }});
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
