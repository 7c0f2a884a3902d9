// IP-Adapter nodes that take a picture apart, or a weight for each layer.
#include <algorithm>
#include <charconv>
#include <map>

#include "image/edit/filters.h"
#include "image/edit/pictures.h"
#include "image/scale/pillow.h"
#include "image/scale/resize.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/ip_adapter/ip_adapter_inputs.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using namespace ip;  // NOLINT(google-build-using-namespace): their parameters are these nodes' own

// --- Tiles: each steers its part of the picture ---

constexpr int64_t kTile = 256;

struct Tiled : Pictures {
  double sharpening = 0.0;
  int64_t encode_batch_size = 0;
};

Tensor centre_crop(const Tensor& in, int64_t height, int64_t width) {
  const int64_t top = image::round_half_even(static_cast<double>(in.dim(1) - height) / 2.0);
  const int64_t left = image::round_half_even(static_cast<double>(in.dim(2) - width) / 2.0);
  return contiguous(in.slice(1, top, height).slice(2, left, width));
}

struct Tiles {
  std::vector<Tensor> pictures, masks;  // [N,256,256,3] and [M,H,W], 0 outside of the tile
};

// The picture at 512x512 if it is nearly a square, else with a short side of 256 and at most four times that; cut to
// tiles that share what is too much.
Tiles tiles_of(const Tensor& given, const Tensor& where, double sharpening) {
  const int64_t height = given.dim(1), width = given.dim(2);
  const double ratio = static_cast<double>(height) / static_cast<double>(width);
  Tensor picture = given;
  Tensor mask = where.defined() ? image::as_picture(where) : Tensor();
  if (!mask.defined()) mask = ops::affine(Tensor::zeros({1, height, width, 1}), 0.0f, 1.0f);
  else if (mask.dim(1) != height || mask.dim(2) != width) mask = image::antialias_bicubic(mask, {width, height});
  image::Size size{2 * kTile, 2 * kTile};
  if (ratio > 0.75 && ratio < 1.33) {
    const int64_t side = std::min(height, width);
    picture = centre_crop(picture, side, side);
    mask = centre_crop(mask, side, side);
  } else if (height < width) {
    size = {kTile * width / height, kTile};
  } else {
    size = {kTile, kTile * height / width};
  }
  picture = image::pillow_resize(picture, size, image::PillowFilter::kLanczos, image::Overflow::kWrap);
  if (mask.dim(1) != size.height || mask.dim(2) != size.width) mask = image::antialias_bicubic(mask, size);
  if (ratio > 4 || ratio < 0.25) {
    size = height < width ? image::Size{4 * kTile, kTile} : image::Size{kTile, 4 * kTile};
    picture = centre_crop(picture, size.height, size.width);
    mask = centre_crop(mask, size.height, size.width);
  }
  if (sharpening > 0) picture = image::adaptive_sharpen(picture, sharpening);
  const auto count = [](int64_t side) { return (side + kTile - 1) / kTile; };
  const auto overlap = [&](int64_t side) {
    const int64_t n = count(side);
    return std::max(0.0, static_cast<double>(n * kTile - side) / static_cast<double>(n > 1 ? n - 1 : 1));
  };
  const double overlap_x = overlap(size.width), overlap_y = overlap(size.height);
  Tiles out;
  for (int64_t y = 0; y < count(size.height); ++y)
    for (int64_t x = 0; x < count(size.width); ++x) {
      const auto left = static_cast<int64_t>(static_cast<double>(x) * (kTile - overlap_x));
      const auto top = static_cast<int64_t>(static_cast<double>(y) * (kTile - overlap_y));
      const int64_t h = std::min(kTile, size.height - top), w = std::min(kTile, size.width - left);
      out.pictures.push_back(contiguous(picture.slice(1, top, h).slice(2, left, w)));
      const Tensor part = contiguous(mask.slice(1, top, h).slice(2, left, w));
      out.masks.push_back(
          image::as_mask(image::pad(part, {left, top, size.width - left - w, size.height - top - h}, 0.0f)));
    }
  return out;
}

