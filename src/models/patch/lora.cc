#include "models/patch/lora.h"

#include "models/model_patch.h"

#include <array>

#include "models/checkpoint/diffusers_keys.h"
#include "models/patch/exact.h"
#include "models/patch/lora_names.h"
#include "models/weights/packed_model.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

// Of IA3, beside a bias: [out,1] for a matrix, [1,out,1,1] for a convolution.
bool scales_outputs(const StoredTensor& factors, const StoredTensor& bias) {
  return factors.numel() == bias.numel() && (factors.rank() != 2 || factors.dim(0) == bias.numel());
}

// Replaces the weights (and biases) that modules change.
StoredTensor patched(const std::map<std::string, const LoraModule*>& modules, const std::string& name,
                     const StoredTensor& weight, float strength) {
  if (const auto it = modules.find(name); it != modules.end()) {
    const LoraModule& m = *it->second;
    const bool only_bias = m.tensors.size() == 1 && (m.find("diff_b") || m.find("b_norm"));
    if (only_bias) return weight;
    Tensor out = apply_lora_module(m, weight, strength);
    for (const auto& [role, tensor] : m.tensors) {
      require_unchanged(tensor.storage());
      tensor.drop_pages();
    }
    return out;
  }
  if (!name.ends_with(".bias")) return weight;
  const auto it = modules.find(name.substr(0, name.size() - 4) + "weight");
  if (it == modules.end()) return weight;
  const LoraModule& m = *it->second;
  for (const char* role : {"diff_b", "b_norm"})
    if (const StoredTensor* d = m.find(role)) return apply_lora_module({m.name, {{"diff", *d}}}, weight, strength);
  if (const StoredTensor* bias = m.find("lora_bias")) {
    const StoredTensor* down = m.find("lora_down");
    return apply_lora_module({m.name, {{"diff", *bias}}}, weight, strength * lora_scale(m, down ? down->dim(0) : 0));
  }
  // What multiplies a layer's outputs multiplies its bias.
  if (const StoredTensor* factors = m.find("ia3"); factors && factors->rank() > 0 && scales_outputs(*factors, weight))
    return apply_lora_module({m.name, {{"ia3", StoredTensor(factors->decoded().view({-1}))}}}, weight, strength);
  return weight;
}

class LoraPatch final : public nn::WeightPatch {
 public:
  // `part` says which modules these are of those that the file has.
  LoraPatch(std::shared_ptr<const Lora> lora, const std::string& part, std::map<std::string, const LoraModule*> modules,
            float strength)
      : lora_(std::move(lora)), modules_(std::move(modules)), strength_(strength) {
    key_ = "lora " + part + " of " + lora_->identity() + " x " + exact(strength);
  }
  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    try {
      return patched(modules_, name, weight, strength_);
    } catch (Error& e) {
      throw e.in_file(lora_->file());
    }
  }
  std::string key() const override { return key_; }

 private:
  std::shared_ptr<const Lora> lora_;
  std::map<std::string, const LoraModule*> modules_;
  float strength_;
  std::string key_;
};

// The first weight whose shape the module cannot change, checked by the widths of plain LoRA factors only.
std::string shape_conflict(const LoraModule& m, const Shape& weight) {
  const StoredTensor *up = m.find("lora_up"), *down = m.find("lora_down");
  if (!up || !down || up->rank() < 2 || down->rank() < 2) return {};
  if (up->dim(0) == weight[0] && (down->dim(1) == weight[1])) return {};
  return "module '" + m.name + "' is " + std::to_string(up->dim(0)) + " x " + std::to_string(down->dim(1)) +
         ", the weight " + std::to_string(weight[0]) + " x " + std::to_string(weight[1]);
}

void check_unet_shapes(const Lora& lora, const std::map<std::string, const LoraModule*>& modules,
                       const ModelHandle& model) {
  const UNetSource& source = *unet_of(model, "a LoRA").source;
  const std::string prefix = source.prefix();
  for (const auto& [name, module] : modules) {
    const StoredTensor* weight = source.tensors->find(prefix + name);
    if (!weight || weight->rank() < 2) continue;
    std::string conflict = shape_conflict(*module, weight->shape());
    if (module->find("lora_bias") && !source.tensors->contains(prefix + name.substr(0, name.size() - 6) + "bias"))
      conflict = "module '" + module->name + "' has a bias, and the layer it changes has none";
    if (!conflict.empty())
      throw Error(Fault::kMismatch, "the LoRA " + lora.file() + " does not fit the model " + model.file + " (" +
                                        family_name(&model.family()) + "): " + conflict)
          .fix("Use a LoRA made for " + family_name(&model.family()));
  }
}

}  // namespace

std::shared_ptr<const Lora> Lora::read(const formats::ModelFile& file) {
  auto lora = std::shared_ptr<Lora>(new Lora);
  lora->file_ = file.name();
  lora->identity_ = identity_of(*file.tensors);
  bool known = false;
  for (const auto& [name, tensor] : *file.tensors)
    if (const auto role = lora_role(name)) {
      LoraModule& module = lora->modules_[without_wrappers(role->first)];
      if (module.name.empty()) module.name = role->first;
      module.tensors[role->second] = tensor;
      known = known || role->second != "alpha";
    }
  if (!known)
    throw Error(Fault::kUnsupported, "there is no LoRA in this file: " + described_keys(*file.tensors))
        .in_file(lora->file_)
        .fix("`easel models` says what the file is and which loader takes it");
  lora->keys_ = described_keys(*file.tensors);
  return lora;
}

