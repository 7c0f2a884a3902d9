// How noise levels, timesteps and a network's output relate to each other.
#pragma once

#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace easel::sampling {

// What a network predicts: the noise, a velocity, the picture itself, the noise under the boundary condition of latent
// consistency models, or the direction from picture to noise (flow matching).
enum class Prediction { kEps, kV, kX0, kLcm, kFlow };

class DiscreteSampling;  // discrete_sampling.h
class ModelSampling;
using ModelSamplingPtr = std::shared_ptr<const ModelSampling>;

// The noise that a model was trained on. Samplers work on x = signal(sigma) * picture + sigma * noise and ask for the
// picture; this is all they know of a model. Immutable. Arithmetic in f32, in ComfyUI's order.
class ModelSampling {
 public:
  virtual ~ModelSampling() = default;

  virtual Prediction prediction() const = 0;
  // At least two levels above 0, rising. Schedules that select levels select from these.
  const std::vector<float>& sigmas() const { return sigmas_; }
  float sigma_min() const { return sigmas_.front(); }
  float sigma_max() const { return sigmas_.back(); }

  // The timestep that the network is given for a level.
  virtual float timestep(float sigma) const = 0;
  // The level of a timestep between those of sigma_min() and sigma_max(), interpolated if the network has no such step.
  virtual float sigma(float timestep) const = 0;
  // The noise level at a fraction of the sampling, 0 (most noise) to 1. No lower than any level at 0; zero at 1.
  virtual double percent_to_sigma(double percent) const = 0;

  // The factor of the picture in x at a level: always 1 for models that only add noise, falling to 0 for models that
  // fade the picture as well (`fades`).
  virtual float signal(float sigma) const = 0;
  virtual bool fades() const = 0;

  // x as the network takes it.
  virtual Tensor network_input(const Tensor& x, float sigma) const = 0;
  // The predicted picture, from the network's output for x.
  virtual Tensor denoised(const Tensor& output, const Tensor& x, float sigma) const = 0;
  // A picture with noise of a level. `from_pure_noise`: the level is the highest there is, so the noise also gets the
  // variance that the picture itself has in training.
  virtual Tensor add_noise(const Tensor& latent, const Tensor& noise, float sigma,
                           bool from_pure_noise = false) const = 0;
  // The latent to return when a run ends at a level: x divided by signal(sigma), with what noise is left in it.
  // add_noise() with zero noise undoes it.
  virtual Tensor unscaled(const Tensor& x, float sigma) const = 0;
  // Whether a schedule that begins at this level begins with pure noise.
  bool is_pure_noise(float sigma) const;

  // The same noise levels for a network with another kind of prediction, as nodes set it by hand. Throws
  // Error(kMismatch) for models whose levels go with one kind only.
  virtual ModelSamplingPtr with_prediction(Prediction prediction, bool zero_terminal_snr) const = 0;
  // The same noise for a network that was distilled to a few of its timesteps; null for models that were not trained on
  // timesteps one by one.
  virtual std::shared_ptr<const DiscreteSampling> distilled() const { return nullptr; }

 protected:
  std::vector<float> sigmas_;
};

}  // namespace easel::sampling
