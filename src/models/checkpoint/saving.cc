#include "models/checkpoint/saving.h"

#include <array>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "base/cancel.h"
#include "models/diffusion_model.h"
#include "models/sd/variants.h"
#include "models/unet/unet_source.h"
#include "ops/elementwise.h"
#include "sampling/schedule/edm_sampling.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

using Make = std::function<StoredTensor()>;

constexpr const char* kUNetScope = "model.diffusion_model.";
constexpr const char* kVaeScope = "first_stage_model.";
// What CLIP's text encoders are trained to; none of what is computed here needs it, ComfyUI's files have it.
constexpr float kLogitScale = 4.6055f;
constexpr int64_t kTextPositions = 77;

DType type_in_file(const StoredTensor& tensor) { return tensor.plain() ? tensor.plain()->dtype() : DType::kF32; }

// 8-bit floats are read only: they are written as 16-bit ones, which hold them exactly.
DType type_to_write(DType type) {
  return type == DType::kF8E4M3 || type == DType::kF8E5M2 ? DType::kF16 : type == DType::kF64 ? DType::kF32 : type;
}

Tensor values_of(const StoredTensor& tensor, DType type) {
  Tensor out = contiguous(convert(tensor.tensor(), type));
  require_unchanged(tensor.storage());
  return out;
}

void add(SavedTensors& out, std::string name, const StoredTensor& stored, Make make) {
  const DType type = type_to_write(type_in_file(stored));
  out.push_back({{std::move(name), type, stored.shape()}, [stored, type, make = std::move(make)] {
                   poll_cancelled();
                   Tensor values = values_of(make(), type);
                   stored.drop_pages();
                   return values;
                 }});
}

void add_value(SavedTensors& out, std::string name, Tensor value) {
  formats::TensorSpec spec{std::move(name), value.dtype(), value.shape()};
  out.push_back({std::move(spec), [value = std::move(value)] { return value; }});
}

void add_unet(SavedTensors& out, const UNetModel& unet) {
  const auto source = unet.source;
  const nn::Weights probe = source->weights().probe();
  UNet::check(probe);
  const std::vector<std::string> names = probe.unused();
  const std::unordered_set<std::string> unused(names.begin(), names.end());
  const std::string prefix = source->prefix();
  for (const auto& [name, stored] : *source->tensors) {
    if (!name.starts_with(prefix) || unused.contains(name)) continue;
    const std::string inner = name.substr(prefix.size());
    add(out, kUNetScope + inner, stored, [source, inner, stored = stored] {
      StoredTensor weight = stored;
      for (const nn::WeightPatchPtr& patch : source->patches) weight = patch->apply(inner, weight);
      return weight;
    });
  }
}

// OpenCLIP's names of a block's parts, by the transformers library's.
constexpr std::pair<const char*, const char*> kBlockParts[] = {{"layer_norm1.", "ln_1."},
                                                               {"layer_norm2.", "ln_2."},
                                                               {"mlp.fc1.", "mlp.c_fc."},
                                                               {"mlp.fc2.", "mlp.c_proj."},
                                                               {"self_attn.out_proj.", "attn.out_proj."}};
constexpr std::pair<const char*, const char*> kOpenClipNames[] = {
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
    {"text_model.final_layer_norm.weight", "ln_final.weight"},
    {"text_model.final_layer_norm.bias", "ln_final.bias"}};

class Tower {
 public:
  Tower(std::shared_ptr<const TextEncoder> encoder, TextTowerKind kind) : encoder_(std::move(encoder)), kind_(kind) {}

  // Below `scope`, in the transformers library's names.
  void add_plain(SavedTensors& out, const std::string& scope, bool projection) const {
    for (const auto& [name, stored] : *encoder_->stored(kind_)) {
      if (name.starts_with("text_projection") ? !projection : !is_weight(stored)) continue;
      add(out, scope + name, stored, patched(name));
    }
  }

  // Below `scope`, in OpenCLIP's names: query, key and value in one, the projection transposed.
  void add_openclip(SavedTensors& out, const std::string& scope) const {
    for (const auto& [from, to] : kOpenClipNames)
      if (const StoredTensor* stored = encoder_->stored(kind_)->find(from))
        add(out, scope + to, *stored, patched(from));
    for (const auto& [name, stored] : *encoder_->stored(kind_)) add_block_part(out, scope, name, stored);
    if (const StoredTensor* stored = encoder_->stored(kind_)->find("text_projection.weight"))
      add(out, scope + "text_projection", stored->transposed(),
          [make = patched("text_projection.weight")] { return make().transposed(); });
    add_value(out, scope + "logit_scale", Tensor::full(Shape{}, kLogitScale));
  }

