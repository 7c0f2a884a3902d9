// A checkpoint of Stable Diffusion's family as a DiffusionModel.
#pragma once

#include <memory>
#include <vector>

#include "models/diffusion_model.h"
#include "models/sd/variants.h"
#include "models/unet/unet_source.h"
#include "models/vision/noise_augmentation.h"

namespace easel::models::sd {

class SdModel final : public DiffusionModel {
 public:
  // How an edit model takes the picture to edit: as the VAE gives it, or in the model's scale.
  enum class EditLatents { kUnscaled, kScaled };
  // takes() and inputs() need only the configuration of `unet`.
  SdModel(const Variant& variant, UNetModel unet, sampling::ModelSamplingPtr sampling,
          EditLatents edits = EditLatents::kUnscaled);

  const Family& family() const override { return variant_.family; }
  sampling::ModelSamplingPtr sampling() const override { return sampling_; }
  const ConditioningTaken& takes() const override { return takes_; }
  // The inputs for one conditioning entry:
  //  - unCLIP: the augmented image embeds, or zeros without an image;
  //  - SDXL: pooled text (or augmented image embeds) and sinusoids of the sizes (Podell et al. 2023, sec. 2.2); the
  //    refiner: sizes and an aesthetic score instead of the target size;
  //  - inpainting models (9 channels): the mask and the picture without the masked part, or a blank one;
  //  - edit models (8 channels): the picture to edit, or zeros.
  NetworkInputs inputs(const ConditioningEntry& entry, bool negative, const InputContext& context) const override;
  Network network(const NetworkRun& run) const override;
  const memory::ResidentBase& weights() const override { return *unet_.weights; }
  size_t run_bytes(int64_t rows, int64_t height, int64_t width) const override;
  memory::Residency* residency() const override { return unet_.source ? unet_.source->residency : nullptr; }
  std::shared_ptr<const DiffusionModel> patched(nn::WeightPatchPtr patch) const override;
  const UNetModel* unet() const override { return &unet_; }

 private:
  Tensor image_vector(const ConditioningEntry& entry, const InputContext& in, double merge) const;
  Tensor sizes_vector(const ConditioningEntry& entry, bool negative, const InputContext& in) const;
  Tensor vector(const ConditioningEntry& entry, bool negative, const InputContext& in) const;

  const Variant& variant_;
  UNetModel unet_;
  sampling::ModelSamplingPtr sampling_;
  EditLatents edits_;
  ConditioningTaken takes_;
  std::shared_ptr<const NoiseAugmentation> noise_augmentation_;  // models that take pictures
};

}  // namespace easel::models::sd
