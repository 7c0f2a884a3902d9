// Latents: empty ones, and everything done to them without a model.
#include <algorithm>

#include "image/edit/composite.h"
#include "image/edit/latents.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/latents.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

constexpr int kMaxSide = 16384;

const std::vector<std::string> kMethods{"nearest-exact", "bilinear", "area", "bicubic", "bislerp"};
const std::vector<std::string> kCrops{"disabled", "center"};

In pixels(const char* name, int value, int least) { return Int(name).def(value).range(least, kMaxSide).step(8); }

// What EmptyLatentImage makes: pictures are given in pixels, and no VAE says how many make a latent pixel.
ForeseenLatent empty_size(Call& call) {
  const int64_t factor = models::default_latents().factor;
  return {call.integer("batch_size"), call.integer("height") / factor, call.integer("width") / factor};
}

// The latent with other samples, all else kept.
Outputs with_samples(const Latent& from, Tensor samples) {
  Latent out = from;
  out.samples = std::move(samples);
  return {latent(std::move(out))};
}

// One mask per sample.
Tensor mask_per_sample(const Latent& in) {
  return in.noise_mask.dim(0) < in.samples.dim(0) ? image::fit_batch(in.noise_mask, in.samples.dim(0)) : in.noise_mask;
}

Outputs from_batch(Call& call) {
  const Latent& in = call.latent("samples");
  const int64_t first = std::min(in.samples.dim(0) - 1, call.integer("batch_index")), length = call.integer("length");
  Latent out;
  out.format = in.format;
  out.samples = image::take_from_batch(in.samples, first, length);
  if (in.noise_mask.defined())
    out.noise_mask =
        in.noise_mask.dim(0) == 1 ? in.noise_mask : image::take_from_batch(mask_per_sample(in), first, length);
  for (int64_t i = first; i < first + out.samples.dim(0); ++i)
    out.batch_index.push_back(in.batch_index.empty() ? i : in.batch_index.at(static_cast<size_t>(i)));
  return {latent(std::move(out))};
}

Outputs repeat(Call& call) {
  const Latent& in = call.latent("samples");
  const int64_t amount = call.integer("amount");
  Latent out = in;
  out.samples = image::repeat_batch(in.samples, amount);
  if (in.noise_mask.defined() && in.noise_mask.dim(0) > 1)
    out.noise_mask = image::repeat_batch(mask_per_sample(in), amount);
  if (!in.batch_index.empty()) {
    const auto [least, most] = std::minmax_element(in.batch_index.begin(), in.batch_index.end());
    const int64_t offset = *most - *least + 1;
    for (int64_t i = 1; i < amount; ++i)
      for (const int64_t index : in.batch_index) out.batch_index.push_back(index + i * offset);
  }
  return {latent(std::move(out))};
}

std::vector<int64_t> indices(const Latent& in) {
  if (!in.batch_index.empty()) return in.batch_index;
  std::vector<int64_t> out;
  for (int64_t i = 0; i < in.samples.dim(0); ++i) out.push_back(i);
  return out;
}

Outputs join(Call& call) {
  const Latent &first = call.latent("samples1"), &second = call.latent("samples2");
  Latent out = first;
  out.samples = image::join_batches(first.samples, second.samples);
  out.batch_index = indices(first);
  const auto more = indices(second);
  out.batch_index.insert(out.batch_index.end(), more.begin(), more.end());
  return {latent(std::move(out))};
}

// Every latent of a batch with its own noise, or all with that of the first.
Outputs seed_behavior(Call& call) {
  Latent out = call.latent("samples");
  const int64_t first = out.batch_index.empty() ? 0 : out.batch_index.front();
  out.batch_index.clear();
  if (call.text("seed_behavior") == "fixed") out.batch_index.assign(static_cast<size_t>(out.samples.dim(0)), first);
  return {latent(std::move(out))};
}

Outputs upscale(Call& call) {
  const Latent& in = call.latent("samples");
  const image::Size wanted{call.integer("width"), call.integer("height")};
  if (wanted.width == 0 && wanted.height == 0) return {latent(in)};
  return with_samples(
      in, image::upscale(in.samples, image::scaled_latent_size(in.samples, wanted, format_of(in).factor),
                         image::resize_method(call.text("upscale_method")), image::crop_mode(call.text("crop"))));
}

