// LoRA files: small changes to a model's weights, as kohya's scripts, LyCORIS and the diffusers library write them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/tensors/model_file.h"
#include "models/handles.h"
#include "models/text/text_encoder.h"
#include "models/unet/unet_source.h"

namespace easel::models {

// The change one module of a LoRA file makes to one weight: tensors by role ("lora_up", "lora_down", "alpha",
// "hada_w1_a", "lokr_w1", "diff", ...).
struct LoraModule {
  std::string name;  // as in the file
  std::map<std::string, StoredTensor> tensors;

  const StoredTensor* find(const std::string& role) const {
    const auto it = tensors.find(role);
    return it == tensors.end() ? nullptr : &it->second;
  }
};

// weight plus strength times the module's change, f32, of weight's shape. Covers LoRA and LoCon (also with a middle
// factor), DoRA, LoHa, LoKr, GLoRA (both layouts), OFT (LyCORIS' and PEFT's), BOFT, IA3, plain differences and whole
// weights ("set_weight", which takes no strength); formulas in lora_math.cc and orthogonal.cc. Throws Error(kMismatch)
// naming the module and the shapes when they do not fit.
Tensor apply_lora_module(const LoraModule& module, const StoredTensor& weight, float strength);

// alpha / rank, 1 where the module has no alpha: what a plain LoRA's change, and its bias, are multiplied by.
float lora_scale(const LoraModule& module, int64_t rank);

// An opened LoRA file. Immutable.
class Lora {
 public:
  // Throws Error(kUnsupported) naming the file if nothing in it looks like a LoRA.
  static std::shared_ptr<const Lora> read(const formats::ModelFile& file);

  const std::string& file() const { return file_; }
  // What its keys are and look like, for errors.
  const std::string& keys() const { return keys_; }
  // Changes whenever the file does.
  const std::string& identity() const { return identity_; }

  // The weights of the UNet ("input_blocks.1.1.proj_in.weight") that are changed, with the module that changes each.
  // Modules are recognised by kohya's names, in the original and the diffusers library's form, by the diffusers
  // library's own names, and by those of PEFT, LyCORIS and ComfyUI (lora_names.h).
  std::map<std::string, const LoraModule*> unet_modules(const ModelHandle& model) const;
  // The same for a text tower in canonical names; `with_l`: the encoder has a CLIP-L, so that bigG is its second.
  std::map<std::string, const LoraModule*> text_modules(TextTowerKind kind, bool with_l) const;

  const std::map<std::string, LoraModule>& modules() const { return modules_; }

 private:
  Lora() = default;
  const LoraModule* find(const std::string& name) const;
  std::string file_, identity_, keys_;
  std::map<std::string, LoraModule> modules_;
};

// The change of a model's weights by a LoRA; null if it changes none, but text encoders. Throws Error(kMismatch) if it
// fits no part of such a model, or the shapes differ.
nn::WeightPatchPtr lora_model_patch(const std::shared_ptr<const Lora>& lora, const ModelHandle& model, float strength);
// The same for text encoders; empty if it changes none.
TextEncoder::TowerPatches lora_text_patches(const std::shared_ptr<const Lora>& lora, const TextEncoder& encoder,
                                            float strength);

struct LoraResult {
  ModelHandle model;
  ClipHandle clip;
  std::vector<std::string> unused;  // modules that fit neither
};

// Copies of the handles with the changed weights. Strengths may be negative; with strength 0 the handle is returned
// unchanged, as is a `clip` without an encoder. Nothing is packed yet.
// Throws Error(kMismatch), in one sentence that names both files, if no module fits or the shapes differ.
LoraResult apply_lora(const std::shared_ptr<const Lora>& lora, const ModelHandle& model, const ClipHandle& clip,
                      float strength_model, float strength_clip, memory::Residency& residency);

}  // namespace easel::models
