// Segment Anything (Kirillov et al. 2023): masks of what lies at places in a picture, in the layout of
// sam_vit_b_01ec64.pth, sam_vit_l_0b3195.pth and sam_vit_h_4b8939.pth.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "image/detect/prompts.h"
#include "memory/resident.h"
#include "nn/weights.h"

namespace easel::models {

// Whether a file has the names of such a network.
bool is_sam(const StoredTensors& file);

// What a file says of its network, by its shapes.
struct SamConfig {
  int64_t width = 0, layers = 0, heads = 0, side = 0;  // of the picture's encoder; its cells along a side
  const char* name() const;                            // "ViT-B"
};
// Throws Error(kBadFile).
SamConfig read_sam_config(const nn::Weights& w);

// Masks of a picture, and how good they are.
struct SamMasks {
  Tensor masks;  // [1,h,w,3] f32 on the host: a part is where it is above 0; a whole, a part, a part of it
  std::vector<float> quality;  // of each, as the network estimates it
};

class SamNetwork {
 public:
  // Throws Error(kBadFile).
  explicit SamNetwork(const nn::Weights& w);
  ~SamNetwork();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // pixels [1,16 side,16 side,3] f32 (image::segment_pixels) -> what the decoder takes, on the network's device.
  Tensor encode(const Tensor& pixels) const;
  SamMasks decode(const Tensor& encoded, const std::vector<image::SegmentPlace>& places) const;
  // Working memory of encode(), of which decode() needs less. Estimated from above.
  size_t memory_estimate() const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

struct SamHandle {
  std::string file;
  SamConfig config;
  std::shared_ptr<memory::Resident<SamNetwork>> model;
};

// Throws Error(kUnsupported) naming the file when it is no such network, Error(kBadFile) when it is damaged. It
// computes in f32.
SamHandle load_sam(memory::Residency& residency, const StoredTensors& file, const std::string& file_name);

// A mask for each prompt and each level of detail [1,H,W] of 0 and 1, with its quality; the picture has red first.
struct SegmentFound {
  Tensor mask;
  float quality = 0;
};
std::vector<std::vector<SegmentFound>> segment(memory::Residency& residency, const SamHandle& handle,
                                               const image::BytePicture& picture,
                                               const std::vector<image::SegmentPrompt>& prompts);

}  // namespace easel::models
