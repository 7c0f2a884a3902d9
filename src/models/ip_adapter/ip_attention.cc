#include "models/ip_adapter/ip_attention.h"

#include <algorithm>
#include <cmath>

#include "image/scale/resize.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models {
namespace {

// [N,T,C] -> [1,N*T,C]: one sample with the tokens of all N.
Tensor merged(const Tensor& t) { return t.view({1, t.dim(0) * t.dim(1), t.dim(2)}); }

// The first n samples of a batch; if there are fewer, the last one is repeated (the reference's tensor_to_size).
Tensor sized(const Tensor& t, int64_t n) {
  if (t.dim(0) == n) return t;
  if (t.dim(0) > n) return t.slice(0, 0, n);
  return ops::concat({t, ops::repeat(t.slice(0, t.dim(0) - 1, 1), n - t.dim(0))}, 0);
}

// v with its mean over the tokens of each image multiplied by w: (v - mean) + mean * w. v [N,T,C] f32.
Tensor scale_mean(const Tensor& v, float w) {
  return ops::map([=](auto one, auto mean) { return (one - mean) + mean * w; }, v,
                  ops::reduce(v, ops::Reduction::kMean, 1, 1));
}

// The rows and columns that the reference assumes for a map of `tokens` tokens and a latent of h x w.
std::pair<int64_t, int64_t> mask_size(int64_t h, int64_t w, int64_t tokens) {
  const double exact = static_cast<double>(h) / std::sqrt(static_cast<double>(h * w) / static_cast<double>(tokens));
  const int64_t whole = std::max<int64_t>(1, static_cast<int64_t>(exact));
  const int64_t rows = whole + (tokens % whole != 0 ? 1 : 0);
  return {rows, std::max<int64_t>(1, tokens / rows)};
}

}  // namespace

IpScaling ip_scaling(std::string_view name) {
  if (name == "original" || name == "V only") return IpScaling::kOutput;
  if (name == "linear" || name == "K+V") return IpScaling::kKeyValue;
  if (name == "K+V w/ C penalty") return IpScaling::kKeyValuePenalty;
  if (name == "channel penalty" || name == "K+mean(V) w/ C penalty") return IpScaling::kKeyMeanValuePenalty;
  throw Error(Fault::kInvalid, "'" + std::string(name) + "' is no way to scale an IP-Adapter");
}

IpAttention::IpAttention(IpAdapterHandle adapter, IpTokens tokens, IpAttentionOptions options)
    : adapter_(std::move(adapter)),
      tokens_(std::move(tokens)),
      options_(std::move(options)),
      layers_(adapter_.config.layer_widths.size()) {
  const Tensor &cond = tokens_.cond, &uncond = tokens_.uncond;
  if (cond.rank() != 3 || !(cond.shape() == uncond.shape()))
    throw Error(Fault::kInternal, "image tokens " + cond.str() + " and unconditional ones " + uncond.str());
}

IpAttention::Side IpAttention::project(const IpAdapter& adapter, size_t index, const Tensor& tokens,
                                       const IpLayerRule& rule, DType dtype) const {
  const auto kv = adapter.key_value(index, tokens);
  // Weights that differ from sample to sample are put on when the samples are known.
  if (options_.scaling == IpScaling::kOutput || !options_.sample_weights.empty())
    return {convert(kv.key, dtype), convert(kv.value, dtype)};
  return scaled({kv.key, kv.value}, rule.weight, dtype);
}

IpAttention::Side IpAttention::scaled(const Side& plain, float weight, DType dtype) const {
  const Tensor key = convert(plain.key, DType::kF32), value = convert(plain.value, DType::kF32);
  float w = weight;
  constexpr float kReferenceWidth = 1280.0f;  // see IpScaling
  if (options_.scaling != IpScaling::kKeyValue) w *= static_cast<float>(key.dim(2)) / kReferenceWidth;
  const Tensor values =
      options_.scaling == IpScaling::kKeyMeanValuePenalty ? scale_mean(value, w) : ops::affine(value, w);
  return {convert(ops::affine(key, w), dtype), convert(values, dtype)};
}

std::vector<float> IpAttention::weights_for(int64_t samples) const {
  std::vector<float> out = options_.sample_weights;
  if (!out.empty()) out.resize(static_cast<size_t>(samples), out.back());
  return out;
}

std::shared_ptr<const IpAttention::Layer> IpAttention::layer(size_t index, DType values) const {
  const MutexLock lock(mutex_);
  auto& cached = layers_[index];
  if (cached && cached->cond.key.dtype() == values) return cached;

  const IpLayerRule& rule = options_.rules[index];
  Tensor cond = tokens_.cond, uncond = tokens_.uncond;
  if (rule.inverted) {
    uncond = cond;
    cond = Tensor::zeros(cond.shape());
  }
  if (rule.composition && tokens_.composition.defined()) cond = tokens_.composition;
  const auto adapter = adapter_.model->get();
  auto fresh = std::make_shared<Layer>();
  fresh->cond = project(*adapter, index, cond, rule, values);
  fresh->uncond = project(*adapter, index, uncond, rule, values);
  cached = fresh;
  return cached;
}

void IpAttention::prepare(DType values) const {
  for (size_t i = 0; i < std::min(adapter_.config.layer_widths.size(), options_.rules.size()); ++i)
    if (options_.rules[i].weight != 0.0f) layer(i, values);
}

