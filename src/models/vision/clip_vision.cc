#include "models/vision/clip_vision.h"

#include <cmath>

#include "image/scale/resize.h"
#include "models/text/clip_keys.h"
#include "models/text/clip_text.h"
#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"

namespace easel::models {
namespace {

[[noreturn]] void bad(const nn::Weights& w, const std::string& what) {
  throw Error(Fault::kBadFile, what).in_file(w.file());
}

}  // namespace

const char* ClipVisionConfig::name() const {
  return layers >= 48 ? "ViT-bigG/14" : layers >= 31 ? "ViT-H/14" : "ViT-L/14";
}

ClipVisionConfig read_clip_vision_config(const nn::Weights& w) {
  const nn::Weights model = w["vision_model"], tables = model["embeddings"];
  ClipVisionConfig c;
  const Shape patch = shape_of_rank(tables, "patch_embedding.weight", 4);
  const Shape positions = shape_of_rank(tables, "position_embedding.weight", 2);
  c.width = patch[0];
  c.patch = patch[2];
  c.projection = shape_of_rank(w, "visual_projection.weight", 2)[0];
  if (w.has("visual_projection_2.weight")) c.second_projection = shape_of_rank(w, "visual_projection_2.weight", 2)[0];
  c.layers = numbered_children(model["encoder"]["layers"]);
  if (c.layers < 23)
    throw Error(Fault::kUnsupported, "a CLIP vision tower of " + std::to_string(c.layers) +
                                         " layers: ViT-L/14, ViT-H/14 and ViT-bigG/14 have 24, 32 and 48")
        .in_file(w.file());
  c.activation = c.layers < 31 ? ops::Activation::kQuickGelu : ops::Activation::kGelu;
  const auto side =
      static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(std::max<int64_t>(positions[0] - 1, 0)))));
  if (patch[1] != 3 || c.patch < 1 || patch[3] != c.patch || positions[1] != c.width || side < 1 ||
      side * side + 1 != positions[0] || c.width % c.heads != 0)
    bad(w, "patch embedding " + patch.str() + " and positions " + positions.str() +
               " are not those of a CLIP vision tower");
  c.image_size = side * c.patch;
  if (c.image_size > 4096) bad(w, "a CLIP vision tower for pictures of " + std::to_string(c.image_size) + " pixels");
  return c;
}

ClipVisionModel::ClipVisionModel(const nn::Weights& w) : config_(read_clip_vision_config(w)), compute_(w.compute()) {
  const nn::Weights model = w["vision_model"], tables = model["embeddings"];
  const int64_t width = config_.width, patch = config_.patch;
  const int64_t side = config_.image_size / patch, tokens = side * side + 1;
  class_row_ = checked_parameter(tables, "class_embedding", {width});
  positions_ = checked_parameter(tables, "position_embedding.weight", {tokens, width});
  // Patches do not overlap, so the convolution is a product with rows of patch * patch * 3 values.
  const Tensor kernel = checked_parameter(tables, "patch_embedding.weight", {width, 3, patch, patch}).to(kHost);
  if (!w.probing() && class_row_.defined()) {
    class_row_ = class_row_.view({1, 1, width});
    positions_ = positions_.view({1, tokens, width});
    const Tensor rows = contiguous(kernel.permute({0, 2, 3, 1})).view({width, patch * patch * 3});
    patches_ = nn::Linear(rows, Tensor(), DType::kF32, w.packer());
  }
  pre_norm_ = checked_norm(model["pre_layrnorm"], width);
  encoder_ =
      ClipEncoder(model["encoder"], {width, config_.heads, config_.layers, config_.activation, /*causal=*/false});
  post_norm_ = checked_norm(model["post_layernorm"], width);
  if (config_.second_projection > 0) {
    expect_shape(w["visual_projection"], "weight", {config_.projection, width});
    expect_shape(w["visual_projection_2"], "weight", {config_.second_projection, width});
    projection_ = nn::Linear({w["visual_projection"], w["visual_projection_2"]});
  } else {
    projection_ = checked_linear(w["visual_projection"], width, config_.projection, /*bias=*/false);
  }
  w.require_all();
}

void ClipVisionModel::check(const nn::Weights& w) { const ClipVisionModel probed(w.probe()); }

Tensor ClipVisionModel::embed(const Tensor& pixels) const {
  const int64_t patch = config_.patch, side = config_.image_size / patch;
  const Tensor grid = pixels.view({side, patch, side, patch, 3}).permute({0, 2, 1, 3, 4});
  const Tensor rows = patches_(contiguous(grid).to(positions_.device()).view({1, side * side, patch * patch * 3}));
  return ops::add(ops::concat({class_row_, rows}, 1), positions_);
}

