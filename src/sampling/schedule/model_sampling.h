// How noise levels, timesteps and a network's output relate to each other.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace easel::sampling {

// What a network says: the noise, a velocity, the picture itself, or the noise as latent consistency models mean it.
enum class Prediction { kEps, kV, kX0, kLcm };

// The discrete noise schedule of latent diffusion: 1000 timesteps with beta rising from 0.00085 to 0.012, linear
// in its root (Rombach et al. 2022). A noise level sigma is the ratio of noise to signal at a timestep; samplers
// work on x = image + sigma * noise (Karras et al. 2022). Arithmetic in f32, in ComfyUI's order. Immutable.
class ModelSampling {
 public:
  explicit ModelSampling(Prediction prediction, bool zero_terminal_snr = false);

  Prediction prediction() const { return prediction_; }
  // Rising, one per timestep that the model knows: all 1000, or every 20th of a latent consistency model.
  const std::vector<float>& sigmas() const { return sigmas_; }
  float sigma_min() const { return sigmas_.front(); }
  float sigma_max() const { return sigmas_.back(); }

  // The timestep 0..999 whose noise level is nearest on a logarithmic scale.
  int timestep(float sigma) const;
  // The noise level of a fractional timestep, interpolated on a logarithmic scale; clamped to 0..999.
  float sigma(float timestep) const;
  // The noise level at a fraction of the sampling, 0 (most noise) to 1. Above every level at 0, zero at 1.
  double percent_to_sigma(double percent) const;

  // What the network is shown: x brought to unit variance.
  Tensor network_input(const Tensor& x, float sigma) const;
  // The picture without noise that the network's output stands for.
  Tensor denoised(const Tensor& output, const Tensor& x, float sigma) const;
  // latent + noise at a level. `from_pure_noise`: the level is the highest there is, where training hides the
  // picture's own variance in the noise.
  Tensor add_noise(const Tensor& latent, const Tensor& noise, float sigma, bool from_pure_noise = false) const;
  // Whether a schedule that starts at this level starts from pure noise.
  bool is_pure_noise(float sigma) const;

 private:
  Prediction prediction_;
  int stride_ = 1;  // timesteps from one of `sigmas_` to the next; the last of them is the last of all
  std::vector<float> sigmas_, log_sigmas_;
};

}  // namespace easel::sampling
