// Nodes that make empty latents, and operations on latents that need no model.
#include <algorithm>

#include "image/edit/composite.h"
#include "image/edit/latents.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

template <class P>
Input<P> pixels(const char* name, int64_t P::*member, int least) {
  return Int(name, member).range(least, kMaxSide).step(8);
}
template <class P>
Input<P> size(const char* name, int64_t P::*member, int least) {
  return pixels(name, member, least).useful(128, 1280, 64);
}

// A copy of the latent with other samples.
Results<Latent> with_samples(const Latent& from, Tensor samples) {
  Latent out = from;
  out.samples = std::move(samples);
  return {std::move(out)};
}

// Foresight of a node whose output shares the samples that come in.
template <class P>
auto same_samples(const char* input) {
  return [input](const Known<P>&, Call& call) -> Foreseen<Latent> {
    const Value* known = call.linked(input);
    if (!known) return {};
    return {Handed{*known}};
  };
}

// --- Empty latents and batches ---

struct Empty {
  int64_t width = 512, height = 512, batch_size = 1;
};

// Sizes are given in pixels, and there is no VAE that could say how many of them make a latent pixel.
ForeseenLatent empty_size(int64_t batch_size, int64_t height, int64_t width) {
  return latents_for(models::default_latents(), batch_size, {width, height});
}

Results<Latent> empty(const Empty& in) { return {empty_latent(empty_size(in.batch_size, in.height, in.width))}; }

Foreseen<Latent> foresee_empty(const Known<Empty>& in) {
  return {empty_size(in(&Empty::batch_size), in(&Empty::height), in(&Empty::width))};
}

// The latent's noise mask with as many masks as samples.
Tensor mask_per_sample(const Latent& in) {
  return in.noise_mask.dim(0) < in.samples.dim(0) ? image::fit_batch(in.noise_mask, in.samples.dim(0)) : in.noise_mask;
}

struct FromBatch {
  Linked<Latent> samples;
  int64_t batch_index = 0, length = 1;
};

Results<Latent> from_batch(const FromBatch& given) {
  const Latent& in = *given.samples;
  const int64_t first = std::min(in.samples.dim(0) - 1, given.batch_index);
  Latent out;
  out.format = in.format;
  out.samples = image::take_from_batch(in.samples, first, given.length);
  if (in.noise_mask.defined())
    out.noise_mask =
        in.noise_mask.dim(0) == 1 ? in.noise_mask : image::take_from_batch(mask_per_sample(in), first, given.length);
  for (int64_t i = first; i < first + out.samples.dim(0); ++i)
    out.batch_index.push_back(in.batch_index.empty() ? i : in.batch_index.at(static_cast<size_t>(i)));
  return {std::move(out)};
}

struct Repeat {
  Linked<Latent> samples;
  int64_t amount = 1;
};

Results<Latent> repeat(const Repeat& given) {
  const Latent& in = *given.samples;
  Latent out = in;
  out.samples = image::repeat_batch(in.samples, given.amount);
  if (in.noise_mask.defined() && in.noise_mask.dim(0) > 1)
    out.noise_mask = image::repeat_batch(mask_per_sample(in), given.amount);
  if (!in.batch_index.empty()) {
    const auto [least, most] = std::minmax_element(in.batch_index.begin(), in.batch_index.end());
    const int64_t offset = *most - *least + 1;
    for (int64_t i = 1; i < given.amount; ++i)
      for (const int64_t index : in.batch_index) out.batch_index.push_back(index + i * offset);
  }
  return {std::move(out)};
}

std::vector<int64_t> indices(const Latent& in) {
  if (!in.batch_index.empty()) return in.batch_index;
  std::vector<int64_t> out;
  for (int64_t i = 0; i < in.samples.dim(0); ++i) out.push_back(i);
  return out;
}

struct Pair {
  Linked<Latent> samples1, samples2;
};

Results<Latent> join(const Pair& in) {
  const Latent &a = *in.samples1, &b = *in.samples2;
  Latent out = a;
  out.samples = image::join_batches(a.samples, b.samples);
  out.batch_index = indices(a);
  const auto more = indices(b);
  out.batch_index.insert(out.batch_index.end(), more.begin(), more.end());
  return {std::move(out)};
}

struct SeedBehavior {
  Linked<Latent> samples;
  bool fixed = true;
};