Tensor IpAttention::image_attention(const Layer& layer, const AttentionSite& site, const StepInfo& step,
                                    const Tensor& q) const {
  const auto chunks = static_cast<int64_t>(step.cond_or_uncond.size());
  const int64_t samples = q.dim(0) / chunks;
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < chunks; ++i) {
    const Side& side = step.cond_or_uncond[static_cast<size_t>(i)] == 1 ? layer.uncond : layer.cond;
    const bool own = options_.unfold_batch && side.key.dim(0) > 1;
    const Tensor key = own ? sized(side.key, samples) : merged(side.key);
    const Tensor value = own ? sized(side.value, samples) : merged(side.value);
    const std::vector<float> weights = weights_for(samples);
    if (weights.empty()) {
      parts.push_back(ops::attention(q.slice(0, i * samples, samples), key, value, site.heads));
      continue;
    }
    const float rule = options_.rules[static_cast<size_t>(site.index)].weight;
    const auto row = [](const Tensor& t, int64_t n) { return contiguous(t.slice(0, t.dim(0) == 1 ? 0 : n, 1)); };
    for (int64_t n = 0; n < samples; ++n) {
      const float weight = rule * weights[static_cast<size_t>(n)];
      const bool on_output = options_.scaling == IpScaling::kOutput;
      const Side plain{row(key, n), row(value, n)};
      const Side kv = on_output ? plain : scaled(plain, weight, q.dtype());
      const Tensor part = ops::attention(q.slice(0, i * samples + n, 1), kv.key, kv.value, site.heads);
      parts.push_back(on_output ? ops::affine(part, weight) : part);
    }
  }
  return parts.size() == 1 ? parts[0] : ops::concat(parts, 0);
}

// [chunks * samples, tokens, 1]: each sample's mask, the last one repeated, the same for every chunk; of the type of
// `like`, and on its device.
Tensor IpAttention::mask_for(const StepInfo& step, int64_t tokens, int64_t samples, const Tensor& like) const {
  const auto chunks = static_cast<int64_t>(step.cond_or_uncond.size());
  const MutexLock lock(mutex_);
  Tensor& cached = masks_[{.latent_height = step.latent_height,
                           .latent_width = step.latent_width,
                           .tokens = tokens,
                           .chunks = chunks,
                           .samples = samples}];
  if (cached.defined() && cached.dtype() == like.dtype()) return cached;

  const auto [rows, columns] = mask_size(step.latent_height, step.latent_width, tokens);
  const Tensor& mask = options_.mask;
  const Tensor small =
      image::resize(contiguous(mask).view({mask.dim(0), mask.dim(1), mask.dim(2), 1}), {columns, rows},
                    options_.bicubic_mask ? image::ResizeMethod::kBicubic : image::ResizeMethod::kBilinear);
  const Tensor flat = contiguous(sized(small.view({mask.dim(0), rows * columns, 1}), samples));
  // For unusual shapes the map may have more or fewer tokens than rows x columns: the mask is centred and zero-padded.
  const Tensor fitted = Tensor::zeros({samples, tokens, 1});
  const int64_t pad = std::max<int64_t>(0, (tokens - rows * columns) / 2),
                cut = std::max<int64_t>(0, (rows * columns - tokens) / 2);
  const int64_t count = std::min(tokens, rows * columns);
  ops::copy(flat.slice(1, cut, count), fitted.slice(1, pad, count));
  cached = convert(chunks == 1 ? fitted : ops::repeat(fitted, chunks), like.dtype()).to(like.device());
  return cached;
}

Tensor IpAttention::after_cross_attention(const AttentionSite& site, const StepInfo& step, const Tensor& q,
                                          const Tensor& out) const {
  const auto index = static_cast<size_t>(std::max(site.index, 0));
  if (step.sigma > options_.sigma_start || step.sigma < options_.sigma_end) return out;
  if (index < options_.rules.size() && options_.rules[index].weight == 0.0f) return out;
  if (step.cond_or_uncond.empty() || q.dim(0) % static_cast<int64_t>(step.cond_or_uncond.size()) != 0)
    throw Error(Fault::kInternal, "a batch of " + std::to_string(q.dim(0)) + " in " +
                                      std::to_string(step.cond_or_uncond.size()) + " chunks");
  if (site.index < 0 || index >= adapter_.config.layer_widths.size() || adapter_.config.layer_widths[index] != q.dim(2))
    throw Error(Fault::kMismatch, "the adapter has no keys of width " + std::to_string(q.dim(2)) +
                                      " for cross-attention " + std::to_string(site.index) + " of the model")
        .in_file(adapter_.file);
  const auto prepared = layer(index, q.dtype());
  Tensor image = image_attention(*prepared, site, step, q);
  const bool weighted = options_.scaling == IpScaling::kOutput && options_.sample_weights.empty();
  const float weight = weighted ? options_.rules[index].weight : 1.0f;
  if (!options_.mask.defined()) return ops::add(out, image, weight);
  if (weight != 1.0f) image = ops::affine(image, weight);
  const int64_t samples = q.dim(0) / static_cast<int64_t>(step.cond_or_uncond.size());
  return ops::add(out, ops::mul(image, mask_for(step, q.dim(1), samples, q)));
}

}  // namespace easel::models
