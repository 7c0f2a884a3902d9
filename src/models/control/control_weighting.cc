#include "models/control/control_weighting.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "image/scale/resize.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kPixels = 8;  // of a latent pixel, along a side
enum Key { kInput, kMiddle, kOutput };

bool differs_from_one(double v) { return std::fabs(v - 1.0) > 1e-9 * std::max(1.0, std::fabs(v)); }

// Masks [n,H,W] or [n,H,W,1] as [n,h,w,1].
Tensor sized(const Tensor& mask, int64_t height, int64_t width) {
  const int last = mask.rank() == 4 ? -2 : -1;
  const Tensor maps = contiguous(convert(mask, DType::kF32)).view({-1, mask.dim(last - 1), mask.dim(last), 1});
  return image::resize(maps, {.width = width, .height = height}, image::ResizeMethod::kBilinear);
}

// As many masks as a chunk has pictures: the first ones, or the last one again.
Tensor for_pictures(const Tensor& masks, int64_t pictures) {
  if (masks.dim(0) >= pictures) return masks.slice(0, 0, pictures);
  std::vector<Tensor> all{masks};
  for (int64_t i = masks.dim(0); i < pictures; ++i) all.push_back(masks.slice(0, masks.dim(0) - 1, 1));
  return ops::concat(all, 0);
}

}  // namespace

void ControlKeyframes::add(ControlKeyframe keyframe) {
  const auto behind = std::upper_bound(
      all_.begin(), all_.end(), keyframe,
      [](const ControlKeyframe& a, const ControlKeyframe& b) { return a.start_percent < b.start_percent; });
  all_.insert(behind, std::move(keyframe));
}

std::optional<Error> weighting_mismatch(const ControlWeighting& weighting, const ControlNetHandle& net) {
  using Kind = ControlWeights::Kind;
  const auto check = [&](const ControlWeightsPtr& weights) -> std::optional<Error> {
    if (!weights || weights->kind == Kind::kDefault || weights->kind == Kind::kUniversal) return std::nullopt;
    const char* what = net.lora ? "a ControlLoRA" : net.t2i_adapter ? "a T2I-Adapter" : "a ControlNet";
    if (!net.lora && (weights->kind == Kind::kT2iAdapter) == net.t2i_adapter) return std::nullopt;
    return Error(Fault::kMismatch, std::string("the weights are made for ") +
                                       (weights->kind == Kind::kT2iAdapter ? "T2I-Adapters" : "ControlNets") +
                                       ", and " + net.file + " is " + what)
        .fix("Use Scaled Soft Weights, which are for any of them, or those made for this one");
  };
  if (weighting.weights) return check(weighting.weights);
  if (weighting.keyframes)
    for (const ControlKeyframe& keyframe : weighting.keyframes->all())
      if (auto misfit = check(keyframe.weights)) return misfit;
  return std::nullopt;
}

ControlWeigher::ControlWeigher(const ControlLink& link, const sampling::ModelSampling& sampling, float highest)
    : weighting_(*link.weighting),
      adapter_(link.net.t2i_adapter),
      difference_(link.net.lora != nullptr),
      keyframes_(weighting_.keyframes ? weighting_.keyframes->all() : ControlKeyframes().all()),
      highest_(highest),
      weights_(weighting_.weights),
      latents_(weighting_.latents) {
  for (const ControlKeyframe& keyframe : keyframes_)
    starts_.push_back(static_cast<float>(sampling.percent_to_sigma(keyframe.start_percent)));
  static const ControlKeyframe kNone{};
  keyframe_ = &kNone;
}

void ControlWeigher::at(float sigma) {
  if (last_ && *last_ == sigma) return;
  // A keyframe from before the run began needs no steps of its own.
  const auto guaranteed = [&](size_t i) { return starts_[i] > highest_ ? 0 : keyframes_[i].guarantee_steps; };
  if (current_ < 0 || used_ >= guaranteed(static_cast<size_t>(current_))) {
    for (auto i = static_cast<size_t>(current_ + 1); i < keyframes_.size() && starts_[i] >= sigma; ++i) {
      current_ = static_cast<int>(i);
      keyframe_ = &keyframes_[i];
      used_ = 0;
      if (keyframe_->weights || !keyframe_->inherit_missing) weights_ = keyframe_->weights;
      if (keyframe_->latents || !keyframe_->inherit_missing) latents_ = keyframe_->latents;
      if (weighting_.weights) weights_ = weighting_.weights;
      if (weighting_.latents) latents_ = weighting_.latents;
      if (guaranteed(i) > 0) break;
    }
  }
  last_ = sigma;
  ++used_;
}

Tensor ControlWeigher::mask_for(const Tensor& masks, const Tensor& map, int64_t pictures, int64_t chunks) {
  Tensor out = for_pictures(sized(masks, map.dim(1), map.dim(2)), pictures);
  if (out.dim(0) > 1 && chunks > 1) out = ops::repeat(contiguous(out), chunks);
  return contiguous(out).to(map.device());
}