// Gives every latent of a batch its own noise, or all of them the noise of the first.
Results<Latent> seed_behavior(const SeedBehavior& in) {
  Latent out = *in.samples;
  const int64_t first = out.batch_index.empty() ? 0 : out.batch_index.front();
  out.batch_index.clear();
  if (in.fixed) out.batch_index.assign(static_cast<size_t>(out.samples.dim(0)), first);
  return {std::move(out)};
}

void add_batches(Table& table) {
  table.add(NodeOf<Empty>{
      .name = "EmptyLatentImage",
      .display = "Empty Latent Image",
      .category = "latent",
      .description = "Makes empty latents, from which a sampler paints pictures.",
      .inputs = {size("width", &Empty::width, 16).tip("In pixels of the picture."),
                 size("height", &Empty::height, 16).tip("In pixels of the picture."),
                 Int("batch_size", &Empty::batch_size).range(1, 4096).useful(1, 8, 1).tip("How many pictures.")},
      .outputs = {{.tip = "The empty latents."}},
      .run = empty,
      .foresee = foresee_empty});
  table.add(NodeOf<FromBatch>{
      .name = "LatentFromBatch",
      .display = "Latent From Batch",
      .category = "latent/batch",
      .description = "Takes consecutive latents out of a batch; each keeps the noise that it gets in the batch.",
      .inputs = {Link("samples", &FromBatch::samples), Int("batch_index", &FromBatch::batch_index).range(0, 63),
                 Int("length", &FromBatch::length).range(1, 64).added_later()},
      .run = from_batch,
      .foresee = [](const Known<FromBatch>& in) -> Foreseen<Latent> {
        const ForeseenLatent* known = in(&FromBatch::samples);
        if (!known) return {};
        return {in_number(*known, part_of(known->count, in(&FromBatch::batch_index), in(&FromBatch::length)))};
      }});
  table.add(NodeOf<Repeat>{.name = "RepeatLatentBatch",
                           .display = "Repeat Latent Batch",
                           .category = "latent/batch",
                           .description = "Repeats a batch of latents; each copy gets noise of its own.",
                           .inputs = {Link("samples", &Repeat::samples), Int("amount", &Repeat::amount).range(1, 64)},
                           .run = repeat,
                           .foresee = [](const Known<Repeat>& in) -> Foreseen<Latent> {
                             const ForeseenLatent* known = in(&Repeat::samples);
                             if (!known) return {};
                             return {in_number(*known, known->count * in(&Repeat::amount))};
                           }});
  table.add(NodeOf<Pair>{.name = "LatentBatch",
                         .category = "latent/batch",
                         .description = "Joins two batches of latents; samples2 is resized to samples1.",
                         .inputs = {Link("samples1", &Pair::samples1), Link("samples2", &Pair::samples2)},
                         .run = join,
                         .foresee = [](const Known<Pair>& in) -> Foreseen<Latent> {
                           const ForeseenLatent *first = in(&Pair::samples1), *second = in(&Pair::samples2);
                           if (!first || !second) return {};
                           return {in_number(*first, first->count + second->count)};
                         }});
  table.add(NodeOf<SeedBehavior>{
      .name = "LatentBatchSeedBehavior",
      .category = "latent/advanced",
      .description = "Sets whether the latents of a batch get different noise or the same.",
      .inputs = {Link("samples", &SeedBehavior::samples),
                 Choice("seed_behavior", &SeedBehavior::fixed, {{"random", false}, {"fixed", true}})},
      .run = seed_behavior,
      .foresee = same_samples<SeedBehavior>("samples")});
}

// --- Shapes ---

struct Upscale {
  Linked<Latent> samples;
  std::string upscale_method;
  int64_t width = 512, height = 512;
  std::string crop = "disabled";
};

Results<Latent> upscale(const Upscale& in) {
  const Tensor& samples = in.samples->samples;
  const image::Size wanted{in.width, in.height};
  if (wanted.width == 0 && wanted.height == 0) return {in.samples};
  return with_samples(
      *in.samples,
      image::upscale(samples, image::scaled_latent_size(image::size_of(samples), wanted, format_of(*in.samples).factor),
                     image::resize_method(in.upscale_method), image::crop_mode(in.crop)));
}

