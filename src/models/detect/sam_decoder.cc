#include "models/detect/sam_decoder.h"

#include "models/hints/dpt.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models {
namespace {

constexpr int64_t kHeads = 8;

nn::LayerNorm norm(const nn::Weights& w, int64_t width) {
  expect_shape(w, "weight", {width});
  expect_shape(w, "bias", {width});
  return nn::LayerNorm(w);  // an epsilon of 1e-5
}

}  // namespace

SamAttention::SamAttention(const nn::Weights& w, int64_t width, int64_t inner)
    : q_(dpt::linear(w["q_proj"], width, inner)),
      k_(dpt::linear(w["k_proj"], width, inner)),
      v_(dpt::linear(w["v_proj"], width, inner)),
      out_(dpt::linear(w["out_proj"], inner, width)) {}
Tensor SamAttention::operator()(const Tensor& q, const Tensor& k, const Tensor& v) const {
  return out_(ops::attention(q_(q), k_(k), v_(v), kHeads));
}

SamChain::SamChain(const nn::Weights& w, const std::vector<int64_t>& widths) {
  for (size_t i = 0; i + 1 < widths.size(); ++i)
    layers_.push_back(dpt::linear(w["layers"][static_cast<int64_t>(i)], widths[i], widths[i + 1]));
}
Tensor SamChain::operator()(Tensor x) const {
  for (size_t i = 0; i < layers_.size(); ++i)
    x = layers_[i](x, {.activation = i + 1 < layers_.size() ? ops::Activation::kRelu : ops::Activation::kNone});
  return x;
}
size_t SamChain::bytes() const {
  size_t total = 0;
  for (const nn::Linear& layer : layers_) total += layer.bytes();
  return total;
}

SamEnlargement::SamEnlargement(const nn::Weights& w, int64_t in, int64_t out) {
  expect_shape(w, "weight", {in, out, 2, 2});
  const StoredTensor weight = w.get("weight");
  bias_ = checked_parameter(w, "bias", {out});
  if (w.probing() || !weight.defined() || !bias_.defined()) return;
  bias_ = bias_.view({1, 1, 1, out});
  product_ = nn::Linear(weight.matrix().transposed(), StoredTensor(), DType::kF32, w.packer());
}
Tensor SamEnlargement::operator()(const Tensor& x) const { return ops::add(ops::pixel_shuffle(product_(x), 2), bias_); }

SamDecoder::SamDecoder(const nn::Weights& w, const nn::Weights& prompts, int64_t width, int64_t side)
    : width_(width), side_(side) {
  if (w.has("hf_token.weight"))
    throw Error(Fault::kUnsupported, "is of the kind SAM-HQ, which Easel does not run").in_file(w.file());
  const Tensor matrix = prompts["pe_layer"].values("positional_encoding_gaussian_matrix", Shape{2, width / 2});
  nothing_ = checked_parameter(prompts["no_mask_embed"], "weight", {1, width});
  constexpr int64_t kRoles = 4;
  for (int64_t i = 0; i < kRoles; ++i)
    roles_.push_back(checked_parameter(prompts["point_embeddings"][i], "weight", {1, width}));
  roles_.push_back(checked_parameter(prompts["not_a_point_embed"], "weight", {1, width}));
  const Tensor of_quality = checked_parameter(w["iou_token"], "weight", {1, width}),
               of_masks = checked_parameter(w["mask_tokens"], "weight", {static_cast<int64_t>(kMasks), width});
  const nn::Weights t = w["transformer"];
  const auto inner = t["layers"]["0"]["mlp"]["lin1"].shape("weight");
  const int64_t hidden = inner && inner->rank() == 2 ? (*inner)[0] : 8 * width;
  constexpr int64_t kMostLayers = 16;
  const int64_t count = numbered_children(t["layers"]);
  if (count > kMostLayers)
    throw Error(Fault::kBadFile, "has " + std::to_string(count) + " layers in its decoder").in_file(w.file());
  for (int64_t i = 0; i < count; ++i) {
    const nn::Weights l = t["layers"][i];
    layers_.push_back({.self = SamAttention(l["self_attn"], width, width),
                       .to_picture = SamAttention(l["cross_attn_token_to_image"], width, width / 2),
                       .to_places = SamAttention(l["cross_attn_image_to_token"], width, width / 2),
                       .after_self = norm(l["norm1"], width),
                       .after_picture = norm(l["norm2"], width),
                       .after_network = norm(l["norm3"], width),
                       .after_places = norm(l["norm4"], width),
                       .first = dpt::linear(l["mlp"]["lin1"], width, hidden),
                       .second = dpt::linear(l["mlp"]["lin2"], hidden, width)});
  }
  last_ = SamAttention(t["final_attn_token_to_image"], width, width / 2);
  last_norm_ = norm(t["norm_final_attn"], width);
  const nn::Weights up = w["output_upscaling"];
  enlarge_ = SamEnlargement(up["0"], width, width / 4);
  enlarged_norm_ = dpt::norm(up["1"], width / 4);
  enlarge_more_ = SamEnlargement(up["3"], width / 4, width / 8);
  for (size_t i = 0; i < kMasks; ++i)
    masks_[i] = SamChain(w["output_hypernetworks_mlps"][static_cast<int64_t>(i)], {width, width, width, width / 8});
  quality_ = SamChain(w["iou_prediction_head"], {width, width, width, static_cast<int64_t>(kMasks)});
  if (w.probing() || !matrix.defined() || !nothing_.defined() || !of_quality.defined() || !of_masks.defined()) return;
  matrix_ = ops::read(matrix);
  if (!w.packer().measures())
    cells_ = image::cell_codes(side, matrix_).view({1, side * side, width}).to(w.packer().device());
  nothing_ = nothing_.view({1, 1, width});
  for (Tensor& role : roles_)
    if (role.defined()) role = role.view({1, 1, width});
  tokens_ = ops::concat({of_quality.view({1, 1, width}), of_masks.view({1, static_cast<int64_t>(kMasks), width})}, 1);
}