Outputs upscale_by(Call& call) {
  const Latent& in = call.latent("samples");
  return with_samples(in,
                      image::upscale(in.samples, image::scaled_by(in.samples, call.number("scale_by")),
                                     image::resize_method(call.text("upscale_method")), image::CropMode::kDisabled));
}

Outputs composite_feathered(Call& call) {
  const Latent& to = call.latent("samples_to");
  const image::Placement place{call.integer("x"), call.integer("y"), format_of(to).factor};
  return with_samples(
      to, image::composite_feathered(to.samples, call.latent("samples_from").samples, place, call.integer("feather")));
}

Outputs composite_masked(Call& call) {
  const Latent& to = call.latent("destination");
  const Tensor* shown = call.peek<Tensor>("mask");
  const image::Placement place{call.integer("x"), call.integer("y"), format_of(to).factor, call.flag("resize_source")};
  return with_samples(
      to, image::composite_masked(to.samples, call.latent("source").samples, shown ? *shown : Tensor(), place));
}

Outputs rotate(Call& call) {
  const Latent& in = call.latent("samples");
  const char first = call.text("rotation")[0];
  return with_samples(in, image::rotate(in.samples, first == '9' ? 1 : first == '1' ? 2 : first == '2' ? 3 : 0));
}

Outputs flip(Call& call) {
  const Latent& in = call.latent("samples");
  const bool vertical = call.text("flip_method")[0] == 'x';
  return with_samples(in, image::flip(in.samples, vertical ? image::Flip::kVertical : image::Flip::kHorizontal));
}

Outputs crop(Call& call) {
  const Latent& in = call.latent("samples");
  return with_samples(in, image::crop_latent(in.samples, call.integer("width"), call.integer("height"),
                                             call.integer("x"), call.integer("y"), format_of(in).factor));
}

// The axis of [N,h,w,C] that a node calls x, y or t; t is that of the channels, as the reference has it for pictures.
int axis_of(const std::string& name) {
  return name.find('x') != std::string::npos ? 2 : name.find('y') != std::string::npos ? 1 : 3;
}

Outputs put_together(Call& call) {
  const Latent& first = call.latent("samples1");
  const Tensor second = image::fit_batch(call.latent("samples2").samples, first.samples.dim(0));
  const std::string& name = call.text("dim");
  const int axis = axis_of(name);
  for (int d = 1; d < 4; ++d)
    if (d != axis && first.samples.dim(d) != second.dim(d))
      throw Error(Fault::kMismatch, "latents of " + first.samples.shape().str() + " and " + second.shape().str() +
                                        " cannot be put together along " + name)
          .fix("Bring them to one size first, with LatentUpscale or LatentCrop");
  return with_samples(first, name.starts_with('-') ? ops::concat({second, first.samples}, axis)
                                                   : ops::concat({first.samples, second}, axis));
}

Outputs cut_out(Call& call) {
  const Latent& in = call.latent("samples");
  const int axis = axis_of(call.text("dim"));
  const int64_t size = in.samples.dim(axis), wanted = call.integer("index");
  const int64_t index = wanted >= 0 ? std::min(wanted, size - 1) : std::max(wanted, -size) + size;
  return with_samples(in, clone(in.samples.slice(axis, index, std::min(size - index, call.integer("amount")))));
}