ClipVisionOutput ClipVisionModel::encode_one(const Tensor& pixels) const {
  const auto states = encoder_(pre_norm_(embed(pixels)), config_.layers - 2);
  const Tensor token = post_norm_(clone(states.last.slice(1, 0, 1)), compute_);
  ClipVisionOutput out;
  out.image_embeds = projection_(token, {.f32_out = true}).view({1, config_.embeds_width()}).to(kHost);
  out.penultimate_hidden_states = states.intermediate.to(kHost);
  out.last_hidden_state = states.last.to(kHost);
  return out;
}

ClipVisionOutput ClipVisionModel::encode(const Tensor& pixels) const {
  const int64_t size = config_.image_size;
  if (pixels.rank() != 4 || pixels.dim(0) < 1 || pixels.dim(1) != size || pixels.dim(2) != size || pixels.dim(3) != 3)
    throw Error(Fault::kInternal,
                "pixels " + pixels.str() + " given to a CLIP vision model of size " + std::to_string(size));
  std::vector<Tensor> embeds, penultimate, last;
  for (int64_t i = 0; i < pixels.dim(0); ++i) {  // one by one, so that an encoding does not depend on the batch
    ClipVisionOutput one = encode_one(contiguous(convert(pixels.select(0, i), DType::kF32)));
    if (pixels.dim(0) == 1) return one;
    embeds.push_back(one.image_embeds);
    penultimate.push_back(one.penultimate_hidden_states);
    last.push_back(one.last_hidden_state);
  }
  return {ops::concat(embeds, 0), ops::concat(penultimate, 0), ops::concat(last, 0)};
}

size_t ClipVisionModel::bytes() const {
  return encoder_.bytes() + patches_.bytes() + projection_.bytes() + positions_.nbytes();
}

ClipVisionHandle load_clip_vision(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name, const std::string& prefix) {
  const auto tensors = vision_tower_tensors(file, prefix);
  if (!tensors)
    throw Error(Fault::kUnsupported, "this is not a CLIP vision model: it has no vision tower")
        .in_file(file_name)
        .fix("Choose a file from clip_vision/ such as the image encoders published with IP-Adapter");
  const nn::Weights weights(tensors, compute, file_name);
  ClipVisionModel::check(weights);
  const ClipVisionConfig config = read_clip_vision_config(weights);
  ClipVisionHandle handle;
  handle.file = file_name;
  handle.hidden_size = config.width;
  handle.layers = config.layers;
  handle.projection_dim = config.projection;
  handle.image_size = config.image_size;
  handle.memo = std::make_shared<ClipVisionMemo>();
  handle.model = packed_model<ClipVisionModel>(
      residency, std::string(config.name()) + " of " + file_name, {"vision", tensors, compute},
      [=](const ops::Packer& packer) {
        return std::make_shared<const ClipVisionModel>(nn::Weights(tensors, compute, file_name, packer));
      });
  return handle;
}

ClipVisionHandle find_clip_vision(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name) {
  return load_clip_vision(residency, file, compute, file_name, find_vision_tower(file).prefix);
}

Fingerprint ClipVisionMemo::key_of(const Tensor& images, image::ClipCrop crop) {
  return fingerprint(convert(images, DType::kF32), static_cast<uint64_t>(crop));
}

std::optional<ClipVisionOutput> ClipVisionMemo::find(const Fingerprint& key) {
  const MutexLock lock(mutex_);
  const ClipVisionOutput* found = entries_.find(key);
  return found ? std::optional(*found) : std::nullopt;
}

void ClipVisionMemo::add(const Fingerprint& key, const ClipVisionOutput& output) {
  const MutexLock lock(mutex_);
  entries_.keep(key, output);
}

ClipVisionOutput encode_images(const ClipVisionHandle& handle, const Tensor& images, image::ClipCrop crop) {
  const auto key = ClipVisionMemo::key_of(images, crop);
  if (auto known = handle.memo->find(key)) return *known;
  const Tensor pixels = image::clip_preprocess(images, handle.image_size, crop);
  ClipVisionOutput output = handle.model->get()->encode(pixels);
  handle.memo->add(key, output);
  return output;
}

ClipVisionOutput encode_masked_images(const ClipVisionHandle& handle, const Tensor& images, const Tensor& mask) {
  const int64_t size = handle.image_size, height = mask.dim(1), width = mask.dim(2), side = std::min(height, width);
  const auto first = [&](int64_t whole) { return image::round_half_even(static_cast<double>(whole - side) / 2.0); };
  Tensor shown = contiguous(mask.slice(0, 0, 1)).view({1, height, width, 1});
  if (height != size || width != size) {
    const Tensor square = contiguous(shown.slice(1, first(height), side).slice(2, first(width), side));
    shown = image::antialias_bicubic(square, {size, size});
  }
  const Tensor pixels = image::clip_preprocess(images, size, image::ClipCrop::kCenter);
  return handle.model->get()->encode(ops::mul(pixels, shown));
}

}  // namespace easel::models