Results<ModelHandle, Image, Mask> apply_tiled(const Tiled& in, Call& call, bool unfold) {
  const IpPipeline& pipeline = *in.ipadapter;
  const ClipVisionHandle& vision = need_vision(in.clip_vision.get(), pipeline);
  require_adapter_fits(call, pipeline, &vision, &*in.model);
  const Tiles tiles = tiles_of(*in.image, in.attn_mask.value_or_empty(), in.sharpening);
  const bool hidden = pipeline.adapter.config.takes_hidden_states();
  ModelHandle model = *in.model;
  IpApplication how = application(in, in.weight_type, unfold);
  for (size_t i = 0; i < tiles.pictures.size(); ++i) {
    how.mask = tiles.masks[i];
    const auto embeds = models::ip_embeds(vision, tiles.pictures[i], hidden, in.image_negative.value_or_empty());
    const IpCombine combine = unfold ? IpCombine::kConcat : in.combine_embeds;
    model = apply_ip_adapter(model, pipeline, models::ip_tokens(pipeline.adapter, embeds, combine), how);
    call.part_done(static_cast<int>(i) + 1, static_cast<int>(tiles.pictures.size()));
  }
  return {std::move(model), ops::concat(tiles.pictures, 0), ops::concat(tiles.masks, 0)};
}

Foreseen<ModelHandle, Image, Mask> foresee_tiled(const Known<Tiled>& in, Call& call) {
  foresee_fit(in, call);
  return {in(&Application::model), std::nullopt, std::nullopt};
}

Input<Tiled> sharpening() { return Float("sharpening", &Tiled::sharpening).range(0.0, 1.0).step(0.05); }

void add_tiled(Table& table) {
  const std::vector<OutputLabel> labels{{"MODEL"}, {"tiles"}, {"masks"}};
  table.add(
      NodeOf<Tiled>{.name = "IPAdapterTiled",
                    .display = "IPAdapter Tiled",
                    .category = "ipadapter/tiled",
                    .description = "Takes a large reference picture in tiles, each of which steers its part.",
                    .inputs = {model_input(), adapter_input(), image_input(), weight_input(3.0), weight_type_input(),
                               combine_input(), start_input(), end_input(), sharpening(), scaling_input(),
                               negative_input<Pictures>(), mask_input(), vision_input<Application>()},
                    .outputs = labels,
                    .run = [](const Tiled& in, Call& call) { return apply_tiled(in, call, false); },
                    .foresee = foresee_tiled});
  table.add(NodeOf<Tiled>{.name = "IPAdapterTiledBatch",
                          .display = "IPAdapter Tiled Batch",
                          .category = "ipadapter/tiled",
                          .description = "IPAdapterTiled for a reference picture for each picture of the batch.",
                          .inputs = {model_input(), adapter_input(), image_input(), weight_input(3.0),
                                     weight_type_input(), start_input(), end_input(), sharpening(), scaling_input(),
                                     Int("encode_batch_size", &Tiled::encode_batch_size).range(0, 4096),
                                     negative_input<Pictures>(), mask_input(), vision_input<Application>()},
                          .outputs = labels,
                          .run = [](const Tiled& in, Call& call) { return apply_tiled(in, call, true); },
                          .foresee = foresee_tiled});
}

// --- Weights for each layer ---

struct Layers : Pictures {
  double weight_faceidv2 = 1.0;
  std::string layer_weights;
};

// "0:1.0, 3:0.5": the number of a layer and its factor.
std::map<int, double> layers_in(const std::string& text) {
  std::map<int, double> out;
  if (text.empty()) return out;
  for (const std::string& part : split(text, ",")) {
    const size_t colon = part.find(':');
    int layer = 0;
    double factor = 0;
    const auto reads = [](const std::string& from, auto& into) {
      const auto [at, fault] = std::from_chars(from.data(), from.data() + from.size(), into);
      return !from.empty() && fault == std::errc() && at == from.data() + from.size();
    };
    if (colon == std::string::npos || !reads(stripped(part.substr(0, colon)), layer) ||
        !reads(stripped(part.substr(colon + 1)), factor))
      throw Error(Fault::kInvalid, "'" + part.substr(0, 40) + "' is no layer and its weight")
          .at_input("layer_weights")
          .fix("Write them as 0:1.0, 3:0.5");
    out[layer] = factor;
  }
  return out;
}

