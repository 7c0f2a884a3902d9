// Finds CLIP towers in a file, whatever layout their publisher chose, and gives them one set of names.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/stored_tensor.h"

namespace easel::models {

// The text encoders of Stable Diffusion, distinguished by depth: 12 layers, 24 (SD2's files hold 23 or 24), 32.
enum class TextTowerKind { kL, kH, kG };
// "CLIP-L", "OpenCLIP-H", "OpenCLIP-bigG", for people.
const char* text_tower_name(TextTowerKind kind);

// A text tower in the transformers library's names: text_model.embeddings.{token,position}_embedding.weight,
// text_model.encoder.layers.N..., text_model.final_layer_norm, text_projection.weight [out,width] (if there is one).
struct TextTowerTensors {
  TextTowerKind kind = TextTowerKind::kL;
  std::string prefix;  // where in the file it was found; empty for a stand-alone file
  std::shared_ptr<const StoredTensors> tensors;
};

// All text towers of a checkpoint or stand-alone file, in the order of the known places: the SD1, SD2, SDXL and
// refiner prefixes, then the file's top level. Values are views: nothing is copied.
// Throws Error(kBadFile) if a fused tensor cannot be split.
std::vector<TextTowerTensors> find_text_towers(const StoredTensors& file);

// The vision tower below `prefix` in the transformers library's names (vision_model.*, visual_projection.weight
// [projection,width]), from either layout; nullptr when there is none. The text tower of a full CLIP file is left out.
std::shared_ptr<const StoredTensors> vision_tower_tensors(const StoredTensors& file, std::string_view prefix = {});

// The prefix of the vision tower in a file, for vision_tower_tensors(): that of unCLIP checkpoints and video models, or
// the empty one of a stand-alone file. `found` is false if the file has no vision tower.
struct VisionTowerPlace {
  bool found = false;
  std::string prefix;
};
VisionTowerPlace find_vision_tower(const StoredTensors& file);

// Adds to `out` the blocks `from`N.{ln_1, attn.in_proj_*, attn.out_proj, ln_2, mlp.c_fc, mlp.c_proj} of the OpenCLIP
// layout as `to`layers.N.{layer_norm1, self_attn..., mlp.fc1, ...}; other names below `from` are ignored.
void add_openclip_blocks(const StoredTensors& file, std::string_view from, const std::string& to, StoredTensors& out);

// One more than the highest N among the names that start with prefix + N + "."; 0 if there are none.
int64_t count_numbered(const StoredTensors& tensors, std::string_view prefix);

}  // namespace easel::models