Foreseen<Latent> foresee_upscaled(const Known<Upscale>& in) {
  const ForeseenLatent* known = in(&Upscale::samples);
  if (!known) return {};
  const image::Size wanted{in(&Upscale::width), in(&Upscale::height)};
  return {in_size(*known, image::scaled_latent_size(size_of(*known), wanted, known->factor))};
}

struct UpscaleBy {
  Linked<Latent> samples;
  std::string upscale_method;
  double scale_by = 1.5;
};

Results<Latent> upscale_by(const UpscaleBy& in) {
  const Tensor& samples = in.samples->samples;
  return with_samples(*in.samples, image::upscale(samples, image::scaled_by(image::size_of(samples), in.scale_by),
                                                  image::resize_method(in.upscale_method), image::CropMode::kDisabled));
}

struct Rotate {
  Linked<Latent> samples;
  int64_t quarters = 0;
};

Results<Latent> rotate(const Rotate& in) {
  return with_samples(*in.samples, image::rotate(in.samples->samples, in.quarters));
}

struct Flip {
  Linked<Latent> samples;
  image::Flip flip_method = image::Flip::kVertical;
};

Results<Latent> flip(const Flip& in) {
  return with_samples(*in.samples, image::flip(in.samples->samples, in.flip_method));
}

struct Crop {
  Linked<Latent> samples;
  int64_t width = 512, height = 512, x = 0, y = 0;
};

Results<Latent> crop(const Crop& in) {
  return with_samples(*in.samples, image::crop_latent(in.samples->samples, in.width, in.height, in.x, in.y,
                                                      format_of(*in.samples).factor));
}

Foreseen<Latent> foresee_cropped(const Known<Crop>& in) {
  const ForeseenLatent* known = in(&Crop::samples);
  if (!known) return {};
  const auto [x, y] = image::latent_corner(size_of(*known), in(&Crop::x), in(&Crop::y), known->factor);
  return {in_size(*known, {part_of(known->width, x, in(&Crop::width) / known->factor),
                           part_of(known->height, y, in(&Crop::height) / known->factor)})};
}

// The axis of [N,h,w,C] that a node calls x, y or t. As in ComfyUI, t means the channels for latents of pictures.
int axis_of(const std::string& name) {
  return name.find('x') != std::string::npos ? 2 : name.find('y') != std::string::npos ? 1 : 3;
}

struct Concat : Pair {
  std::string dim;
};

Results<Latent> concat(const Concat& in) {
  const Latent& a = *in.samples1;
  const Tensor b = image::fit_batch(in.samples2->samples, a.samples.dim(0));
  const int axis = axis_of(in.dim);
  for (int d = 1; d < 4; ++d)
    if (d != axis && a.samples.dim(d) != b.dim(d))
      throw Error(Fault::kMismatch, "latents of " + a.samples.shape().str() + " and " + b.shape().str() +
                                        " cannot be put together along " + in.dim)
          .fix("Bring them to one size first, with LatentUpscale or LatentCrop");
  return with_samples(a,
                      in.dim.starts_with('-') ? ops::concat({b, a.samples}, axis) : ops::concat({a.samples, b}, axis));
}

// The side of [N,h,w,C] that is meant, of what is foreseen.
int64_t& side_of(ForeseenLatent& latent, const std::string& dim) {
  const int axis = axis_of(dim);
  return axis == 2 ? latent.width : axis == 1 ? latent.height : latent.channels;
}

Foreseen<Latent> foresee_concat(const Known<Concat>& in) {
  const ForeseenLatent *first = in(&Pair::samples1), *second = in(&Pair::samples2);
  if (!first || !second) return {};
  ForeseenLatent out = *first, other = *second;
  side_of(out, in(&Concat::dim)) += side_of(other, in(&Concat::dim));
  return {out};
}

struct Cut {
  Linked<Latent> samples;
  std::string dim;
  int64_t index = 0, amount = 1;
};

// Which of so many are meant: a negative index counts from the end.
int64_t first_of(int64_t index, int64_t whole) {
  return index >= 0 ? std::min(index, whole - 1) : std::max(index, -whole) + whole;
}

Foreseen<Latent> foresee_cut(const Known<Cut>& in) {
  const ForeseenLatent* known = in(&Cut::samples);
  if (!known) return {};
  ForeseenLatent out = *known;
  int64_t& side = side_of(out, in(&Cut::dim));
  side = part_of(side, first_of(in(&Cut::index), side), in(&Cut::amount));
  return {out};
}

