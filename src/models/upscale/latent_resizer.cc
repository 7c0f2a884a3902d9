#include "models/upscale/latent_resizer.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "image/scale/resize.h"
#include "image/scale/taps.h"
#include "models/sd/latents.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"
#include "nn/layers.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/resample.h"

namespace easel::models {
namespace {

constexpr int64_t kLatentChannels = 4, kGroups = 32, kMostBlocks = 256;

nn::Conv2d conv(const nn::Weights& w, int64_t in, int64_t out, int64_t window) {
  expect_shape(w, "weight", {out, in, window, window});
  expect_shape(w, "bias", {out});
  return nn::Conv2d(with_bias(w), {.pad = window / 2});
}

nn::GroupNorm norm(const nn::Weights& w, int64_t width) {
  expect_shape(w, "weight", {width});
  expect_shape(w, "bias", {width});
  return nn::GroupNorm(w);
}

// One head over all pixels. Keys: norm, q, k, v, proj_out.
struct ResizerAttention {
  ResizerAttention(const nn::Weights& w, int64_t width)
      : before(norm(w["norm"], width)),
        q(conv(w["q"], width, width, 1)),
        k(conv(w["k"], width, width, 1)),
        v(conv(w["v"], width, width, 1)),
        out(conv(w["proj_out"], width, width, 1)) {}
  Tensor operator()(const Tensor& x) const {
    const int64_t n = x.dim(0), tokens = x.dim(1) * x.dim(2), c = x.dim(3);
    const Tensor h = before(x);
    const auto rows = [&](const nn::Conv2d& part) { return part(h).view({n, tokens, c}); };
    return out(ops::attention(rows(q), rows(k), rows(v), 1).view(x.shape()), {.residual = x});
  }
  size_t bytes() const { return q.bytes() + k.bytes() + v.bytes() + out.bytes(); }
  nn::GroupNorm before;
  nn::Conv2d q, k, v, out;
};

// Keys: in_layers.0, in_layers.2, emb_layers.1, out_layers.0, out_layers.3.
struct ResizerBlock {
  ResizerBlock(const nn::Weights& w, int64_t width, int64_t embedding)
      : norm1(norm(w["in_layers"][0], width)),
        norm2(norm(w["out_layers"][0], width)),
        conv1(conv(w["in_layers"][2], width, width, 3)),
        conv2(conv(w["out_layers"][3], width, width, 3)),
        factor(checked_linear(w["emb_layers"][1], embedding, width)) {}
  Tensor operator()(const Tensor& x, const Tensor& embedding) const {
    const Tensor bias = ops::repeat(factor(embedding), x.dim(0));
    const Tensor h = conv1(norm1(x, ops::Activation::kSilu), {.channel_bias = bias});
    return conv2(norm2(h, ops::Activation::kSilu), {.residual = x});
  }
  size_t bytes() const { return conv1.bytes() + conv2.bytes() + factor.bytes(); }
  nn::GroupNorm norm1, norm2;
  nn::Conv2d conv1, conv2;
  nn::Linear factor;
};

using Layer = std::variant<ResizerAttention, ResizerBlock>;

// torch's bilinear interpolation without aligned corners.
ops::Taps between(int64_t from, int64_t to) {
  const image::Taps taps = image::linear_taps(from, to);
  return {taps.count, taps.index, taps.weight};
}

}  // namespace

bool is_latent_resizer(const StoredTensors& file) {
  return file.contains("in_blocks.0.in_layers.0.weight") && file.contains("out_blocks.0.in_layers.0.weight") &&
         file.contains("embed.0.weight");
}

struct LatentResizer::Impl {
  explicit Impl(const nn::Weights& w) : device(w.packer().device()) {
    const auto shape = w.shape("conv_in.weight"), embedding = w.shape("embed.0.weight");
    width = shape && shape->rank() == 4 ? (*shape)[0] : 0;
    embedded = embedding && embedding->rank() == 2 ? (*embedding)[0] : 0;
    if (width % kGroups != 0)
      throw Error(Fault::kBadFile, "a network of " + std::to_string(width) + " channels does not divide into " +
                                       std::to_string(kGroups) + " groups")
          .in_file(w.file());
    first = conv(w["conv_in"], kLatentChannels, width, 3);
    embed1 = checked_linear(w["embed"][0], 1, embedded);
    embed2 = checked_linear(w["embed"][2], embedded, embedded);
    before = layers(w["in_blocks"]);
    after = layers(w["out_blocks"]);
    last_norm = norm(w["norm_out"], width);
    last = conv(w["conv_out"], width, kLatentChannels, 3);
    w.require_all();
  }

