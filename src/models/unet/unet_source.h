// The source of a UNet: a file's tensors and the patches to be applied to them (LoRA, merges).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "memory/resident.h"
#include "models/unet/unet.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

struct UNetSource {
  std::shared_ptr<const StoredTensors> tensors;
  std::string scope;  // "model.diffusion_model"; empty when the UNet is at the top
  std::string file;   // for messages
  DType compute = DType::kF32;
  std::vector<nn::WeightPatchPtr>
      patches;  // in order; they see names inside the UNet ("input_blocks.1.1.proj_in.weight")
  memory::Residency* residency = nullptr;

  // What the names of the UNet's tensors begin with: "model.diffusion_model.", or nothing.
  std::string prefix() const { return scope.empty() ? "" : scope + "."; }
  // The UNet's tensors, patched.
  nn::Weights weights(const ops::Packer& packer = ops::Packer::pack()) const;
};

// The UNet of a source, built when it is first needed. Equal sources share one UNet while anyone holds it.
std::shared_ptr<memory::Resident<UNet>> resident_unet(const std::shared_ptr<const UNetSource>& source);

// A UNet in a file.
struct UNetModel {
  UNetConfig config;
  std::shared_ptr<const UNetSource> source;
  std::shared_ptr<memory::Resident<UNet>> weights;  // what `source` gives
};

// The same with one more patch.
UNetModel with_patch(const UNetModel& unet, nn::WeightPatchPtr patch);

}  // namespace easel::models
