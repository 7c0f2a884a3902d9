#include "nodes/common/latent_preview.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "library/folders.h"
#include "models/vae/vae.h"
#include "nodes/common/tiny_vae.h"

namespace easel::nodes {
namespace {

// A level of 0..1, cut to that; what is not a number is black.
uint8_t to_byte(float level) {
  const float scaled = level * 255.0f;
  return static_cast<uint8_t>(std::isfinite(scaled) ? std::clamp(scaled, 0.0f, 255.0f) : 0.0f);
}

// [1,H,W,3] in 0..1.
Preview as_preview(const Tensor& picture) {
  Preview out;
  out.height = static_cast<int>(picture.dim(1));
  out.width = static_cast<int>(picture.dim(2));
  out.rgb.resize(static_cast<size_t>(picture.numel()));
  std::transform(picture.f32(), picture.f32() + picture.numel(), out.rgb.begin(), to_byte);
  return out;
}

// The first of the latents, as TAESD shows it.
Preview tiny_preview(const models::VaeHandle& tiny, const models::LatentFormat& format, const Tensor& latent) {
  const Tensor first = contiguous(latent.slice(0, 0, 1)).to(kHost);
  return as_preview(contiguous(tiny.vae->get()->decode(format.from_model(first))));
}

}  // namespace

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
      out.rgb[i * 3 + c] = to_byte((v + 1.0f) * 0.5f);
    }
  }
  return out;
}

StepReporter::StepReporter(const Context& context, const models::LatentFormat& format)
    : context_(context), format_(format) {}

void StepReporter::operator()(const sampling::SamplerProgress& step) {
  const bool wanted = context_.preview != PreviewMethod::kNone && context_.events.wants_preview();
  context_.events.progress(step.step + 1, step.total, wanted ? preview(step.denoised) : Preview{});
}

Preview StepReporter::preview(const Tensor& latent) {
  if (context_.preview == PreviewMethod::kTiny && !opened_) open_tiny_vae();
  const bool fits =
      tiny_ && latent.defined() && latent.rank() == 4 && latent.dim(3) == format_.channels && latent.numel() > 0;
  return fits ? tiny_preview(*tiny_, format_, latent) : latent_preview(latent, format_);
}

void StepReporter::open_tiny_vae() {
  opened_ = true;
  const std::string name(format_.tiny_vae);
  if (name.empty()) return;
  try {
    if (const auto decoder = context_.folders.try_find("vae", name)) tiny_ = nodes::open_tiny_vae(context_, *decoder);
    else
      context_.events.warn("previews by TAESD need " + name +
                           "_decoder among the vae_approx models, which is not there");
  } catch (const Error& e) {
    if (e.fault() == Fault::kCancelled) throw;
    context_.events.warn(std::string("previews by TAESD cannot be made: ") + e.what());
  }
}

}  // namespace easel::nodes
