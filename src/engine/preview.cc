#include "engine/preview.h"

#include <algorithm>
#include <cmath>

namespace easel::engine {
namespace {

// Colour = latent * factors + bias, in -1..1: the fits ComfyUI ships for the two families of VAEs.
struct Fit {
  float factors[4][3];
  float bias[3];
};
constexpr Fit kSd1{{{0.3512f, 0.2297f, 0.3227f},
                    {0.3250f, 0.4974f, 0.2350f},
                    {-0.2829f, 0.1762f, 0.2721f},
                    {-0.2120f, -0.2616f, -0.7177f}},
                   {0, 0, 0}};
constexpr Fit kSdxl{{{0.3651f, 0.4232f, 0.4341f},
                     {-0.2533f, -0.0042f, 0.1068f},
                     {0.1076f, 0.1111f, -0.0362f},
                     {-0.3165f, -0.2492f, -0.2188f}},
                    {0.1084f, -0.0175f, -0.0011f}};

}  // namespace

Preview latent_preview(const Tensor& latent, float latent_scale) {
  Preview out;
  if (!latent.defined() || latent.rank() != 4 || latent.dim(3) != 4 || latent.numel() == 0) return out;
  const Fit& fit = latent_scale > 0 && latent_scale < 0.15f ? kSdxl : kSd1;
  const Tensor first = contiguous(latent.slice(0, 0, 1));
  out.height = static_cast<int>(first.dim(1)), out.width = static_cast<int>(first.dim(2));
  out.rgb.resize(static_cast<size_t>(out.height) * static_cast<size_t>(out.width) * 3);
  for (size_t i = 0; i < out.rgb.size() / 3; ++i) {
    const float* cell = first.f32() + i * 4;
    for (size_t c = 0; c < 3; ++c) {
      float v = fit.bias[c];
      for (size_t k = 0; k < 4; ++k) v += cell[k] * fit.factors[k][c];
      const float level = (v + 1.0f) * 0.5f * 255.0f;
      out.rgb[i * 3 + c] = static_cast<uint8_t>(std::isfinite(level) ? std::clamp(level, 0.0f, 255.0f) : 0.0f);
    }
  }
  return out;
}

}  // namespace easel::engine