Results<Latent> cut_out(const Cut& in) {
  const Tensor& samples = in.samples->samples;
  const int axis = axis_of(in.dim);
  const int64_t size = samples.dim(axis);
  const int64_t index = first_of(in.index, size);
  return with_samples(*in.samples, clone(samples.slice(axis, index, std::min(size - index, in.amount))));
}

struct CutAll {
  Linked<Latent> samples;
  std::string dim;
  int64_t slice_size = 1;
};

// Pieces of equal size, what is left over at the end cut off. Channels are not cut, as in ComfyUI.
Results<Latent> cut_to_batch(const CutAll& in) {
  const Tensor& samples = in.samples->samples;
  const int axis = axis_of(in.dim);
  if (axis == 3) return {in.samples};
  const int64_t size = std::min(in.slice_size, samples.dim(axis));
  std::vector<Tensor> pieces;
  for (int64_t n = 0; n < samples.dim(0); ++n)
    for (int64_t at = 0; at + size <= samples.dim(axis); at += size)
      pieces.push_back(contiguous(samples.slice(0, n, 1).slice(axis, at, size)));
  return with_samples(*in.samples, ops::concat(pieces, 0));
}

Foreseen<Latent> foresee_cut_to_batch(const Known<CutAll>& in) {
  const ForeseenLatent* known = in(&CutAll::samples);
  if (!known) return {};
  ForeseenLatent out = *known;
  if (axis_of(in(&CutAll::dim)) == 3) return {out};
  int64_t& side = side_of(out, in(&CutAll::dim));
  const int64_t size = std::min(in(&CutAll::slice_size), side);
  out.count *= side / size;
  side = size;
  return {out};
}

void add_shapes(Table& table) {
  const std::vector<std::string> methods{"nearest-exact", "bilinear", "area", "bicubic", "bislerp"};
  table.add(NodeOf<Concat>{.name = "LatentConcat",
                           .category = "latent/advanced",
                           .description =
                               "Joins two latents side by side (x), one below the other (y), or by their channels (t); "
                               "with a minus, samples2 comes first.",
                           .inputs = {Link("samples1", &Concat::samples1), Link("samples2", &Concat::samples2),
                                      Choice("dim", &Concat::dim, {"x", "-x", "y", "-y", "t", "-t"})},
                           .run = concat,
                           .foresee = foresee_concat});
  table.add(NodeOf<Cut>{
      .name = "LatentCut",
      .category = "latent/advanced",
      .description = "Takes columns (x), rows (y) or channels (t) of a latent; a negative index counts from the end.",
      .inputs = {Link("samples", &Cut::samples), Choice("dim", &Cut::dim, {"x", "y", "t"}),
                 Int("index", &Cut::index).range(-kMaxSide, kMaxSide).step(1),
                 Int("amount", &Cut::amount).range(1, kMaxSide).step(1)},
      .run = cut_out,
      .foresee = foresee_cut});
  table.add(NodeOf<CutAll>{.name = "LatentCutToBatch",
                           .category = "latent/advanced",
                           .description = "Cuts latents into columns (x) or rows (y) of one size, as a batch.",
                           .inputs = {Link("samples", &CutAll::samples), Choice("dim", &CutAll::dim, {"t", "x", "y"}),
                                      Int("slice_size", &CutAll::slice_size).range(1, kMaxSide).step(1)},
                           .run = cut_to_batch,
                           .foresee = foresee_cut_to_batch});
  table.add(NodeOf<Upscale>{
      .name = "LatentUpscale",
      .display = "Upscale Latent",
      .category = "latent",
      .description = "Resizes latents for a picture of the given size in pixels.",
      .inputs = {Link("samples", &Upscale::samples), Choice("upscale_method", &Upscale::upscale_method, methods),
                 size("width", &Upscale::width, 0), size("height", &Upscale::height, 0),
                 Choice("crop", &Upscale::crop, {"disabled", "center"}).added_later()},
      .run = upscale,
      .foresee = foresee_upscaled});
  table.add(NodeOf<UpscaleBy>{
      .name = "LatentUpscaleBy",
      .display = "Upscale Latent By",
      .category = "latent",
      .description = "Scales latents by a factor.",
      .inputs = {Link("samples", &UpscaleBy::samples), Choice("upscale_method", &UpscaleBy::upscale_method, methods),
                 Float("scale_by", &UpscaleBy::scale_by).range(0.01, 8.0).step(0.01)},
      .run = upscale_by,
      .foresee = [](const Known<UpscaleBy>& in) -> Foreseen<Latent> {
        const ForeseenLatent* known = in(&UpscaleBy::samples);
        if (!known) return {};
        return {in_size(*known, image::scaled_by(size_of(*known), in(&UpscaleBy::scale_by)))};
      }});
  table.add(NodeOf<Rotate>{
      .name = "LatentRotate",
      .display = "Rotate Latent",
      .category = "latent/transform",
      .description = "Turns latents clockwise.",
      .inputs = {Link("samples", &Rotate::samples),
                 Choice("rotation", &Rotate::quarters,
                        {{"none", 0}, {"90 degrees", 1}, {"180 degrees", 2}, {"270 degrees", 3}})},
      .run = rotate,
      .foresee = [](const Known<Rotate>& in) -> Foreseen<Latent> {
        const ForeseenLatent* known = in(&Rotate::samples);
        if (!known) return {};
        return {in(&Rotate::quarters) % 2 == 0 ? *known : in_size(*known, {known->height, known->width})};
      }});
  table.add(NodeOf<Flip>{
      .name = "LatentFlip",
      .display = "Flip Latent",
      .category = "latent/transform",
      .description = "Mirrors latents.",
      .inputs = {Link("samples", &Flip::samples), Choice("flip_method", &Flip::flip_method,
                                                         {{"x-axis: vertically", image::Flip::kVertical},
                                                          {"y-axis: horizontally", image::Flip::kHorizontal}})},
      .run = flip,
      .foresee = like<Flip>(&Flip::samples)});
  table.add(
      NodeOf<Crop>{.name = "LatentCrop",
                   .display = "Crop Latent",
                   .category = "latent/transform",
                   .description = "Cuts a rectangle out of latents.",
                   .inputs = {Link("samples", &Crop::samples), size("width", &Crop::width, 64),
                              size("height", &Crop::height, 64), pixels("x", &Crop::x, 0), pixels("y", &Crop::y, 0)},
                   .run = crop,
                   .foresee = foresee_cropped});
}

