// Holistically-nested edge detection (Xie and Tu 2015): soft edges, each level of a small network says where it sees
// some. In the layout of ControlNetHED.pth, which L. Zhang trained on pictures with red first.
#pragma once

#include <memory>
#include <string>

#include "image/hints/byte_picture.h"
#include "models/weights/file_network.h"

namespace easel::models {

// Whether a file has the names of such a network.
bool is_soft_edge_network(const StoredTensors& file);

class SoftEdgeNetwork {
 public:
  // Throws Error(kBadFile).
  explicit SoftEdgeNetwork(const nn::Weights& w);
  ~SoftEdgeNetwork();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // pixels [1,H,W,3] f32 from 0 to 255, red first, sides multiples of 16 -> [1,H,W,1] f32 on the host, above 0 where an
  // edge is more likely than none: the mean of what the five levels say.
  Tensor forward(const Tensor& pixels) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate(int64_t height, int64_t width) const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

using SoftEdgeHandle = FileNetwork<SoftEdgeNetwork>;

// Throws Error(kUnsupported) naming the file when it is no such network, Error(kBadFile) when it is damaged.
SoftEdgeHandle load_soft_edge_network(memory::Residency& residency, const StoredTensors& file,
                                      const std::string& file_name);

// How likely an edge is at each pixel, 255 for certain, one channel; `safe` leaves only three values. Sides of the
// picture are multiples of 16.
image::BytePicture soft_edges(memory::Residency& residency, const SoftEdgeHandle& handle,
                              const image::BytePicture& picture, bool safe);

}  // namespace easel::models
