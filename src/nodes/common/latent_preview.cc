#include "nodes/common/latent_preview.h"

#include <algorithm>
#include <cmath>

namespace easel::nodes {

Preview latent_preview(const Tensor& latent, const models::LatentFormat& format) {
  Preview out;
  const auto channels = static_cast<int64_t>(format.colours.size());
  if (channels == 0 || !latent.defined() || latent.rank() != 4 || latent.dim(3) != channels || latent.numel() == 0)
    return out;
  const Tensor first = contiguous(latent.slice(0, 0, 1));
  out.height = static_cast<int>(first.dim(1));
  out.width = static_cast<int>(first.dim(2));
  out.rgb.resize(static_cast<size_t>(out.height) * static_cast<size_t>(out.width) * 3);
  for (size_t i = 0; i < out.rgb.size() / 3; ++i) {
    const float* pixel = first.f32() + static_cast<int64_t>(i) * channels;
    for (size_t c = 0; c < 3; ++c) {
      float v = format.colour_bias[c];
      for (size_t k = 0; k < format.colours.size(); ++k) v += pixel[k] * format.colours[k][c];
      const float level = (v + 1.0f) * 0.5f * 255.0f;
      out.rgb[i * 3 + c] = static_cast<uint8_t>(std::isfinite(level) ? std::clamp(level, 0.0f, 255.0f) : 0.0f);
    }
  }
  return out;
}

void report_step(NodeEvents& events, const sampling::SamplerProgress& step, const models::LatentFormat* format) {
  events.progress(step.step + 1, step.total,
                  format && events.wants_preview() ? latent_preview(step.denoised, *format) : Preview{});
}

}  // namespace easel::nodes