// --- Mixing ---

struct Composite {
  Linked<Latent> samples_to, samples_from;
  int64_t x = 0, y = 0, feather = 0;
};

Results<Latent> composite_feathered(const Composite& in) {
  const image::Placement place{in.x, in.y, format_of(*in.samples_to).factor};
  return with_samples(*in.samples_to,
                      image::composite_feathered(in.samples_to->samples, in.samples_from->samples, place, in.feather));
}

struct CompositeMasked {
  Linked<Latent> destination, source;
  int64_t x = 0, y = 0;
  bool resize_source = false;
  MaybeLinked<Mask> mask;
};

Results<Latent> composite_masked(const CompositeMasked& in) {
  const image::Placement place{in.x, in.y, format_of(*in.destination).factor, in.resize_source};
  return with_samples(*in.destination, image::composite_masked(in.destination->samples, in.source->samples,
                                                               in.mask.value_or_empty(), place));
}

struct Blend : Pair {
  double blend_factor = 0.5;
};

struct Interpolate : Pair {
  double ratio = 1.0;
};

struct Multiply {
  Linked<Latent> samples;
  double multiplier = 1.0;
};

struct SetNoiseMask {
  Linked<Latent> samples;
  Linked<Mask> mask;
};

Results<Latent> set_noise_mask(const SetNoiseMask& in) {
  Latent out = *in.samples;
  out.noise_mask = *in.mask;
  return {std::move(out)};
}