void add_batches(Table& table) {
  table.add(
      {.name = "LatentFromBatch",
       .display = "Latent From Batch",
       .category = "latent/batch",
       .description = "Takes some latents out of a batch; each keeps the noise it had there.",
       .inputs = {Link("samples", "LATENT"), Int("batch_index").def(0).range(0, 63), Int("length").def(1).range(1, 64)},
       .outputs = {{"LATENT"}},
       .run = from_batch});
  table.add({.name = "RepeatLatentBatch",
             .display = "Repeat Latent Batch",
             .category = "latent/batch",
             .description = "Repeats a batch of latents; each copy gets noise of its own.",
             .inputs = {Link("samples", "LATENT"), Int("amount").def(1).range(1, 64)},
             .outputs = {{"LATENT"}},
             .run = repeat});
  table.add({.name = "LatentBatch",
             .category = "latent/batch",
             .description = "Puts latents into one batch; the second is brought to the size of the first.",
             .inputs = {Link("samples1", "LATENT"), Link("samples2", "LATENT")},
             .outputs = {{"LATENT"}},
             .run = join});
  table.add({.name = "LatentBatchSeedBehavior",
             .category = "latent/advanced",
             .description = "Whether the latents of a batch get different noise or all the same.",
             .inputs = {Link("samples", "LATENT"), Choice("seed_behavior", {"random", "fixed"}).def("fixed")},
             .outputs = {{"LATENT"}},
             .run = seed_behavior});
}

void add_shapes(Table& table) {
  table.add({.name = "LatentConcat",
             .category = "latent/advanced",
             .description =
                 "Puts two latents side by side (x), one below the other (y), or their channels together (t); "
                 "with a minus the second comes first.",
             .inputs = {Link("samples1", "LATENT"), Link("samples2", "LATENT"),
                        Choice("dim", {"x", "-x", "y", "-y", "t", "-t"})},
             .outputs = {{"LATENT"}},
             .run = put_together});
  table.add(
      {.name = "LatentCut",
       .category = "latent/advanced",
       .description = "Some columns (x), rows (y) or channels (t) of a latent; a negative place counts from the end.",
       .inputs = {Link("samples", "LATENT"), Choice("dim", {"x", "y", "t"}),
                  Int("index").def(0).range(-kMaxSide, kMaxSide).step(1),
                  Int("amount").def(1).range(1, kMaxSide).step(1)},
       .outputs = {{"LATENT"}},
       .run = cut_out});
  table.add({.name = "LatentUpscale",
             .display = "Upscale Latent",
             .category = "latent",
             .description = "Brings latents to the size of a picture of so many pixels.",
             .inputs = {Link("samples", "LATENT"), Choice("upscale_method", kMethods), pixels("width", 512, 0),
                        pixels("height", 512, 0), Choice("crop", kCrops)},
             .outputs = {{"LATENT"}},
             .run = upscale});
  table.add({.name = "LatentUpscaleBy",
             .display = "Upscale Latent By",
             .category = "latent",
             .description = "Makes latents larger or smaller by a factor.",
             .inputs = {Link("samples", "LATENT"), Choice("upscale_method", kMethods),
                        Float("scale_by").def(1.5).range(0.01, 8.0).step(0.01)},
             .outputs = {{"LATENT"}},
             .run = upscale_by});
  table.add(
      {.name = "LatentRotate",
       .display = "Rotate Latent",
       .category = "latent/transform",
       .description = "Turns latents clockwise.",
       .inputs = {Link("samples", "LATENT"), Choice("rotation", {"none", "90 degrees", "180 degrees", "270 degrees"})},
       .outputs = {{"LATENT"}},
       .run = rotate});
  table.add(
      {.name = "LatentFlip",
       .display = "Flip Latent",
       .category = "latent/transform",
       .description = "Mirrors latents.",
       .inputs = {Link("samples", "LATENT"), Choice("flip_method", {"x-axis: vertically", "y-axis: horizontally"})},
       .outputs = {{"LATENT"}},
       .run = flip});
  table.add({.name = "LatentCrop",
             .display = "Crop Latent",
             .category = "latent/transform",
             .description = "Cuts a rectangle out of latents.",
             .inputs = {Link("samples", "LATENT"), pixels("width", 512, 64), pixels("height", 512, 64),
                        pixels("x", 0, 0), pixels("y", 0, 0)},
             .outputs = {{"LATENT"}},
             .run = crop});
}

