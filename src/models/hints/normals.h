// Normals of surfaces (Bae et al. 2021, "Estimating and Exploiting the Aleatoric Uncertainty in Surface Normal
// Estimation"): EfficientNet-B5 (Tan and Le 2019), whose levels are joined, and normals made finer level by level. In
// the layout of scannet.pt.
#pragma once

#include <memory>
#include <string>

#include "image/hints/byte_picture.h"
#include "models/weights/file_network.h"

namespace easel::models {

// Whether a file has the names of such a network.
bool is_normal_network(const StoredTensors& file);
// The tensors under the names of the network alone: encoder and decoder.
std::shared_ptr<const StoredTensors> normal_tensors(const StoredTensors& file);

class NormalNetwork {
 public:
  // `w` has the names of normal_tensors(). Throws Error(kBadFile).
  explicit NormalNetwork(const nn::Weights& w);
  ~NormalNetwork();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // pixels [1,H,W,3] f32, normalised, sides multiples of 32 -> [1,H,W,4] f32 on the host: x, y and z of each normal,
  // which together are 1 long, and how certain it is.
  Tensor forward(const Tensor& pixels) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate(int64_t height, int64_t width) const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};
using NormalHandle = FileNetwork<NormalNetwork>;

// Throws Error(kUnsupported) naming the file when it is no such network, Error(kBadFile) when it is damaged.
NormalHandle load_normal_network(memory::Residency& residency, const StoredTensors& file, const std::string& file_name);

// The normals of a picture as colours, -1 as 0 and 1 as 255. Sides of the picture are multiples of 32.
image::BytePicture normals_of(memory::Residency& residency, const NormalHandle& handle,
                              const image::BytePicture& picture);

}  // namespace easel::models
