#include "models/text/clip_encoder.h"

namespace easel::models {

Shape shape_of_rank(const nn::Weights& w, const std::string& name, int rank) {
  const auto shape = w.shape(name);
  if (!shape) throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "' is missing").in_file(w.file());
  if (shape->rank() != rank || shape->numel() == 0)
    throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "' has shape " + shape->str()).in_file(w.file());
  return *shape;
}

void expect_shape(const nn::Weights& w, const std::string& name, const Shape& expected) {
  const auto shape = w.shape(name);
  if (!shape || (*shape == expected && expected.numel() > 0)) return;
  const std::string problem =
      *shape == expected ? " is empty" : " has shape " + shape->str() + ", expected " + expected.str();
  throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "'" + problem).in_file(w.file());
}

nn::Linear checked_linear(const nn::Weights& w, int64_t in, int64_t out, bool bias) {
  expect_shape(w, "weight", {out, in});
  expect_shape(w, "bias", {out});
  if (bias && !w.has("bias")) w.get("bias");  // recorded as missing
  return nn::Linear(w);
}

nn::Linear checked_linears(std::initializer_list<nn::Weights> parts, int64_t in, int64_t out) {
  for (const nn::Weights& w : parts) {
    expect_shape(w, "weight", {out, in});
    expect_shape(w, "bias", {out});
    if (!w.has("bias")) w.get("bias");
  }
  return nn::Linear(parts);
}

nn::LayerNorm checked_norm(const nn::Weights& w, int64_t width) {
  expect_shape(w, "weight", {width});
  expect_shape(w, "bias", {width});
  return nn::LayerNorm(w);
}

Tensor checked_parameter(const nn::Weights& w, const std::string& name, const Shape& shape) {
  expect_shape(w, name, shape);
  return w.values(name);
}

ClipEncoder::ClipEncoder(const nn::Weights& w, const ClipEncoderConfig& config)
    : config_(config), compute_(w.compute()) {
  const int64_t width = config.width;
  if (config.heads <= 0 || width % config.heads != 0)
    throw Error(Fault::kBadFile, "a width of " + std::to_string(width) + " does not divide into " +
                                     std::to_string(config.heads) + " attention heads")
        .in_file(w.file());
  for (int64_t i = 0; i < config.layers; ++i) {
    const nn::Weights layer = w["layers"][i], attention = layer["self_attn"], mlp = layer["mlp"];
    const auto hidden_shape = mlp["fc1"].shape("weight");
    const int64_t hidden = hidden_shape && hidden_shape->rank() == 2 ? (*hidden_shape)[0] : 0;
    Block block;
    block.norm1 = checked_norm(layer["layer_norm1"], width);
    block.qkv = checked_linears({attention["q_proj"], attention["k_proj"], attention["v_proj"]}, width, width);
    block.out = checked_linear(attention["out_proj"], width, width);
    block.norm2 = checked_norm(layer["layer_norm2"], width);
    block.fc1 = checked_linear(mlp["fc1"], width, hidden);
    block.fc2 = checked_linear(mlp["fc2"], hidden, width);
    blocks_.push_back(std::move(block));
  }
}

// x, the sum all layers add to, stays f32; the products are computed in the compute type.
Tensor ClipEncoder::run(const Block& block, Tensor x) const {
  const int64_t width = config_.width;
  const Tensor qkv = block.qkv(block.norm1(x, compute_));
  ops::AttentionArgs attention;
  attention.causal = config_.causal;
  const Tensor mixed = ops::attention(qkv.slice(2, 0, width), qkv.slice(2, width, width),
                                      qkv.slice(2, 2 * width, width), config_.heads, attention);
  x = block.out(mixed, {.residual = x, .f32_out = true});
  const Tensor hidden = block.fc1(block.norm2(x, compute_), {.activation = config_.activation});
  return block.fc2(hidden, {.residual = x, .f32_out = true});
}

ClipEncoder::Output ClipEncoder::operator()(Tensor x, int64_t keep, bool need_last) const {
  Output out;
  for (int64_t i = 0; i < config_.layers; ++i) {
    x = run(blocks_[static_cast<size_t>(i)], std::move(x));
    if (i != keep) continue;
    out.intermediate = x;
    if (!need_last) return out;
  }
  out.last = x;
  return out;
}

size_t ClipEncoder::bytes() const {
  size_t total = 0;
  for (const Block& b : blocks_) total += b.qkv.bytes() + b.out.bytes() + b.fc1.bytes() + b.fc2.bytes();
  return total;
}

}  // namespace easel::models