const LoraModule* Lora::find(const std::string& name) const {
  const auto it = modules_.find(name);
  return it == modules_.end() ? nullptr : &it->second;
}

std::map<std::string, const LoraModule*> Lora::unet_modules(const ModelHandle& model) const {
  const DiffusersNames diffusers(unet_of(model, "a LoRA").config);
  const UNetSource& source = *unet_of(model, "a LoRA").source;
  const std::string prefix = source.prefix();
  std::map<std::string, const LoraModule*> out;
  for (const auto& [name, tensor] : *source.tensors) {
    if (!name.starts_with(prefix)) continue;
    const std::string weight = name.substr(prefix.size());
    if (!name.ends_with(".weight")) {  // named with the tensor's whole name: "diffusion_model.out.2.bias.diff"
      if (const LoraModule* found = find("diffusion_model." + weight)) out[weight] = found;
      continue;
    }
    const std::string module = weight.substr(0, weight.size() - 7);
    for (const std::string& candidate : unet_lora_names(module, diffusers.diffusers(module)))
      if (const LoraModule* found = find(candidate)) {
        out[weight] = found;
        break;
      }
  }
  return out;
}

std::map<std::string, const LoraModule*> Lora::text_modules(TextTowerKind kind, bool with_l) const {
  const bool beside_l = kind == TextTowerKind::kG && with_l;
  std::map<std::string, const LoraModule*> out;
  const auto look_for = [&](const std::string& module) {
    for (const std::string& name : text_lora_names(module, kind, beside_l))
      if (const LoraModule* found = find(name)) {
        out[module + ".weight"] = found;
        return;
      }
  };
  constexpr int kMostLayers = 32;
  for (int layer = 0; layer < kMostLayers; ++layer)
    for (const char* part : {"mlp.fc1", "mlp.fc2", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                             "self_attn.out_proj", "layer_norm1", "layer_norm2"})
      look_for("text_model.encoder.layers." + std::to_string(layer) + "." + part);
  for (const char* part : {"text_model.final_layer_norm", "text_projection"}) look_for(part);
  return out;
}

namespace {

[[noreturn]] void throw_fits_nothing(const Lora& lora, const ModelHandle& model) {
  throw Error(Fault::kMismatch, "nothing in the LoRA " + lora.file() + " fits the model " + model.file + " (" +
                                    family_name(&model.family()) + "): " + lora.keys())
      .fix("Use a LoRA made for " + family_name(&model.family()));
}

// Adds the modules that are used to `used`, unless it is null.
TextEncoder::TowerPatches text_patches(const std::shared_ptr<const Lora>& lora, const TextEncoder& encoder,
                                       float strength, std::map<const LoraModule*, bool>* used) {
  const bool with_l = encoder.has(TextTowerKind::kL);
  TextEncoder::TowerPatches patches;
  for (const TextTowerKind kind : {TextTowerKind::kL, TextTowerKind::kH, TextTowerKind::kG}) {
    if (!encoder.has(kind)) continue;
    const auto parts = lora->text_modules(kind, with_l);
    if (used)
      for (const auto& [name, module] : parts) (*used)[module] = true;
    const char* part = kind == TextTowerKind::kG && with_l ? "second text encoder" : "text encoder";
    if (!parts.empty()) patches[kind] = std::make_shared<const LoraPatch>(lora, part, parts, strength);
  }
  return patches;
}

}  // namespace

nn::WeightPatchPtr lora_model_patch(const std::shared_ptr<const Lora>& lora, const ModelHandle& model, float strength) {
  const auto modules = lora->unet_modules(model);
  check_unet_shapes(*lora, modules, model);
  if (!modules.empty()) return std::make_shared<const LoraPatch>(lora, "unet", modules, strength);
  for (const auto& [kind, with_l] :
       {std::pair{TextTowerKind::kL, false}, {TextTowerKind::kH, false}, {TextTowerKind::kG, true}})
    if (!lora->text_modules(kind, with_l).empty()) return nullptr;
  throw_fits_nothing(*lora, model);
}

TextEncoder::TowerPatches lora_text_patches(const std::shared_ptr<const Lora>& lora, const TextEncoder& encoder,
                                            float strength) {
  return text_patches(lora, encoder, strength, nullptr);
}

LoraResult apply_lora(const std::shared_ptr<const Lora>& lora, const ModelHandle& model, const ClipHandle& clip,
                      float strength_model, float strength_clip, memory::Residency& residency) {
  LoraResult result{model, clip, {}};
  std::map<const LoraModule*, bool> used;
  const auto modules = lora->unet_modules(model);
  for (const auto& [name, module] : modules) used[module] = true;
  check_unet_shapes(*lora, modules, model);
  if (!modules.empty() && strength_model != 0.0f)
    result.model =
        with_patch(model, weight_patch(std::make_shared<const LoraPatch>(lora, "unet", modules, strength_model)));

  if (clip.encoder) {
    const auto patches = text_patches(lora, *clip.encoder, strength_clip, &used);
    if (!patches.empty() && strength_clip != 0.0f) result.clip.encoder = clip.encoder->patched(residency, patches);
  }
  if (used.empty()) throw_fits_nothing(*lora, model);
  for (const auto& [name, module] : lora->modules())
    if (!used.contains(&module)) result.unused.push_back(name);
  return result;
}

}  // namespace easel::models
