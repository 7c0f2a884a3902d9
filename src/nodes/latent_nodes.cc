// Latents: empty ones, and everything done to them without a model.
#include <algorithm>

#include "image/resize.h"
#include "nodes/pixels.h"
#include "nodes/table.h"
#include "sampling/map.h"

namespace easel::nodes {
namespace {

constexpr int64_t kMaxSide = 16384;
constexpr int64_t kCell = 8;  // pixels per latent cell along a side

const std::vector<std::string> kMethods{"nearest-exact", "bilinear", "area", "bicubic", "bislerp"};
const std::vector<std::string> kCrops{"disabled", "center"};

In pixels(const char* name, int64_t value, int64_t least) {
  return Int(name).def(value).range(least, kMaxSide).step(8);
}

// The latent with other samples, all else kept.
Outputs with_samples(const Latent& from, Tensor samples) {
  Latent out = from;
  out.samples = std::move(samples);
  return {latent(std::move(out))};
}

Outputs from_batch(Call& call) {
  const Latent& in = call.latent("samples");
  const int64_t n = in.samples.dim(0);
  const int64_t first = std::min(n - 1, call.integer("batch_index"));
  const int64_t length = std::min(n - first, call.integer("length"));
  Latent out;
  out.samples = contiguous(in.samples.slice(0, first, length));
  if (in.noise_mask.defined())
    out.noise_mask =
        in.noise_mask.dim(0) == 1
            ? in.noise_mask
            : contiguous(repeat_to_batch(in.noise_mask, std::max(n, in.noise_mask.dim(0))).slice(0, first, length));
  for (int64_t i = first; i < first + length; ++i)
    out.batch_index.push_back(in.batch_index.empty() ? i : in.batch_index.at(static_cast<size_t>(i)));
  return {latent(std::move(out))};
}

Outputs repeat(Call& call) {
  const Latent& in = call.latent("samples");
  const int64_t n = in.samples.dim(0), amount = call.integer("amount");
  Latent out = in;
  out.samples = repeat_to_batch(in.samples, n * amount);
  if (in.noise_mask.defined() && in.noise_mask.dim(0) > 1)
    out.noise_mask = repeat_to_batch(repeat_to_batch(in.noise_mask, std::max(n, in.noise_mask.dim(0))), n * amount);
  if (!in.batch_index.empty()) {
    const auto [least, most] = std::minmax_element(in.batch_index.begin(), in.batch_index.end());
    const int64_t offset = *most - *least + 1;
    for (int64_t i = 1; i < amount; ++i)
      for (const int64_t index : in.batch_index) out.batch_index.push_back(index + i * offset);
  }
  return {latent(std::move(out))};
}

Outputs upscale(Call& call) {
  const Latent& in = call.latent("samples");
  const image::Size wanted{call.integer("width"), call.integer("height")};
  if (wanted.width == 0 && wanted.height == 0) return {latent(in)};
  return with_samples(
      in, image::upscale(in.samples, image::scaled_latent_size(in.samples, wanted),
                         image::resize_method(call.text("upscale_method")), image::crop_mode(call.text("crop"))));
}

Outputs upscale_by(Call& call) {
  const Latent& in = call.latent("samples");
  return with_samples(in,
                      image::upscale(in.samples, image::scaled_by(in.samples, call.number("scale_by")),
                                     image::resize_method(call.text("upscale_method")), image::CropMode::kDisabled));
}

// How much the placed latent counts at each cell: 1, falling towards edges that lie inside the other one.
Tensor feathered(const Tensor& placed, const Tensor& onto, int64_t x, int64_t y, int64_t feather) {
  const int64_t h = placed.dim(1), w = placed.dim(2);
  Tensor out = Tensor::full({1, h, w}, 1.0f);
  const auto scale_row = [&](int64_t row, float rate) {
    if (row < 0 || row >= h) return;
    for (int64_t i = 0; i < w; ++i) out.f32()[row * w + i] *= rate;
  };
  const auto scale_column = [&](int64_t column, float rate) {
    if (column < 0 || column >= w) return;
    for (int64_t i = 0; i < h; ++i) out.f32()[i * w + column] *= rate;
  };
  for (int64_t t = 0; t < feather; ++t) {
    const auto rate = static_cast<float>(1.0 / static_cast<double>(feather) * static_cast<double>(t + 1));
    if (y != 0) scale_row(t, rate);
    if (y + h < onto.dim(1)) scale_row(h - 1 - t, rate);
    if (x != 0) scale_column(t, rate);
    if (x + w < onto.dim(2)) scale_column(w - 1 - t, rate);
  }
  return out;
}

Outputs composite_feathered(Call& call) {
  const Latent& to = call.latent("samples_to");
  const int64_t x = call.integer("x") / kCell, y = call.integer("y") / kCell, feather = call.integer("feather") / kCell;
  if (x >= to.samples.dim(2) || y >= to.samples.dim(1)) return {latent(to)};
  const Tensor from = cut(call.latent("samples_from").samples, 0, 0, to.samples.dim(1) - y, to.samples.dim(2) - x);
  return with_samples(
      to, composite(to.samples, from, x, y, feather > 0 ? feathered(from, to.samples, x, y, feather) : Tensor()));
}

Outputs composite_masked(Call& call) {
  const Latent& to = call.latent("destination");
  Tensor from = call.latent("source").samples;
  if (call.flag("resize_source"))
    from = image::resize(from, {to.samples.dim(2), to.samples.dim(1)}, image::ResizeMethod::kBilinear);
  const Tensor* shown = call.peek<Tensor>("mask");
  return with_samples(
      to, composite(to.samples, from, call.integer("x") / kCell, call.integer("y") / kCell, shown ? *shown : Tensor()));
}

Outputs blend(Call& call) {
  const Latent& first = call.latent("samples1");
  Tensor second = call.latent("samples2").samples;
  if (!(second.shape() == first.samples.shape())) {
    second = image::upscale(second, {first.samples.dim(2), first.samples.dim(1)}, image::ResizeMethod::kBicubic,
                            image::CropMode::kCenter);
    second = repeat_to_batch(second, first.samples.dim(0));
  }
  const auto a = static_cast<float>(call.number("blend_factor")),
             b = static_cast<float>(1 - call.number("blend_factor"));
  return with_samples(first, sampling::map([=](float v, float w) { return v * a + w * b; }, contiguous(first.samples),
                                           contiguous(second)));
}

Outputs crop(Call& call) {
  const Latent& in = call.latent("samples");
  // At least eight cells are left.
  const int64_t x = std::max<int64_t>(0, std::min(call.integer("x") / kCell, in.samples.dim(2) - 8));
  const int64_t y = std::max<int64_t>(0, std::min(call.integer("y") / kCell, in.samples.dim(1) - 8));
  return with_samples(in, cut(in.samples, y, x, call.integer("height") / kCell, call.integer("width") / kCell));
}

}  // namespace

void register_latent_nodes(Table& table);
void register_latent_nodes(Table& table) {
  table.add({.name = "EmptyLatentImage",
             .display = "Empty Latent Image",
             .category = "latent",
             .description = "Latents with nothing in them, to be painted by a sampler.",
             .inputs = {pixels("width", 512, 16).tip("Width of the pictures to come, in pixels."),
                        pixels("height", 512, 16).tip("Height of the pictures to come, in pixels."),
                        Int("batch_size").def(1).range(1, 4096).tip("How many pictures.")},
             .outputs = {{"LATENT", "", "The empty latents."}},
             .run = [](Call& call) -> Outputs {
               Latent out;
               out.samples = Tensor::zeros(
                   {call.integer("batch_size"), call.integer("height") / kCell, call.integer("width") / kCell, 4});
               return {latent(std::move(out))};
             }});
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
             .description = "Repeats a batch of latents.",
             .inputs = {Link("samples", "LATENT"), Int("amount").def(1).range(1, 64)},
             .outputs = {{"LATENT"}},
             .run = repeat});
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
  table.add({.name = "LatentBlend",
             .display = "Latent Blend",
             .category = "_for_testing",
             .description = "Mixes two latents.",
             .inputs = {Link("samples1", "LATENT"), Link("samples2", "LATENT"),
                        Float("blend_factor").def(0.5).range(0.0, 1.0).step(0.01)},
             .outputs = {{"LATENT"}},
             .run = blend});
  table.add(
      {.name = "LatentRotate",
       .display = "Rotate Latent",
       .category = "latent/transform",
       .description = "Turns latents clockwise.",
       .inputs = {Link("samples", "LATENT"), Choice("rotation", {"none", "90 degrees", "180 degrees", "270 degrees"})},
       .outputs = {{"LATENT"}},
       .run = [](Call& call) -> Outputs {
         const char first = call.text("rotation")[0];
         const Latent& in = call.latent("samples");
         return with_samples(in, rotate(in.samples, first == '9' ? 1 : first == '1' ? 2 : first == '2' ? 3 : 0));
       }});
  table.add(
      {.name = "LatentFlip",
       .display = "Flip Latent",
       .category = "latent/transform",
       .description = "Mirrors latents.",
       .inputs = {Link("samples", "LATENT"), Choice("flip_method", {"x-axis: vertically", "y-axis: horizontally"})},
       .outputs = {{"LATENT"}},
       .run = [](Call& call) -> Outputs {
         const Latent& in = call.latent("samples");
         return with_samples(in, flip(in.samples, call.text("flip_method")[0] == 'x'));
       }});
  table.add({.name = "LatentCrop",
             .display = "Crop Latent",
             .category = "latent/transform",
             .description = "Cuts a rectangle out of latents.",
             .inputs = {Link("samples", "LATENT"), pixels("width", 512, 64), pixels("height", 512, 64),
                        pixels("x", 0, 0), pixels("y", 0, 0)},
             .outputs = {{"LATENT"}},
             .run = crop});
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