Tensor ControlWeigher::row_factors(const std::vector<int>& cond_or_uncond, int64_t rows) const {
  std::vector<float> factors(static_cast<size_t>(rows), 1.0f);
  const auto chunks = static_cast<int64_t>(cond_or_uncond.size()), pictures = rows / chunks;
  std::vector<double> strengths(static_cast<size_t>(pictures), latents_ ? keyframe_->null_latent_strength : 1.0);
  if (latents_)
    for (const auto& [index, strength] : latents_->all()) {
      const int64_t at = index < 0 ? index + pictures : index;
      if (at >= 0 && at < pictures) strengths[static_cast<size_t>(at)] = strength;
    }
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    for (int64_t i = 0; i < pictures; ++i) {
      double factor = strengths[static_cast<size_t>(i)];
      if (weights_ && cond_or_uncond[static_cast<size_t>(chunk)] == 1 && differs_from_one(weights_->uncond))
        factor *= weights_->uncond;
      factors[static_cast<size_t>(chunk * pictures + i)] = static_cast<float>(factor);
    }
  return Tensor::of({rows, 1, 1, 1}, factors);
}

// The power of the base for a residual: 1 at the output block next to the middle, more towards the first blocks. An
// adapter's four maps count as the last three and the first of eight steps.
int ControlWeigher::power(int key, size_t index, size_t count) const {
  constexpr std::array<int, 4> kOfStages{7, 2, 1, 0};
  if (key == kMiddle) return 0;
  if (adapter_) return kOfStages[std::min<size_t>(index / 3, 3)];
  return static_cast<int>(count - index);
}

double ControlWeigher::block_weight(int key, size_t index, size_t count) const {
  using Kind = ControlWeights::Kind;
  if (!weights_) return 1.0;
  const double middle = key == kMiddle ? weights_->middle_mult : 1.0;
  switch (weights_->kind) {
    case Kind::kDefault: break;
    case Kind::kUniversal:
      // As in the reference, the base has no effect on the blocks of a ControlLoRA.
      if (key != kMiddle && !difference_) return std::pow(weights_->base, power(key, index, count));
      break;
    case Kind::kControlNet:
      if (key == kOutput && index < weights_->output.size()) return weights_->output[index];
      if (key == kMiddle && weights_->middle) return *weights_->middle * middle;
      break;
    case Kind::kT2iAdapter:
      if (key == kInput && index / 3 < weights_->input.size()) return weights_->input[index / 3];
      break;
  }
  return middle;
}

ControlResiduals ControlWeigher::weighed(ControlResiduals own, const std::vector<int>& cond_or_uncond,
                                         const Shape& latent) {
  const auto chunks = static_cast<int64_t>(cond_or_uncond.size()), pictures = latent[0] / chunks;
  if (keyframe_->mask.defined()) keyframe_mask_ = keyframe_->mask;
  const auto needed = [&](const Tensor& masks) { return masks.slice(0, 0, std::min(masks.dim(0), pictures)); };
  // Masks of places in the picture are brought to the picture's size first, as in the reference.
  const auto of_places = [&](const Tensor& masks) {
    return masks.defined() ? sized(needed(masks), latent[1] * kPixels, latent[2] * kPixels) : Tensor();
  };
  const Tensor link_mask = of_places(weighting_.mask), keyframe_mask = of_places(keyframe_mask_);
  const Tensor weights_mask = weights_ && weights_->mask.defined() ? needed(weights_->mask) : Tensor();
  const Tensor rows = row_factors(cond_or_uncond, latent[0]);
  const auto weigh = [&](std::vector<Tensor>& maps, int key) {
    // The reference counts an adapter's maps from the last input block, with a place for each block.
    const size_t missing = key == kInput && maps.size() < 12 ? 12 - maps.size() : 0;
    for (size_t i = 0; i < maps.size(); ++i) {
      Tensor& map = maps[i];
      if (!map.defined()) continue;
      const size_t index = key == kInput ? i + missing : i;
      const bool masked_weights = weights_mask.defined();
      const auto factor =
          static_cast<float>(keyframe_->strength * (masked_weights ? 1.0 : block_weight(key, index, maps.size())));
      map = ops::map([=](auto v, auto row) { return v * row * factor; }, map, rows.to(map.device()));
      const auto times = [&](const Tensor& mask) { map = ops::map([](auto v, auto m) { return v * m; }, map, mask); };
      if (link_mask.defined()) times(mask_for(link_mask, map, pictures, chunks));
      if (keyframe_mask.defined()) times(mask_for(keyframe_mask, map, pictures, chunks));
      const int by = power(key, index, maps.size());
      if (masked_weights && by > 0) {
        const Tensor mask = mask_for(weights_mask, map, pictures, chunks);
        Tensor product = mask;
        for (int n = 1; n < by; ++n) product = ops::map([](auto a, auto b) { return a * b; }, product, mask);
        times(product);
      }
    }
  };
  weigh(own.input, kInput);
  weigh(own.middle, kMiddle);
  weigh(own.output, kOutput);
  return own;
}

}  // namespace easel::models
