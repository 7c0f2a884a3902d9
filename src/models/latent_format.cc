#include "models/latent_format.h"

#include "models/sd/latents.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

// One value for each channel of [N,h,w,C].
Tensor by_channel(std::span<const float> values) {
  return Tensor::of({1, 1, 1, static_cast<int64_t>(values.size())}, values);
}

}  // namespace

Tensor LatentFormat::to_model(const Tensor& latent) const {
  if (!means.empty())
    return ops::map([this](auto v, auto mean, auto deviation) { return (v - mean) * scale / deviation; }, latent,
                    by_channel(means), by_channel(deviations));
  return ops::map([this](auto v) { return (v - shift) * scale; }, latent);
}

Tensor LatentFormat::from_model(const Tensor& latent) const {
  if (!means.empty())
    return ops::map([this](auto v, auto mean, auto deviation) { return v * deviation / scale + mean; }, latent,
                    by_channel(means), by_channel(deviations));
  return ops::map([this](auto v) { return v / scale + shift; }, latent);
}

const LatentFormat& default_latents() { return sd::kSd1Latents; }

}  // namespace easel::models
