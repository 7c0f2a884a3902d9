#include "models/ip_adapter/resampler.h"

#include "models/weights/key_names.h"

namespace easel::models {
namespace {

constexpr int64_t kHeadWidth = 64;

// The rows of a weight, or 0 if it is missing (which is reported as such, not as a wrong shape).
int64_t rows_of(const nn::Weights& w) {
  const auto shape = w.shape("weight");
  return shape && shape->rank() == 2 ? (*shape)[0] : 0;
}

int64_t columns_of(const nn::Weights& w) {
  const auto shape = w.shape("weight");
  return shape && shape->rank() == 2 ? (*shape)[1] : 0;
}

}  // namespace

Resampler::Resampler(const nn::Weights& w) {
  const auto latents = w.shape("latents");
  if (!latents) {
    w.get("latents");  // recorded as missing
    return;
  }
  if (latents->rank() != 3 || (*latents)[0] != 1)
    throw Error(Fault::kBadFile, "tensor '" + w.full("latents") + "' has shape " + latents->str()).in_file(w.file());
  const int64_t dim = (*latents)[2], output = rows_of(w["proj_out"]);
  compute_ = w.compute();
  latents_ = checked_parameter(w, "latents", *latents);
  proj_in_ = checked_linear(w["proj_in"], columns_of(w["proj_in"]), dim);
  proj_out_ = checked_linear(w["proj_out"], dim, output);
  norm_out_ = checked_norm(w["norm_out"], output);
  const int64_t layers = numbered_children(w["layers"]);
  for (int64_t i = 0; i < layers; ++i) {
    const nn::Weights attention = w["layers"][i][0], mlp = w["layers"][i][1];
    const int64_t inner = rows_of(attention["to_q"]), hidden = rows_of(mlp[1]);
    if (inner % kHeadWidth != 0)
      throw Error(Fault::kBadFile, "tensor '" + attention.full("to_q.weight") + "' has " + std::to_string(inner) +
                                       " rows, not a multiple of 64")
          .in_file(w.file());
    Layer layer;
    layer.heads = inner / kHeadWidth;
    layer.states_norm = checked_norm(attention["norm1"], dim);
    layer.latents_norm = checked_norm(attention["norm2"], dim);
    layer.to_q = checked_linear(attention["to_q"], dim, inner, /*bias=*/false);
    layer.to_kv = checked_linear(attention["to_kv"], dim, 2 * inner, /*bias=*/false);
    layer.to_out = checked_linear(attention["to_out"], inner, dim, /*bias=*/false);
    layer.hidden_norm = checked_norm(mlp[0], dim);
    layer.fc1 = checked_linear(mlp[1], dim, hidden, /*bias=*/false);
    layer.fc2 = checked_linear(mlp[3], hidden, dim, /*bias=*/false);
    layers_.push_back(std::move(layer));
  }
}

Tensor Resampler::operator()(const Tensor& states) const {
  const Tensor x = proj_in_(states);
  Tensor latents = latents_;
  for (const Layer& layer : layers_) {
    const Tensor normed = layer.latents_norm(latents, compute_);
    const Tensor q = layer.to_q(normed), kv = layer.to_kv(ops::concat({layer.states_norm(x), normed}, 1));
    const int64_t inner = q.dim(2);
    const Tensor mixed = ops::attention(q, kv.slice(2, 0, inner), kv.slice(2, inner, inner), layer.heads);
    latents = layer.to_out(mixed, {.residual = latents, .f32_out = true});
    const Tensor hidden = layer.fc1(layer.hidden_norm(latents, compute_), {.activation = ops::Activation::kGelu});
    latents = layer.fc2(hidden, {.residual = latents, .f32_out = true});
  }
  return norm_out_(proj_out_(convert(latents, compute_), {.f32_out = true}));
}

size_t Resampler::bytes() const {
  size_t total = latents_.defined() ? latents_.nbytes() : 0;
  total += proj_in_.bytes() + proj_out_.bytes();
  for (const Layer& l : layers_)
    total += l.to_q.bytes() + l.to_kv.bytes() + l.to_out.bytes() + l.fc1.bytes() + l.fc2.bytes();
  return total;
}

}  // namespace easel::models