 private:
  // Position ids are integers, which some files have and others have not.
  static bool is_weight(const StoredTensor& stored) { return stored.is_float(); }

  Make patched(const std::string& name) const {
    return [encoder = encoder_, kind = kind_, name] { return encoder->tensor(kind, name); };
  }

  void add_block_part(SavedTensors& out, const std::string& scope, const std::string& name,
                      const StoredTensor& stored) const {
    constexpr std::string_view kLayers = "text_model.encoder.layers.";
    if (!name.starts_with(kLayers)) return;
    const size_t dot = name.find('.', kLayers.size());
    if (dot == std::string::npos) return;
    const std::string layer = name.substr(0, dot + 1), part = name.substr(dot + 1);
    const std::string block = scope + "transformer.resblocks." + name.substr(kLayers.size(), dot + 1 - kLayers.size());
    for (const auto& [from, to] : kBlockParts)
      if (part.starts_with(from))
        add(out, block + to + part.substr(std::string_view(from).size()), stored, patched(name));
    for (const char* leaf : {"weight", "bias"})
      if (part == std::string("self_attn.q_proj.") + leaf)
        add_attention(out, block + "attn.in_proj_" + leaf, layer, leaf);
  }

  void add_attention(SavedTensors& out, std::string name, const std::string& layer, const char* leaf) const {
    std::array<std::string, 3> parts;
    Shape shape;
    DType type = DType::kF32;
    int64_t rows = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i] = layer + "self_attn." + "qkv"[i] + "_proj." + leaf;
      const StoredTensor* stored = encoder_->stored(kind_)->find(parts[i]);
      if (!stored) throw Error(Fault::kBadFile, "tensor '" + parts[i] + "' is missing").in_file(encoder_->file());
      if (i == 0) {
        shape = stored->shape();
        type = type_to_write(type_in_file(*stored));
      }
      rows += stored->dim(0);
    }
    shape[0] = rows;
    out.push_back({{std::move(name), type, shape}, [encoder = encoder_, kind = kind_, parts, type] {
                     poll_cancelled();
                     std::vector<Tensor> rows_of;
                     for (const std::string& part : parts)
                       rows_of.push_back(values_of(encoder->tensor(kind, part), DType::kF32));
                     return contiguous(convert(ops::concat(rows_of, 0), type));
                   }});
  }

  std::shared_ptr<const TextEncoder> encoder_;
  TextTowerKind kind_;
};

[[noreturn]] void throw_other_text(const ModelHandle& model, const ClipHandle& clip) {
  throw Error(Fault::kMismatch, "a checkpoint of " + family_name(&model.family()) + " has " +
                                    std::string(model.net->takes().text_encoders) + " as text encoder, and " +
                                    clip.encoder->file() + " is " + clip.encoder->description())
      .at_input("clip")
      .fix("Use the text encoder of a model of this family");
}

// As the publishers of each family lay their checkpoints out.
void add_text(SavedTensors& out, const ModelHandle& model, const ClipHandle& clip) {
  const TextEncoder& encoder = *clip.encoder;
  const bool l = encoder.has(TextTowerKind::kL), h = encoder.has(TextTowerKind::kH), g = encoder.has(TextTowerKind::kG);
  const auto tower = [&](TextTowerKind kind) { return Tower(clip.encoder, kind); };
  const Family* family = &model.family();
  const bool fits = family == &sd::kRefiner.family ? g && !l
                    : sd::is_xl(family)            ? g && l
                    : family == &sd::kSd1.family   ? l && !g
                                                   : h;
  if (!fits) throw_other_text(model, clip);
  if (h) return tower(TextTowerKind::kH).add_openclip(out, "cond_stage_model.model.");
  if (!g) return tower(TextTowerKind::kL).add_plain(out, "cond_stage_model.transformer.", false);
  if (!l) return tower(TextTowerKind::kG).add_openclip(out, "conditioner.embedders.0.model.");
  tower(TextTowerKind::kG).add_openclip(out, "conditioner.embedders.1.model.");
  tower(TextTowerKind::kL).add_plain(out, "conditioner.embedders.0.transformer.", false);
  Tensor positions(Shape{1, kTextPositions}, DType::kI64);
  std::iota(static_cast<int64_t*>(positions.raw()), static_cast<int64_t*>(positions.raw()) + kTextPositions, 0);
  add_value(out, "conditioner.embedders.0.transformer.text_model.embeddings.position_ids", positions);
}

