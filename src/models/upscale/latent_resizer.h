// A network that enlarges latents (github.com/Ttl/ComfyUi_NNLatentUpscale): residual blocks that know the factor,
// bilinear enlargement between them.
#pragma once

#include <memory>
#include <string>

#include "image/scale/resize.h"
#include "memory/resident.h"
#include "nn/weights.h"

namespace easel::models {

// Whether a file has the names of such a network.
bool is_latent_resizer(const StoredTensors& file);

class LatentResizer {
 public:
  // Throws Error(kBadFile).
  explicit LatentResizer(const nn::Weights& w);
  ~LatentResizer();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // latents [N,H,W,4] f32 -> [N,H',W',4] f32 of the size resized_latent() gives, on the host. The latents themselves if
  // that is their size.
  Tensor forward(const Tensor& latents, double factor) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate(const Shape& latents, double factor) const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

// latents [N,H,W,4] in the VAE's scale, enlarged. Both published networks were trained on SDXL's scale.
Tensor enlarged_latents(const LatentResizer& network, const Tensor& latents, double factor);

struct LatentResizerHandle {
  std::string file;
  std::shared_ptr<memory::Resident<LatentResizer>> model;
};

// The size that a latent of the size `now` gets, sides rounded as Python rounds.
image::Size resized_latent(image::Size now, double factor);

// Throws Error(kUnsupported) naming the file when it is no such network, Error(kBadFile) when it is damaged. It
// computes in f32.
LatentResizerHandle load_latent_resizer(memory::Residency& residency, const StoredTensors& file,
                                        const std::string& file_name);

}  // namespace easel::models