SamMasks SamDecoder::operator()(const Tensor& encoded, const std::vector<image::SegmentPlace>& places) const {
  const Device device = encoded.device();
  std::vector<Tensor> all{tokens_};
  if (!places.empty()) {
    const auto count = static_cast<int64_t>(places.size());
    const Tensor codes = image::place_codes(places, matrix_).view({1, count, width_}).to(device);
    for (int64_t i = 0; i < count; ++i)
      all.push_back(ops::add(codes.slice(1, i, 1), roles_[static_cast<size_t>(places[static_cast<size_t>(i)].role)]));
  }
  const Tensor asked = ops::concat(all, 1);
  Tensor rows = asked, cells = ops::add(encoded.view({1, side_ * side_, width_}), nothing_);
  for (const Layer& layer : layers_) {
    const bool first = &layer == layers_.data();
    const Tensor own = first ? rows : ops::add(rows, asked);
    const Tensor among = layer.self(own, own, rows);
    rows = layer.after_self(first ? among : ops::add(rows, among));
    rows = layer.after_picture(ops::add(rows, layer.to_picture(ops::add(rows, asked), ops::add(cells, cells_), cells)));
    rows = layer.after_network(
        layer.second(layer.first(rows, {.activation = ops::Activation::kRelu}), {.residual = rows}));
    cells = layer.after_places(ops::add(cells, layer.to_places(ops::add(cells, cells_), ops::add(rows, asked), rows)));
  }
  rows = last_norm_(ops::add(rows, last_(ops::add(rows, asked), ops::add(cells, cells_), cells)));
  const Tensor small = enlarged_norm_(enlarge_(cells.view({1, side_, side_, width_})));
  const Tensor large =
      ops::activate(enlarge_more_(ops::activate(small, ops::Activation::kGelu)), ops::Activation::kGelu);
  std::vector<Tensor> masks;
  for (size_t i = 1; i < kMasks; ++i) {
    const Tensor by = masks_[i](contiguous(rows.slice(1, 1 + static_cast<int64_t>(i), 1))).view({1, 1, 1, width_ / 8});
    masks.push_back(ops::reduce(ops::mul(large, by), ops::Reduction::kSum, 3, 3));
  }
  const std::vector<float> quality = ops::read(quality_(contiguous(rows.slice(1, 0, 1))));
  return {contiguous(ops::concat(masks, -1)).to(kHost), {quality.begin() + 1, quality.end()}};
}

size_t SamDecoder::bytes() const {
  size_t total = last_.bytes() + enlarge_.bytes() + enlarge_more_.bytes() + quality_.bytes() +
                 static_cast<size_t>(side_ * side_ * width_) * sizeof(float);
  for (const Layer& l : layers_)
    total += l.self.bytes() + l.to_picture.bytes() + l.to_places.bytes() + l.first.bytes() + l.second.bytes();
  for (const SamChain& chain : masks_) total += chain.bytes();
  return total;
}

}  // namespace easel::models