// Noise levels above this are those of a schedule that ends with pure noise: about 4518, where others end at 15 or 120.
constexpr float kZeroTerminal = 1000.0f;

// Marks of continuous noise levels: those that the model is sampled at, or those of its own file where they are not of
// the kind that has marks.
void add_levels(SavedTensors& out, const ModelHandle& model, const UNetModel& unet) {
  const auto keep = [&](const char* mark) {
    if (const StoredTensor* stored = unet.source->tensors->find(mark))
      add(out, mark, *stored, [stored = *stored] { return stored; });
  };
  keep("edm_mean");
  keep("edm_std");
  const auto* edm = dynamic_cast<const sampling::EdmSampling*>(model.sampling.get());
  if (!edm || edm->options().says != sampling::EdmSampling::Says::kVelocity) {
    keep("edm_vpred.sigma_max");
    keep("edm_vpred.sigma_min");
    return;
  }
  const auto level = [](double sigma) { return Tensor::full(Shape{}, static_cast<float>(sigma)); };
  add_value(out, "edm_vpred.sigma_max", level(edm->options().sigma_max));
  add_value(out, "edm_vpred.sigma_min", level(edm->options().sigma_min));
}

// Marks by which readers know what the network predicts. Those of the model's own file that say more are kept.
void add_marks(SavedModel& out, const ModelHandle& model, const UNetModel& unet) {
  add_levels(out.tensors, model, unet);
  if (unet.source->tensors->contains("edm_mean") || unet.source->tensors->contains("edm_vpred.sigma_max")) return;
  const sampling::Prediction predicts = model.net->sampling()->prediction();
  if (predicts == sampling::Prediction::kEps) out.metadata["modelspec.predict_key"] = "epsilon";
  if (predicts != sampling::Prediction::kV) return;
  out.metadata["modelspec.predict_key"] = "v";
  add_value(out.tensors, "v_pred", Tensor(Shape{0}));
  if (model.sampling->sigma_max() > kZeroTerminal) add_value(out.tensors, "ztsnr", Tensor(Shape{0}));
}

void add_model_spec(formats::Metadata& metadata, const ModelHandle& model, const std::string& title) {
  const Family* family = &model.family();
  if (!sd::is_xl(family)) return;
  const bool edit = model.net->takes().beside == ConditioningTaken::Beside::kPicture;
  metadata["modelspec.architecture"] = family == &sd::kRefiner.family ? "stable-diffusion-xl-v1-refiner"
                                       : edit                         ? "stable-diffusion-xl-v1-edit"
                                                                      : "stable-diffusion-xl-v1-base";
  metadata["modelspec.sai_model_spec"] = "1.0.0";
  metadata["modelspec.implementation"] = "sgm";
  metadata["modelspec.title"] = title;
}

}  // namespace

SavedModel checkpoint_to_save(const ModelHandle& model, const ClipHandle* clip, const VaeHandle* vae,
                              const std::string& title) {
  if (model.net->takes().image_width > 0 && model.family().latents == sd::kUnclipH.family.latents)
    throw Error(Fault::kUnsupported,
                "an unCLIP model cannot be saved: the picture encoder that belongs into its file is "
                "no input here")
        .in_file(model.file)
        .at_input("model");
  const UNetModel& unet = unet_of(model, "saving");
  SavedModel out;
  add_unet(out.tensors, unet);
  if (vae)
    for (SavedTensor& tensor : vae_to_save(*vae)) {
      tensor.spec.name = kVaeScope + tensor.spec.name;
      out.tensors.push_back(std::move(tensor));
    }
  if (clip) add_text(out.tensors, model, *clip);
  add_marks(out, model, unet);
  add_model_spec(out.metadata, model, title);
  return out;
}

std::vector<SavedTower> text_towers_to_save(const ClipHandle& clip) {
  std::vector<SavedTower> out;
  for (const auto& [kind, name] :
       {std::pair{TextTowerKind::kL, "clip_l"}, {TextTowerKind::kG, "clip_g"}, {TextTowerKind::kH, "clip_h"}}) {
    if (!clip.encoder->has(kind)) continue;
    SavedTower tower{name, {}};
    Tower(clip.encoder, kind).add_plain(tower.tensors, "", true);
    add_value(tower.tensors, "logit_scale", Tensor::full(Shape{}, kLogitScale));
    out.push_back(std::move(tower));
  }
  return out;
}

SavedTensors vae_to_save(const VaeHandle& vae) {
  SavedTensors out;
  for (const auto& [name, stored] : *vae.tensors)
    if (stored.is_float()) add(out, name, stored, [stored = stored] { return stored; });
  return out;
}

}  // namespace easel::models
