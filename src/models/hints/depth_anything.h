// Depth Anything V2 (Yang et al. 2024): DINOv2's transformer (Oquab et al. 2023) and DPT's head (Ranftl et al. 2021),
// in the layout of depth_anything_v2_vits.pth, ..._vitb.pth and ..._vitl.pth.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "image/hints/byte_picture.h"
#include "memory/resident.h"
#include "nn/weights.h"
#include "ops/arithmetic/resample.h"

namespace easel::models {

struct DepthConfig {
  int64_t width = 0, layers = 0, heads = 0;  // heads of 64
  int64_t patch = 14, grid = 0;              // pixels of a patch; patches along a side of the pictures trained on
  int64_t features = 0;                      // width of the head's maps
  std::array<int64_t, 4> projected{};        // widths that the four kept layers are brought to
  std::array<int64_t, 4> kept{};             // those layers
  // "ViT-S/14", "ViT-B/14", "ViT-L/14", for people.
  const char* name() const;
};

// Whether a file has the names of such a network.
bool is_depth_network(const StoredTensors& file);
// Throws Error(kBadFile), or Error(kUnsupported) for networks of another depth and for gated ones (ViT-g).
DepthConfig read_depth_config(const nn::Weights& w);

class DepthNetwork {
 public:
  // Throws Error(kBadFile).
  explicit DepthNetwork(const nn::Weights& w);
  ~DepthNetwork();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  const DepthConfig& config() const;
  // pixels [1,H,W,3] f32, normalised, sides multiples of a patch -> how near each is, [1,H,W,1] f32 from 0 up, on the
  // host.
  Tensor forward(const Tensor& pixels) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate(int64_t height, int64_t width) const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

struct DepthHandle {
  std::string file;
  DepthConfig config;
  std::shared_ptr<memory::Resident<DepthNetwork>> model;
};

// Throws Error(kUnsupported) naming the file when it is no such network, Error(kBadFile) when it is damaged. It
// computes in f32, as the original does whatever the card.
DepthHandle load_depth_network(memory::Residency& residency, const StoredTensors& file, const std::string& file_name);

// How near each pixel is: 255 the nearest, 0 the farthest one, at the picture's size. One channel.
image::BytePicture depth_of(memory::Residency& residency, const DepthHandle& handle, const image::BytePicture& picture);

}  // namespace easel::models