void add_composites(Table& table) {
  table.add(NodeOf<Composite>{
      .name = "LatentComposite",
      .display = "Latent Composite",
      .category = "latent",
      .description = "Places latents on others, with soft edges if feather is above 0.",
      .inputs = {Link("samples_to", &Composite::samples_to), Link("samples_from", &Composite::samples_from),
                 pixels("x", &Composite::x, 0), pixels("y", &Composite::y, 0),
                 pixels("feather", &Composite::feather, 0).added_later()},
      .run = composite_feathered,
      .foresee = like<Composite>(&Composite::samples_to)});
  table.add(NodeOf<CompositeMasked>{
      .name = "LatentCompositeMasked",
      .category = "latent",
      .description = "Places latents on others where a mask is 1.",
      .inputs = {Link("destination", &CompositeMasked::destination), Link("source", &CompositeMasked::source),
                 pixels("x", &CompositeMasked::x, 0), pixels("y", &CompositeMasked::y, 0),
                 Bool("resize_source", &CompositeMasked::resize_source).added_later(),
                 Link("mask", &CompositeMasked::mask)},
      .run = composite_masked,
      .foresee = like<CompositeMasked>(&CompositeMasked::destination)});
  table.add(NodeOf<SetNoiseMask>{.name = "SetLatentNoiseMask",
                                 .display = "Set Latent Noise Mask",
                                 .category = "latent/inpaint",
                                 .description = "Sets the mask within which a sampler may change the picture.",
                                 .inputs = {Link("samples", &SetNoiseMask::samples), Link("mask", &SetNoiseMask::mask)},
                                 .run = set_noise_mask,
                                 .foresee = same_samples<SetNoiseMask>("samples")});
}

Input<Pair> first_input() { return Link("samples1", &Pair::samples1); }
Input<Pair> second_input() { return Link("samples2", &Pair::samples2); }

void add_arithmetic(Table& table) {
  table.add(NodeOf<Blend>{
      .name = "LatentBlend",
      .category = "_for_testing",
      .description = "Mixes two latents.",
      .inputs = {first_input(), second_input(), Float("blend_factor", &Blend::blend_factor).range(0.0, 1.0).step(0.01)},
      .run =
          [](const Blend& in) {
            return with_samples(*in.samples1,
                                image::blend_latents(in.samples1->samples, in.samples2->samples, in.blend_factor));
          },
      .foresee = [](const Known<Blend>& in) -> Foreseen<Latent> {
        const ForeseenLatent *first = in(&Pair::samples1), *second = in(&Pair::samples2);
        if (!first || !second) return {};
        return {in_number(*first, std::max(first->count, second->count))};
      }});
  table.add(NodeOf<Interpolate>{
      .name = "LatentInterpolate",
      .category = "latent/advanced",
      .description = "Interpolates between two latents, keeping their strength.",
      .inputs = {first_input(), second_input(), Float("ratio", &Interpolate::ratio).range(0.0, 1.0).step(0.01)},
      .run =
          [](const Interpolate& in) {
            return with_samples(*in.samples1,
                                image::interpolate_latents(in.samples1->samples, in.samples2->samples, in.ratio));
          },
      .foresee = like<Interpolate>(&Pair::samples1)});
  table.add(NodeOf<Pair>{.name = "LatentAdd",
                         .category = "latent/advanced",
                         .description = "Adds two latents.",
                         .inputs = {first_input(), second_input()},
                         .run =
                             [](const Pair& in) {
                               return with_samples(*in.samples1,
                                                   image::add_latents(in.samples1->samples, in.samples2->samples));
                             },
                         .foresee = like<Pair>(&Pair::samples1)});
  table.add(NodeOf<Pair>{.name = "LatentSubtract",
                         .category = "latent/advanced",
                         .description = "Subtracts samples2 from samples1.",
                         .inputs = {first_input(), second_input()},
                         .run =
                             [](const Pair& in) {
                               return with_samples(*in.samples1,
                                                   image::subtract_latents(in.samples1->samples, in.samples2->samples));
                             },
                         .foresee = like<Pair>(&Pair::samples1)});
  table.add(NodeOf<Multiply>{.name = "LatentMultiply",
                             .category = "latent/advanced",
                             .description = "Makes a latent stronger or weaker.",
                             .inputs = {Link("samples", &Multiply::samples),
                                        Float("multiplier", &Multiply::multiplier).range(-10.0, 10.0).step(0.01)},
                             .run =
                                 [](const Multiply& in) {
                                   return with_samples(*in.samples,
                                                       image::multiply_latent(in.samples->samples, in.multiplier));
                                 },
                             .foresee = like<Multiply>(&Multiply::samples)});
}

}  // namespace

void register_latent_nodes(Table& table) {
  add_batches(table);
  add_shapes(table);
  add_composites(table);
  add_arithmetic(table);
}

}  // namespace easel::nodes
