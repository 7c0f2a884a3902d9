// Models as files: the tensors of a checkpoint, a network, a text encoder or a VAE under the names that their
// publishers' files have, with all changes (LoRA, merges) in them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "formats/tensors/safetensors.h"
#include "models/handles.h"
#include "models/text/text_encoder.h"

namespace easel::models {

// A tensor of a file to be written. It has the type that the model's own file has it in (f32 for those in blocks),
// which what patches have changed is rounded to.
struct SavedTensor {
  formats::TensorSpec spec;
  std::function<Tensor()> make;  // reads, patches and converts it; of the type and shape of `spec`
};
using SavedTensors = std::vector<SavedTensor>;

struct SavedModel {
  SavedTensors tensors;
  formats::Metadata metadata;  // modelspec.*, as ComfyUI writes it
};

// A checkpoint, or a network alone where `clip` and `vae` are null: the UNet below model.diffusion_model, text encoders
// in the layout of the family's published checkpoints, the VAE below first_stage_model, and the marks of what the
// network predicts. `title` is for the metadata of SDXL. Throws Error(kMismatch) for a text encoder of another family,
// Error(kUnsupported) for unCLIP models, whose picture encoder would be missing.
SavedModel checkpoint_to_save(const ModelHandle& model, const ClipHandle* clip, const VaeHandle* vae,
                              const std::string& title);

// One text tower, in the transformers library's names, as files of text encoders have them.
struct SavedTower {
  std::string name;  // "clip_l", "clip_g", "clip_h"
  SavedTensors tensors;
};
std::vector<SavedTower> text_towers_to_save(const ClipHandle& clip);

// In the original layout's names, or TAESD's.
SavedTensors vae_to_save(const VaeHandle& vae);

}  // namespace easel::models