Results<ModelHandle> apply_layers(const Layers& in, Call& call) {
  const std::map<int, double> layers = layers_in(in.layer_weights);
  const bool precise = in.weight_type.ends_with("precise");
  IpApplication how = application(in, layers.empty() || precise ? in.weight_type : "linear", false);
  how.weight.layers = layers;
  return apply(in, call, *in.image, in.image_negative.value_or_empty(), how, in.combine_embeds);
}

void add_layers(Table& table) {
  table.add(NodeOf<Layers>{
      .name = "IPAdapterMS",
      .display = "IPAdapter Mad Scientist",
      .category = "ipadapter/dev",
      .description = "IPAdapterAdvanced with a weight for each layer.",
      .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0),
                 Float("weight_faceidv2", &Layers::weight_faceidv2)
                     .range(-1.0, 5.0)
                     .step(0.05)
                     .tip("Of adapters for faces, which are not there."),
                 weight_type_input(), combine_input(), start_input(), end_input(), scaling_input(),
                 Text("layer_weights", &Layers::layer_weights)
                     .multiline()
                     .tip("As 0:1.0, 3:0.5; layers that are not named count nothing. Empty: by weight_type."),
                 negative_input<Pictures>(), mask_input(), vision_input<Application>()},
      .run = apply_layers,
      .check = [](const Layers& in) { layers_in(in.layer_weights); },
      .foresee = foresee_together});
}

// --- Batches ---

struct PreciseStyle : Pictures {
  double style_boost = 1.0;
};
struct PreciseComposition : Pictures {
  double composition_boost = 0.0;
};

void add_precise_batches(Table& table) {
  const auto unfolded = [](const auto& in, Call& call) { return foresee_pictures(in, call, true); };
  table.add(NodeOf<PreciseStyle>{
      .name = "IPAdapterPreciseStyleTransferBatch",
      .display = "IPAdapter Precise Style Transfer Batch",
      .category = "ipadapter/style_composition",
      .description = "IPAdapterPreciseStyleTransfer with a reference picture for each picture of the batch.",
      .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0),
                 Float("style_boost", &PreciseStyle::style_boost).range(-5.0, 5.0).step(0.05), combine_input(),
                 start_input(), end_input(), scaling_input(), negative_input<Pictures>(), mask_input(),
                 vision_input<Application>()},
      .run = [](const PreciseStyle& in, Call& call) -> Results<ModelHandle> {
        IpApplication how = application(in, "style transfer precise", true);
        how.weight.style_boost = in.style_boost;
        return apply(in, call, *in.image, in.image_negative.value_or_empty(), how, IpCombine::kConcat);
      },
      .foresee = [unfolded](const Known<PreciseStyle>& in, Call& call) { return unfolded(in, call); }});
  table.add(NodeOf<PreciseComposition>{
      .name = "IPAdapterPreciseCompositionBatch",
      .display = "IPAdapter Precise Composition Batch",
      .category = "ipadapter/style_composition",
      .description = "IPAdapterPreciseComposition with a reference picture for each picture of the batch.",
      .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0),
                 Float("composition_boost", &PreciseComposition::composition_boost).range(-5.0, 5.0).step(0.05),
                 combine_input(), start_input(), end_input(), scaling_input(), negative_input<Pictures>(), mask_input(),
                 vision_input<Application>()},
      .run = [](const PreciseComposition& in, Call& call) -> Results<ModelHandle> {
        IpApplication how = application(in, "composition precise", true);
        how.weight.composition_boost = in.composition_boost;
        return apply(in, call, *in.image, in.image_negative.value_or_empty(), how, IpCombine::kConcat);
      },
      .foresee = [unfolded](const Known<PreciseComposition>& in, Call& call) { return unfolded(in, call); }});
}

}  // namespace

void register_ip_adapter_tiles_nodes(Table& table) {
  add_tiled(table);
  add_layers(table);
  add_precise_batches(table);
}

}  // namespace easel::nodes