void add_mixes(Table& table) {
  table.add({.name = "LatentComposite",
             .display = "Latent Composite",
             .category = "latent",
             .description = "Places latents on others, with soft edges if wanted.",
             .inputs = {Link("samples_to", "LATENT"), Link("samples_from", "LATENT"), pixels("x", 0, 0),
                        pixels("y", 0, 0), pixels("feather", 0, 0)},
             .outputs = {{"LATENT"}},
             .run = composite_feathered});
  table.add({.name = "LatentCompositeMasked",
             .category = "latent",
             .description = "Places latents on others, where a mask shows them.",
             .inputs = {Link("destination", "LATENT"), Link("source", "LATENT"), pixels("x", 0, 0), pixels("y", 0, 0),
                        Bool("resize_source").def(false), Link("mask", "MASK").optional()},
             .outputs = {{"LATENT"}},
             .run = composite_masked});
  // Nodes of two latents and, some of them, a number.
  const auto mix = [&](const char* name, const char* category, const char* description, std::vector<In> more, auto f) {
    std::vector<In> inputs{Link("samples1", "LATENT"), Link("samples2", "LATENT")};
    inputs.insert(inputs.end(), more.begin(), more.end());
    table.add({.name = name,
               .category = category,
               .description = description,
               .inputs = std::move(inputs),
               .outputs = {{"LATENT"}},
               .run = [f](Call& call) {
                 const Latent& first = call.latent("samples1");
                 return with_samples(first, f(first.samples, call.latent("samples2").samples, call));
               }});
  };
  mix("LatentBlend", "_for_testing", "Mixes two latents.", {Float("blend_factor").def(0.5).range(0.0, 1.0).step(0.01)},
      [](const Tensor& a, const Tensor& b, Call& call) {
        return image::blend_latents(a, b, call.number("blend_factor"));
      });
  mix("LatentInterpolate", "latent/advanced", "Goes from one latent to another, keeping their strength.",
      {Float("ratio").def(1.0).range(0.0, 1.0).step(0.01)}, [](const Tensor& a, const Tensor& b, Call& call) {
        return image::interpolate_latents(a, b, call.number("ratio"));
      });
  mix("LatentAdd", "latent/advanced", "Adds two latents.", {},
      [](const Tensor& a, const Tensor& b, Call&) { return image::add_latents(a, b); });
  mix("LatentSubtract", "latent/advanced", "Subtracts the second latent from the first.", {},
      [](const Tensor& a, const Tensor& b, Call&) { return image::subtract_latents(a, b); });
  table.add({.name = "LatentMultiply",
             .category = "latent/advanced",
             .description = "Makes a latent stronger or weaker.",
             .inputs = {Link("samples", "LATENT"), Float("multiplier").def(1.0).range(-10.0, 10.0).step(0.01)},
             .outputs = {{"LATENT"}},
             .run = [](Call& call) {
               const Latent& in = call.latent("samples");
               return with_samples(in, image::multiply_latent(in.samples, call.number("multiplier")));
             }});
}

}  // namespace

void register_latent_nodes(Table& table) {
  table.add({.name = "EmptyLatentImage",
             .display = "Empty Latent Image",
             .category = "latent",
             .description = "Latents with nothing in them, to be painted by a sampler.",
             .inputs = {Int("width").def(512).range(16, kMaxSide).step(8).tip("Of the pictures to come, in pixels."),
                        Int("height").def(512).range(16, kMaxSide).step(8).tip("Of the pictures to come, in pixels."),
                        Int("batch_size").def(1).range(1, 4096).tip("How many pictures.")},
             .outputs = {{"LATENT", "", "The empty latents."}},
             .run = [](Call& call) -> Outputs {
               const ForeseenLatent size = empty_size(call);
               Latent out;
               out.samples = Tensor::zeros({size.count, size.height, size.width, models::default_latents().channels});
               return {latent(std::move(out))};
             },
             .foresee = [](Call& call) -> Outputs { return {Value("LATENT", empty_size(call))}; }});
  add_batches(table);
  add_shapes(table);
  add_mixes(table);
  table.add({.name = "SetLatentNoiseMask",
             .display = "Set Latent Noise Mask",
             .category = "latent/inpaint",
             .description = "Says where a sampler may change the picture.",
             .inputs = {Link("samples", "LATENT"), Link("mask", "MASK")},
             .outputs = {{"LATENT"}},
             .run = [](Call& call) -> Outputs {
               Latent out = call.latent("samples");
               out.noise_mask = call.tensor("mask");
               return {latent(std::move(out))};
             }});
}

}  // namespace easel::nodes
