// Networks that fill holes in pictures by themselves: LaMa (Suvorov et al. 2022) and MAT (Li et al. 2022).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/weights/file_network.h"

namespace easel::models {

enum class FillerKind { kLama, kMat };
const char* filler_name(FillerKind kind);

// Which of them a file holds, by the names of its tensors: big-lama.pt, big-lama.safetensors;
// MAT_Places512_G_fp16.safetensors, Places_512_FullData_G.pth.
std::optional<FillerKind> filler_kind(const StoredTensors& file);
// The tensors under the names of the network alone: model.N of LaMa, synthesis and mapping of MAT.
std::shared_ptr<const StoredTensors> filler_tensors(const StoredTensors& file);

class HoleFiller {
 public:
  // `w` has the names of filler_tensors(). Throws Error(kBadFile).
  explicit HoleFiller(const nn::Weights& w);
  ~HoleFiller();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  FillerKind kind() const;
  // The side of the square pictures that it is to be given.
  int64_t side() const;
  // picture [1,S,S,3] f32 from 0 to 1, mask [1,S,S,1] of 0 and 1, 1 where it is to be filled -> [1,S,S,3] f32 on the
  // host: the picture with the holes filled; not clipped. MAT fills them in another way for each seed, LaMa always in
  // one.
  Tensor forward(const Tensor& picture, const Tensor& mask, uint64_t seed) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate() const;
  size_t bytes() const;

  class Part;

 private:
  std::unique_ptr<const Part> part_;
};
using FillerHandle = FileNetwork<HoleFiller>;

// Throws Error(kUnsupported) naming the file when it is neither, Error(kBadFile) when it is damaged.
FillerHandle load_hole_filler(memory::Residency& residency, const StoredTensors& file, const std::string& file_name);

}  // namespace easel::models
