#include "models/text/clip_keys.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace easel::models {
namespace {

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

// A name below a module list: the number and what follows its dot; the number is -1 for other names.
struct Numbered {
  int64_t number = -1;
  std::string_view rest;
};

Numbered numbered_name(std::string_view name, std::string_view prefix) {
  if (!starts_with(name, prefix)) return {};
  const std::string_view tail = name.substr(prefix.size());
  const size_t dot = tail.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot > 4) return {};
  Numbered out;
  const auto [end, error] = std::from_chars(tail.data(), tail.data() + dot, out.number);
  if (error != std::errc() || end != tail.data() + dot || out.number < 0) return {};
  out.rest = tail.substr(dot + 1);
  return out;
}

// Splits a fused parameter [3w, ...] into its three parts.
void add_split(const std::string& name, const StoredTensor& fused, const std::string& layer, const std::string& leaf,
               StoredTensors& out) {
  if (fused.rank() < 1 || fused.dim(0) % 3 != 0)
    throw Error(Fault::kBadFile, "tensor '" + name + "' should hold query, key and value together, but has shape " +
                                     fused.shape().str());
  const int64_t rows = fused.dim(0) / 3;
  const std::array<const char*, 3> parts = {"self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."};
  for (int i = 0; i < 3; ++i) out.set(layer + parts[static_cast<size_t>(i)] + leaf, fused.slice(i * rows, rows));
}

StoredTensor transposed(const std::string& name, const StoredTensor& t) {
  if (t.rank() != 2)
    throw Error(Fault::kBadFile, "tensor '" + name + "' should be a matrix, but has shape " + t.shape().str());
  return t.transposed();
}

// OpenCLIP's names outside the blocks, below one scope.
struct Rename {
  const char* from;
  const char* to;
  bool transpose = false;
};

