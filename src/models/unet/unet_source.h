// What a UNet is built from: a file's tensors and the patches to be applied to them (LoRA, merges).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/handles.h"
#include "tensor/tensor_map.h"

namespace easel::models {

// Replaces tensors on their way into a UNet. Immutable.
class WeightPatch {
 public:
  virtual ~WeightPatch() = default;
  // `name` is the tensor's name inside the UNet ("input_blocks.1.1.proj_in.weight"). Returns `weight` itself where
  // nothing changes.
  virtual Tensor apply(const std::string& name, const Tensor& weight) const = 0;
  // Says everything the patch depends on, so that equal patches of equal files share one model.
  virtual std::string key() const = 0;
};
using WeightPatchPtr = std::shared_ptr<const WeightPatch>;

struct UNetSource {
  std::shared_ptr<const TensorMap> tensors;
  std::string scope;     // "model.diffusion_model"; empty when the UNet is at the top
  std::string file;      // for messages
  std::string identity;  // changes whenever the file does
  DType compute = DType::kF32;
  std::vector<WeightPatchPtr> patches;  // in order
  memory::Residency* residency = nullptr;

  // The UNet's tensors, patched.
  nn::Weights weights(const ops::Packer& packer = ops::Packer::pack()) const;
};

// The UNet of a source, built when first needed; equal sources give the same one while anyone holds it.
std::shared_ptr<memory::Resident<UNet>> resident_unet(std::shared_ptr<const UNetSource> source);

// A copy of the handle whose UNet has one more patch. No weight is touched until the UNet is used.
ModelHandle with_patch(const ModelHandle& model, WeightPatchPtr patch);

}  // namespace easel::models