  std::vector<Layer> layers(const nn::Weights& w) const {
    const int64_t count = numbered_children(w);
    if (count > kMostBlocks)
      throw Error(Fault::kBadFile, "has " + std::to_string(count) + " blocks, more than such a network has")
          .in_file(w.file());
    std::vector<Layer> out;
    for (int64_t i = 0; i < count; ++i) {
      const nn::Weights layer = w[i];
      if (layer.has("q.weight")) out.emplace_back(ResizerAttention(layer, width));
      else out.emplace_back(ResizerBlock(layer, width, embedded));
    }
    return out;
  }

  static Tensor run(const std::vector<Layer>& layers, Tensor x, const Tensor& embedding) {
    for (const Layer& layer : layers)
      if (const auto* attention = std::get_if<ResizerAttention>(&layer)) x = (*attention)(x);
      else x = std::get<ResizerBlock>(layer)(x, embedding);
    return x;
  }

  Device device;
  int64_t width = 0, embedded = 0;
  nn::Conv2d first, last;
  nn::Linear embed1, embed2;
  nn::GroupNorm last_norm;
  std::vector<Layer> before, after;
};

LatentResizer::LatentResizer(const nn::Weights& w)
    : impl_(from_file(w, [&] { return std::make_unique<const Impl>(w); })) {}
LatentResizer::~LatentResizer() = default;

void LatentResizer::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

image::Size resized_latent(image::Size now, double factor) {
  return {image::round_half_even(static_cast<double>(now.width) * factor),
          image::round_half_even(static_cast<double>(now.height) * factor)};
}

Tensor LatentResizer::forward(const Tensor& latents, double factor) const {
  const Impl& m = *impl_;
  if (latents.rank() != 4 || latents.dim(3) != kLatentChannels)
    throw Error(Fault::kMismatch, "a latent of shape " + latents.shape().str() + " has not the " +
                                      std::to_string(kLatentChannels) + " channels of SD 1.x and SDXL");
  const image::Size now{latents.dim(2), latents.dim(1)}, size = resized_latent(now, factor);
  if (size == now) return latents;
  const Tensor how_much = Tensor::of({1, 1}, {static_cast<float>(factor - 1)}).to(m.device);
  const Tensor embedding =
      ops::activate(m.embed2(m.embed1(how_much, {.activation = ops::Activation::kSilu})), ops::Activation::kSilu);
  Tensor x = Impl::run(m.before, m.first(contiguous(latents).to(m.device)), embedding);
  x = ops::resample(x, between(now.height, size.height), between(now.width, size.width));
  x = Impl::run(m.after, x, embedding);
  return m.last(m.last_norm(x, ops::Activation::kSilu)).to(kHost);
}

size_t LatentResizer::memory_estimate(const Shape& latents, double factor) const {
  constexpr double kMaps = 6;
  return static_cast<size_t>(static_cast<double>(latents[0] * latents[1] * latents[2]) * factor * factor * kMaps *
                             static_cast<double>(impl_->width) * sizeof(float));
}

size_t LatentResizer::bytes() const {
  const Impl& m = *impl_;
  size_t total = m.first.bytes() + m.last.bytes() + m.embed1.bytes() + m.embed2.bytes();
  for (const auto* layers : {&m.before, &m.after})
    for (const Layer& layer : *layers) total += std::visit([](const auto& l) { return l.bytes(); }, layer);
  return total;
}

Tensor enlarged_latents(const LatentResizer& network, const Tensor& latents, double factor) {
  return sd::kSdxlLatents.from_model(network.forward(sd::kSdxlLatents.to_model(latents), factor));
}

LatentResizerHandle load_latent_resizer(memory::Residency& residency, const StoredTensors& file,
                                        const std::string& file_name) {
  if (!is_latent_resizer(file))
    throw Error(Fault::kUnsupported, "this is no network that enlarges latents")
        .in_file(file_name)
        .fix("Put sd15_resizer.pt and sdxl_resizer.pt there, which come with ComfyUi_NNLatentUpscale");
  const auto tensors = std::make_shared<const StoredTensors>(file);
  LatentResizer::check(nn::Weights(tensors, DType::kF32, file_name));
  LatentResizerHandle handle{file_name, nullptr};
  handle.model = packed_model<LatentResizer>(
      residency, "latent resizer " + file_name, {"latent resizer", tensors, DType::kF32},
      [=](const ops::Packer& packer) {
        return std::make_shared<const LatentResizer>(nn::Weights(tensors, DType::kF32, file_name, packer));
      });
  return handle;
}

}  // namespace easel::models
