// Nodes of WAS Node Suite (github.com/WASasquatch/was-node-suite-comfyui): pictures, masks, latents.
#include <algorithm>
#include <array>
#include <cmath>

#include "image/edit/elementwise.h"
#include "image/edit/latents.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/aligned.h"
#include "image/scale/pillow.h"
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sizes.h"
#include "ops/elementwise.h"

namespace easel::nodes {

// BUS: five values, some of which may be missing.
struct WasBus {
  std::array<Value, 5> values;
};
template <>
struct LinkType<WasBus> {
  static constexpr const char* kName = "BUS";
  using Held = WasBus;
  using Foreseen = WasBus;
  static size_t bytes(const WasBus& bus) { return bus.values[3].bytes() + bus.values[4].bytes(); }
};

namespace {

constexpr const char* kOrigin = "was";
constexpr int64_t kOversize = 8;  // of pictures that are scaled by way of a larger size

// Pictures as the original's are between its nodes: bytes, rounded towards zero.
Tensor bytes_of_picture(const Tensor& picture) {
  return image::map(picture, [](float v) { return std::floor(std::min(std::max(v, 0.0f), 1.0f) * 255.0f) / 255.0f; });
}

struct WantedSize {
  bool by_factor = true;
  double rescale_factor = 2;
  int64_t resize_width = 1024, resize_height = 1536;
};
struct Resize : WantedSize {
  Linked<Image> image;
  bool supersample = true;
  image::PillowFilter resampling = image::PillowFilter::kLanczos;
};

image::Size size_for(const WantedSize& in, image::Size now) {
  if (!in.by_factor) return {up_to_step(in.resize_width), up_to_step(in.resize_height)};
  const auto side = [&](int64_t length) {
    return static_cast<int64_t>(static_cast<double>(length) * in.rescale_factor);
  };
  return {side(now.width), side(now.height)};
}

Foreseen<Image> foresee_resized(const Known<Resize>& in) {
  const ForeseenPicture* known = in(&Resize::image);
  if (!known) return {};
  const WantedSize wanted{in(&Resize::by_factor), in(&Resize::rescale_factor), in(&Resize::resize_width),
                          in(&Resize::resize_height)};
  return {in_size(*known, size_for(wanted, size_of(*known)))};
}

Results<Image> resize(const Resize& in) {
  const image::Size size = size_for(in, image::size_of(*in.image));
  if (size.width < 1 || size.height < 1)
    throw Error(Fault::kInvalid, "nothing is left of the picture").at_input("rescale_factor");
  Tensor picture = *in.image;
  if (in.supersample)
    picture = image::pillow_resize(picture, {size.width * kOversize, size.height * kOversize}, in.resampling);
  return {image::pillow_resize(picture, size, in.resampling)};
}

struct Blank {
  int64_t width = 512, height = 512, red = 255, green = 255, blue = 255;
};
struct Batch {
  MaybeLinked<Image> a, b, c, d;
};
struct Flip {
  Linked<Image> images;
  bool vertical = false;
};
struct OneOf {
  Linked<Image> batch;
  int64_t number = 0;
};
struct Masks {
  Linked<Mask> masks;
};
struct ToMask {
  Linked<Image> images;
  std::string channel;
};
struct Levels {
  Linked<Image> image;
  double black_level = 0.0, mid_level = 127.5, white_level = 255.0;
};
struct ScaleLatent {
  Linked<Latent> samples;
  std::string mode;
  double factor = 2.0;
  bool align = true;
};

Results<Image> joined_batch(const Batch& in) {
  std::vector<Tensor> all;
  for (const MaybeLinked<Image>* link : {&in.a, &in.b, &in.c, &in.d}) {
    if (!*link) continue;
    const Tensor& one = **link;
    if (!all.empty() && (one.dim(1) != all[0].dim(1) || one.dim(2) != all[0].dim(2) || one.dim(3) != all[0].dim(3)))
      throw Error(Fault::kMismatch, "pictures of different sizes make no batch");
    all.push_back(one);
  }
  if (all.empty()) throw Error(Fault::kInvalid, "there is no picture").fix("Link at least one");
  return {ops::concat(all, 0)};
}

Foreseen<Image> foresee_joined(const Known<Batch>&, Call& call) {
  return foresee_together<Image>(call, {"images_a", "images_b", "images_c", "images_d"});
}

// A channel of the picture as bytes; a picture without alpha is opaque.
Results<Mask> to_mask(const ToMask& in) {
  const Tensor bytes = bytes_of_picture(*in.images);
  if (in.channel == "alpha" && bytes.dim(3) < 4)
    return {Tensor::full({bytes.dim(0), bytes.dim(1), bytes.dim(2)}, 1.0f)};
  return {image::channel_mask(bytes, image::channel_index(in.channel))};
}

// Black and white levels to 0 and 255, then a curve that brings the middle level to 127.5.
Results<Image> levels(const Levels& in) {
  if (in.white_level == in.black_level)
    throw Error(Fault::kInvalid, "the white level is the black level").at_input("white_level");
  const double range = in.white_level - in.black_level;
  double gamma = 1.0;
  if (in.mid_level > in.black_level) gamma = std::log(0.5) / std::log((in.mid_level - in.black_level) / range);
  if (!std::isfinite(gamma)) throw Error(Fault::kInvalid, "the middle level is the white level").at_input("mid_level");
  const auto black = static_cast<float>(in.black_level), scale = static_cast<float>(255.0 / range);
  const auto power = static_cast<float>(gamma);
  return {image::map(*in.image, [=](float v) {
    const float byte = std::floor(std::min(std::max(v, 0.0f), 1.0f) * 255.0f);
    const float spread = std::min(std::max((std::max(byte, black) - black) * scale, 0.0f), 255.0f);
    return std::floor(std::pow(spread / 255.0f, power) * 255.0f) / 255.0f;
  })};
}

Results<Latent> scale_latent(const ScaleLatent& in) {
  const Tensor& t = in.samples->samples;
  const image::Size size = image::scaled_by(image::size_of(t), in.factor);
  if (size.width < 1 || size.height < 1)
    throw Error(Fault::kInvalid, "nothing is left of the latent").at_input("factor");
  Latent out = *in.samples;
  const bool smooth = in.mode == "bilinear" || in.mode == "bicubic";
  if (smooth && in.align) out.samples = image::resize_aligned(t, size, in.mode == "bicubic");
  else if (in.mode == "nearest") out.samples = image::resize(t, size, image::ResizeMethod::kNearest);
  else out.samples = image::resize(t, size, image::resize_method(in.mode));
  return {std::move(out)};
}

// --- The bus ---

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

struct Bus {
  MaybeLinked<WasBus> bus;
  MaybeLinked<ModelHandle> model;
  MaybeLinked<ClipHandle> clip;
  MaybeLinked<VaeHandle> vae;
  MaybeLinked<Conditioning> positive, negative;
};

constexpr const char* kOnBus[] = {"model", "clip", "vae", "positive", "negative"};

WasBus filled(WasBus bus, const Call& call) {
  for (size_t i = 0; i < bus.values.size(); ++i)
    if (const Value* value = call.linked(kOnBus[i]); value && !value->empty()) bus.values[i] = *value;
  return bus;
}

Results<WasBus, ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning> bus(const Bus& in, Call& call) {
  WasBus out = filled(in.bus ? *in.bus : WasBus(), call);
  for (size_t i = 0; i < 3; ++i)
    if (out.values[i].empty())
      throw Error(Fault::kInvalid, std::string("there is no ") + kOnBus[i]).at_input(kOnBus[i]).fix("Link one");
  const auto v = out.values;
  return {std::move(out), Handed{v[0]}, Handed{v[1]}, Handed{v[2]}, Handed{v[3]}, Handed{v[4]}};
}

Foreseen<WasBus, ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning> foresee_bus(const Known<Bus>& in,
                                                                                             Call& call) {
  const WasBus* known = in(&Bus::bus);
  if (call.awaits("bus")) return {};
  const WasBus out = filled(known ? *known : WasBus(), call);
  const auto& v = out.values;
  return {out, Handed{v[0]}, Handed{v[1]}, Handed{v[2]}, Handed{v[3]}, Handed{v[4]}};
}

}  // namespace

void register_was_picture_nodes(Table& table) {
  const AddNode add{table, kOrigin, "WAS Suite/Image"};
  using Filter = image::PillowFilter;
  add.node<Resize>(
      "Image Resize", "Scales pictures as Pillow does, by way of eight times the size if wanted.",
      {Link("image", &Resize::image), Choice("mode", &Resize::by_factor, {{"rescale", true}, {"resize", false}}),
       Choice("supersample", &Resize::supersample, {{"true", true}, {"false", false}}),
       Choice("resampling", &Resize::resampling,
              {{"lanczos", Filter::kLanczos},
               {"nearest", Filter::kNearest},
               {"bilinear", Filter::kBilinear},
               {"bicubic", Filter::kBicubic}}),
       Float("rescale_factor", &Resize::rescale_factor).range(0.01, 16.0).step(0.01),
       Int("resize_width", &Resize::resize_width).range(1, 48000).step(1),
       Int("resize_height", &Resize::resize_height).range(1, 48000).step(1)},
      resize, {}, foresee_resized);
  const auto colour = [](const char* name, int64_t Blank::*member) { return Int(name, member).range(0, 255).step(1); };
  add.node<Blank>(
      "Image Blank", "A picture of one colour, its sides multiples of 8.",
      {Int("width", &Blank::width).range(8, 4096).step(1), Int("height", &Blank::height).range(8, 4096).step(1),
       colour("red", &Blank::red), colour("green", &Blank::green), colour("blue", &Blank::blue)},
      [](const Blank& in) -> Results<Image> {
        const auto rgb = static_cast<uint32_t>(in.red << 16 | in.green << 8 | in.blue);
        return {image::solid_picture(1, {down_to_step(in.width), down_to_step(in.height)}, rgb)};
      },
      {},
      [](const Known<Blank>& in) -> Foreseen<Image> {
        return {ForeseenPicture{down_to_step(in(&Blank::width)), down_to_step(in(&Blank::height))}};
      });
  add.node<Batch>("Image Batch", "Up to four pictures, or batches of them, as one batch.",
                  {Link("images_a", &Batch::a), Link("images_b", &Batch::b), Link("images_c", &Batch::c),
                   Link("images_d", &Batch::d)},
                  joined_batch, {{"image"}}, foresee_joined);
  add.node<Flip>(
      "Image Flip", "Turns pictures over.",
      {Link("images", &Flip::images), Choice("mode", &Flip::vertical, {{"horizontal", false}, {"vertical", true}})},
      [](const Flip& in) -> Results<Image> {
        return {
            image::flip(bytes_of_picture(*in.images), in.vertical ? image::Flip::kVertical : image::Flip::kHorizontal)};
      },
      {{"images"}}, like<Flip>(&Flip::images));
  add.node<OneOf>(
      "Tensor Batch to Image", "One picture of a batch; past its end the last.",
      {Link("images_batch", &OneOf::batch), Int("batch_image_number", &OneOf::number).range(0, 64).step(1)},
      [](const OneOf& in) -> Results<Image> {
        return {contiguous(in.batch->slice(0, std::min(in.number, in.batch->dim(0) - 1), 1))};
      },
      {},
      [](const Known<OneOf>& in) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&OneOf::batch);
        if (!known) return {};
        return {in_number(*known, 1)};
      });
  add.node<Masks>(
      "Mask Invert", "Selects what was not selected.", {Link("masks", &Masks::masks)},
      [](const Masks& in) -> Results<Mask> { return {image::map(*in.masks, [](float v) { return 1.0f - v; })}; },
      {{"MASKS"}}, like<Masks>(&Masks::masks));
  add.node<ToMask>(
      "Image to Latent Mask", "A channel of pictures as a mask.",
      {Link("images", &ToMask::images), Choice("channel", &ToMask::channel, {"alpha", "red", "green", "blue"})},
      to_mask, {{"MASKS"}}, mask_of_picture<ToMask>(&ToMask::images));
  const auto level = [](const char* name, double Levels::*member) {
    return Float(name, member).range(0.0, 255.0).step(0.1);
  };
  add.node<Levels>("Image Levels Adjustment", "Moves the black, middle and white levels of pictures.",
                   {Link("image", &Levels::image), level("black_level", &Levels::black_level),
                    level("mid_level", &Levels::mid_level), level("white_level", &Levels::white_level)},
                   levels, {}, like<Levels>(&Levels::image));
  add.node<ScaleLatent>("Latent Upscale by Factor (WAS)", "Scales latents by a factor.",
                        {Link("samples", &ScaleLatent::samples),
                         Choice("mode", &ScaleLatent::mode, {"area", "bicubic", "bilinear", "nearest"}),
                         Float("factor", &ScaleLatent::factor).range(0.1, 8.0).step(0.01),
                         Choice("align", &ScaleLatent::align, {{"true", true}, {"false", false}})},
                        scale_latent, {}, [](const Known<ScaleLatent>& in) -> Foreseen<Latent> {
                          const ForeseenLatent* known = in(&ScaleLatent::samples);
                          if (!known) return {};
                          return {in_size(*known, image::scaled_by(size_of(*known), in(&ScaleLatent::factor)))};
                        });
  table.add(NodeOf<Bus>{
      .name = "Bus Node",
      .category = "WAS Suite/Utilities",
      .description = "Puts values on one link, in place of those there, and hands all on.",
      .origin = kOrigin,
      .inputs = {Link("bus", &Bus::bus), Link("model", &Bus::model), Link("clip", &Bus::clip), Link("vae", &Bus::vae),
                 Link("positive", &Bus::positive), Link("negative", &Bus::negative)},
      .outputs = {{"bus"}, {"model"}, {"clip"}, {"vae"}, {"positive"}, {"negative"}},
      .run = bus,
      .foresee = foresee_bus});
}

}  // namespace easel::nodes