constexpr Rename kOpenClipText[] = {
    {"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
    {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    {"ln_final.weight", "text_model.final_layer_norm.weight"},
    {"ln_final.bias", "text_model.final_layer_norm.bias"},
    {"text_projection.weight", "text_projection.weight"},
    {"text_projection", "text_projection.weight", true},
};

constexpr Rename kOpenClipVision[] = {
    {"class_embedding", "vision_model.embeddings.class_embedding"},
    {"conv1.weight", "vision_model.embeddings.patch_embedding.weight"},
    {"positional_embedding", "vision_model.embeddings.position_embedding.weight"},
    {"ln_pre.weight", "vision_model.pre_layrnorm.weight"},
    {"ln_pre.bias", "vision_model.pre_layrnorm.bias"},
    {"ln_post.weight", "vision_model.post_layernorm.weight"},
    {"ln_post.bias", "vision_model.post_layernorm.bias"},
    {"proj", "visual_projection.weight", true},
};

template <size_t N>
void add_renamed(const StoredTensors& file, const std::string& prefix, const Rename (&table)[N], StoredTensors& out) {
  for (const Rename& r : table)
    if (const StoredTensor* t = file.find(prefix + r.from))
      out.set(r.to, r.transpose ? transposed(prefix + r.from, *t) : *t);
}

// Copies what lies below `from` to `to`, for each name that `keep` (a prefix after `from`) admits.
void add_scope(const StoredTensors& file, const std::string& from, std::string_view keep, const std::string& to,
               StoredTensors& out) {
  for (const auto& [name, tensor] : file)
    if (starts_with(name, from + std::string(keep))) out.set(to + name.substr(from.size()), tensor);
}

TextTowerKind kind_by_depth(int64_t layers) {
  // 23 and 31 are the reference's limits.
  return layers >= 31 ? TextTowerKind::kG : layers >= 23 ? TextTowerKind::kH : TextTowerKind::kL;
}

enum class ProjectionRule {
  kIgnore,      // checkpoints of SD1 and CLIP-L of SDXL: the pooled output is not projected
  kTakeWeight,  // stand-alone files: text_projection.weight, or its transpose named text_projection
};

struct TextPlace {
  const char* prefix;
  ProjectionRule projection;
};

constexpr TextPlace kTextPlaces[] = {
    {"cond_stage_model.transformer.", ProjectionRule::kIgnore},         // SD1
    {"cond_stage_model.model.", ProjectionRule::kTakeWeight},           // SD2
    {"conditioner.embedders.0.transformer.", ProjectionRule::kIgnore},  // SDXL, CLIP-L
    {"conditioner.embedders.0.model.", ProjectionRule::kTakeWeight},    // the refiner; SD2 in that layout
    {"conditioner.embedders.1.model.", ProjectionRule::kTakeWeight},    // SDXL, OpenCLIP-bigG
    {"clip_l.transformer.", ProjectionRule::kTakeWeight},               // as saved by CLIPSave
    {"clip_h.transformer.", ProjectionRule::kTakeWeight},
    {"clip_g.transformer.", ProjectionRule::kTakeWeight},
    {"text_encoder.", ProjectionRule::kTakeWeight},
    {"", ProjectionRule::kTakeWeight},
};

std::shared_ptr<const StoredTensors> text_tower_at(const StoredTensors& file, const std::string& prefix,
                                                   ProjectionRule rule) {
  auto out = std::make_shared<StoredTensors>();
  if (file.contains(prefix + "transformer.resblocks.0.ln_1.weight")) {
    add_renamed(file, prefix, kOpenClipText, *out);
    add_openclip_blocks(file, prefix + "transformer.resblocks.", "text_model.encoder.", *out);
  } else if (file.contains(prefix + "text_model.encoder.layers.0.layer_norm1.weight")) {
    add_scope(file, prefix, "text_model.", "", *out);
    if (rule == ProjectionRule::kTakeWeight) {
      if (const StoredTensor* t = file.find(prefix + "text_projection.weight")) out->set("text_projection.weight", *t);
      if (const StoredTensor* t = file.find(prefix + "text_projection"))
        out->set("text_projection.weight", transposed(prefix + "text_projection", *t));
    }
  } else if (file.contains(prefix + "encoder.layers.0.layer_norm1.weight")) {  // early SD1 files lack "text_model."
    for (const char* scope : {"embeddings.", "encoder.", "final_layer_norm."})
      add_scope(file, prefix, scope, "text_model.", *out);
  }
  return out;
}

}  // namespace

const char* text_tower_name(TextTowerKind kind) {
  switch (kind) {
    case TextTowerKind::kL: return "CLIP-L";
    case TextTowerKind::kH: return "OpenCLIP-H";
    case TextTowerKind::kG: return "OpenCLIP-bigG";
  }
  return "";
}

int64_t count_numbered(const StoredTensors& tensors, std::string_view prefix) {
  int64_t count = 0;
  for (const auto& [name, tensor] : tensors) count = std::max(count, numbered_name(name, prefix).number + 1);
  return count;
}

void add_openclip_blocks(const StoredTensors& file, std::string_view from, const std::string& to, StoredTensors& out) {
  constexpr std::pair<const char*, const char*> kParts[] = {
      {"ln_1.", "layer_norm1."},
      {"ln_2.", "layer_norm2."},
      {"mlp.c_fc.", "mlp.fc1."},
      {"mlp.c_proj.", "mlp.fc2."},
      {"attn.out_proj.", "self_attn.out_proj."},
  };
  for (const auto& [name, tensor] : file) {
    const Numbered block = numbered_name(name, from);
    if (block.number < 0) continue;
    const std::string layer = to + "layers." + std::to_string(block.number) + ".";
    if (block.rest == "attn.in_proj_weight") add_split(name, tensor, layer, "weight", out);
    if (block.rest == "attn.in_proj_bias") add_split(name, tensor, layer, "bias", out);
    for (const auto& [old_part, new_part] : kParts)
      if (starts_with(block.rest, old_part))
        out.set(layer + new_part + std::string(block.rest.substr(std::string_view(old_part).size())), tensor);
  }
}

std::vector<TextTowerTensors> find_text_towers(const StoredTensors& file) {
  std::vector<TextTowerTensors> out;
  for (const TextPlace& place : kTextPlaces) {
    auto tensors = text_tower_at(file, place.prefix, place.projection);
    const int64_t layers = count_numbered(*tensors, "text_model.encoder.layers.");
    if (layers > 0) out.push_back({kind_by_depth(layers), place.prefix, std::move(tensors)});
  }
  return out;
}

std::shared_ptr<const StoredTensors> vision_tower_tensors(const StoredTensors& file, std::string_view prefix) {
  const std::string scope(prefix);
  auto out = std::make_shared<StoredTensors>();
  if (file.contains(scope + "transformer.resblocks.0.attn.in_proj_weight")) {
    add_renamed(file, scope, kOpenClipVision, *out);
    add_openclip_blocks(file, scope + "transformer.resblocks.", "vision_model.encoder.", *out);
  } else {
    add_scope(file, scope, "vision_model.", "", *out);
    if (const StoredTensor* t = file.find(scope + "visual_projection.weight")) out->set("visual_projection.weight", *t);
  }
  return count_numbered(*out, "vision_model.encoder.layers.") > 0 ? out : nullptr;
}

VisionTowerPlace find_vision_tower(const StoredTensors& file) {
  if (file.contains("vision_model.encoder.layers.0.layer_norm1.weight")) return {true, ""};
  for (const char* prefix : {"visual.", "embedder.model.visual.", "conditioner.embedders.0.open_clip.model.visual."})
    if (file.contains(std::string(prefix) + "transformer.resblocks.0.attn.in_proj_weight")) return {true, prefix};
  return {};
}

}  // namespace easel::models
