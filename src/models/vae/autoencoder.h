// What a network between pictures and latents does with one picture; Vae does the rest: batches, tiles, ranges.
#pragma once

#include <memory>

#include "models/vae/vae.h"
#include "nn/weights.h"
#include "tensor/tensor.h"

namespace easel::models {

class Autoencoder {
 public:
  Autoencoder(const VaeConfig& config, const nn::Weights& w)
      : config_(config), compute_(w.compute()), device_(w.packer().device()) {}
  virtual ~Autoencoder() = default;
  Autoencoder(const Autoencoder&) = delete;
  Autoencoder& operator=(const Autoencoder&) = delete;

  const VaeConfig& config() const { return config_; }

  // [1,H,W,3] f32 in -1..1, H and W multiples of `downscale` -> the mean [1,h,w,latent_channels] f32. Like decode(), it
  // takes a tensor on any device and returns one on the model's.
  virtual Tensor encode(const Tensor& pixels) const = 0;
  // [1,h,w,latent_channels] f32, not scaled -> [1,h*downscale,w*downscale,3] f32, about -1..1.
  virtual Tensor decode(const Tensor& latent) const = 0;

  // Bytes of activations for each pixel of the picture at the network's peak, estimated from above.
  virtual double encode_bytes_per_pixel() const = 0;
  virtual double decode_bytes_per_pixel() const = 0;
  // Memory of the packed weights.
  virtual size_t bytes() const = 0;

 protected:
  // The type that it multiplies in.
  DType compute() const { return compute_; }
  Device device() const { return device_; }

 private:
  VaeConfig config_;
  DType compute_;
  Device device_;
};

// Both throw Error(kBadFile) for tensors that are missing or do not fit one another.
std::unique_ptr<const Autoencoder> make_kl_autoencoder(const nn::Weights& w);
std::unique_ptr<const Autoencoder> make_tiny_autoencoder(const nn::Weights& w);

// Whether the scope holds TAESD's decoder.
bool is_tiny_autoencoder(const nn::Weights& w);
// Throws Error(kBadFile).
VaeConfig read_tiny_config(const nn::Weights& w);

}  // namespace easel::models
