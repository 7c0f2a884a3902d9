// How noise levels, timesteps and a network's output relate to each other.
#pragma once

#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace easel::sampling {

// What a network says: the noise, a velocity, the picture itself, the noise as latent consistency models mean it, or
// the direction from picture to noise (flow matching).
enum class Prediction { kEps, kV, kX0, kLcm, kFlow };

class ModelSampling;
using ModelSamplingPtr = std::shared_ptr<const ModelSampling>;

// What a model was trained on. Samplers work on x = signal(sigma) * picture + sigma * noise and ask for the picture;
// everything that they need to know about a model is here. Immutable. Arithmetic in f32, in ComfyUI's order.
class ModelSampling {
 public:
  virtual ~ModelSampling() = default;

  virtual Prediction prediction() const = 0;
  // Rising, at least two; above 0. Schedules that pick levels pick from these.
  const std::vector<float>& sigmas() const { return sigmas_; }
  float sigma_min() const { return sigmas_.front(); }
  float sigma_max() const { return sigmas_.back(); }

  // What the network is told of a level.
  virtual float timestep(float sigma) const = 0;
  // The level at a time between those of sigma_min() and sigma_max(), which need not be one that the network knows.
  virtual float sigma(float timestep) const = 0;
  // The noise level at a fraction of the sampling, 0 (most noise) to 1. No level is above that of 0; zero at 1.
  virtual double percent_to_sigma(double percent) const = 0;

  // How much of the picture is in x at a level: 1 at every level for models that add noise to it, falling to 0 for
  // those that fade it out (`fades`).
  virtual float signal(float sigma) const = 0;
  virtual bool fades() const = 0;

  // What the network is shown.
  virtual Tensor network_input(const Tensor& x, float sigma) const = 0;
  // The picture without noise that the network's output stands for.
  virtual Tensor denoised(const Tensor& output, const Tensor& x, float sigma) const = 0;
  // A picture and noise at a level. `from_pure_noise`: the level is the highest there is, where training hides the
  // picture's own variance in the noise.
  virtual Tensor add_noise(const Tensor& latent, const Tensor& noise, float sigma,
                           bool from_pure_noise = false) const = 0;
  // The latent to hand out when a run ends at a level: x at its picture's own scale, whatever noise is left in it.
  // add_noise() without noise takes it back.
  virtual Tensor unscaled(const Tensor& x, float sigma) const = 0;
  // Whether a schedule that starts at this level starts from pure noise.
  bool is_pure_noise(float sigma) const;

  // The same noise levels for a network that says something else, as nodes set it by hand. Throws Error(kMismatch)
  // for models whose levels say what they predict.
  virtual ModelSamplingPtr with_prediction(Prediction prediction, bool zero_terminal_snr) const = 0;

 protected:
  std::vector<float> sigmas_;
};

}  // namespace easel::sampling
