// How trainers name the tensors of a LoRA file.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/text/text_encoder.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// A tensor's module and its role there ("lora_up", "alpha", "oft_blocks", ...): "x.lora_B.default.weight" is
// {"x", "lora_up"}. Nothing for names that are not of a LoRA.
std::optional<std::pair<std::string, std::string>> lora_role(const std::string& tensor);

// The module's name without the wrappers that PEFT puts around a model ("unet.base_model.model.x" is "unet.x").
std::string without_wrappers(const std::string& module);

// Names by which a file may change `module` of a UNet, the likeliest first; `diffusers` is that library's name for it,
// or empty.
std::vector<std::string> unet_lora_names(const std::string& module, const std::string& diffusers);

// Names by which a file may change `module` ("text_model.encoder.layers.0.mlp.fc1") of a text tower; `beside_l`: its
// encoder also has a CLIP-L tower, which makes it "text encoder 2" in files.
std::vector<std::string> text_lora_names(const std::string& module, TextTowerKind kind, bool beside_l);

// For an error: which keys the file has (the first few and how many), and what they look like.
std::string described_keys(const StoredTensors& file);

}  // namespace easel::models
