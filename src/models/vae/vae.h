// The autoencoder between pictures and latents: AutoencoderKL of SD 1.x, 2.x and SDXL, or TAESD, which is far smaller.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nn/weights.h"
#include "tensor/tensor.h"

namespace easel::models {

class Autoencoder;  // autoencoder.h

struct VaeConfig {
  int64_t latent_channels = 0;
  int64_t image_channels = 0;
  int64_t downscale = 0;   // pixels per latent pixel along a side
  bool quantised = false;  // quant_conv and post_quant_conv are there
  bool tiny = false;       // TAESD
  bool encodes = true;     // false where only the file of TAESD's decoder is there
};

// Pixels along a side of the smallest tile that a picture is cut into for lack of memory.
constexpr int64_t kSmallestTile = 256;

// The memory that a run may use, and the report of its progress.
struct VaeRun {
  // Activation memory allowed for one evaluation; if a map needs more, it is processed in overlapping tiles, which are
  // blended. 0: no limit.
  size_t memory_budget = 0;
  // Called after each picture or tile with the number done and the total; may throw to stop the run.
  std::function<void(int done, int total)> progress = {};
};

class Vae {
 public:
  // `w` is the scope that holds encoder, decoder and, usually, quant_conv and post_quant_conv, or taesd_encoder and
  // taesd_decoder, in the names of the original layouts (vae_keys.h). Throws Error(kBadFile) naming the first missing
  // tensor and the number of missing ones.
  explicit Vae(const nn::Weights& w);
  ~Vae();
  // Checks that the file has every tensor, without packing any, as UNet::check().
  static void check(const nn::Weights& w);

  const VaeConfig& config() const;

  // pixels [N,H,W,>=3] in 0..1 (further channels are ignored), centre-cropped to multiples of `downscale`
  // -> the posterior's mean [N,h,w,latent_channels] f32. Throws Error(kInvalid) for pictures smaller than that,
  // Error(kMismatch) where there is no encoder.
  Tensor encode(const Tensor& pixels, const VaeRun& run = {}) const;
  // latent [N,h,w,latent_channels] f32 (not scaled) -> [N,h*downscale,w*downscale,3] f32 in 0..1.
  Tensor decode(const Tensor& latent, const VaeRun& run = {}) const;

  // The same in tiles of tile x tile (encode: pixels, decode: latent pixels) that overlap, averaged over three
  // ways of tiling: what ComfyUI's VAEEncodeTiled and VAEDecodeTiled compute. Throws Error(kInvalid) when half a
  // tile is not larger than the overlap, or an encode tile is no multiple of twice `downscale`.
  Tensor encode_tiled(const Tensor& pixels, int64_t tile = 512, int64_t overlap = 64, const VaeRun& run = {}) const;
  Tensor decode_tiled(const Tensor& latent, int64_t tile = 64, int64_t overlap = 16, const VaeRun& run = {}) const;

  // Activation memory of one evaluation of a map of height x width: latent pixels for decode, pixels for encode.
  // Estimated from above.
  size_t decode_memory_estimate(int64_t height, int64_t width) const;
  size_t encode_memory_estimate(int64_t height, int64_t width) const;
  // Memory of the packed weights.
  size_t bytes() const;

 private:
  std::unique_ptr<const Autoencoder> net_;
};

// Reads the configuration from keys and shapes without packing anything. Throws Error(kBadFile).
VaeConfig read_vae_config(const nn::Weights& w);

}  // namespace easel::models
