#include "models/control/control_keys.h"

#include <string>

#include "models/checkpoint/diffusers_keys.h"
#include "models/control/control_lora.h"
#include "models/text/clip_keys.h"
#include "models/weights/key_names.h"

namespace easel::models {
namespace {

// The transformer of a network for several kinds of hints (the spelling is the publisher's), named as ClipEncoder reads
// it.
void add_union_blocks(const StoredTensors& file, const std::string& prefix, StoredTensors& out) {
  add_openclip_blocks(file, prefix + "transformer_layes.", "union.", out);
}

std::shared_ptr<const StoredTensors> below(const StoredTensors& file, const std::string& prefix) {
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file)
    if (name.starts_with(prefix)) out->set(name.substr(prefix.size()), tensor);
  add_union_blocks(file, prefix, *out);
  return out;
}

std::shared_ptr<const StoredTensors> from_diffusers_controlnet(const StoredTensors& file) {
  const DiffusersNames names(file);
  std::string rest;
  int64_t blocks = 0;
  for (const auto& [name, tensor] : file)
    blocks = std::max(blocks, number_after(name, "controlnet_cond_embedding.blocks.", rest) + 1);
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file) {
    std::string original = names.original(name);
    if (name.starts_with("controlnet_mid_block.")) original = "middle_block_out.0" + name.substr(20);
    if (const int64_t i = number_after(name, "controlnet_down_blocks.", rest); i >= 0)
      original = "zero_convs." + std::to_string(i) + ".0." + rest;
    // The activations between the convolutions have numbers of their own.
    const std::string hint = "controlnet_cond_embedding.";
    if (name.starts_with(hint + "conv_in.")) original = "input_hint_block.0" + name.substr(hint.size() + 7);
    if (name.starts_with(hint + "conv_out."))
      original = "input_hint_block." + std::to_string(2 * (blocks + 1)) + name.substr(hint.size() + 8);
    if (const int64_t i = number_after(name, hint + "blocks.", rest); i >= 0)
      original = "input_hint_block." + std::to_string(2 * (i + 1)) + "." + rest;
    out->set(original.empty() ? name : original, tensor);
  }
  add_union_blocks(file, "", *out);
  return out;
}

// adapter.body.I.resnets.J of the diffusers library is body.(2I+J) in a full adapter, body.I.body.J in a light one.
std::shared_ptr<const StoredTensors> from_diffusers_adapter(const StoredTensors& file, bool light) {
  auto out = std::make_shared<StoredTensors>();
  std::string rest, inner;
  for (const auto& [name, tensor] : file) {
    if (!name.starts_with("adapter.")) continue;
    std::string original = name.substr(8);
    if (const int64_t i = number_after(original, "body.", rest); i >= 0) {
      const int64_t j = number_after(rest, "resnets.", inner);
      if (light)
        original = "body." + std::to_string(i) + (j >= 0 ? ".body." + std::to_string(j) + "." + inner : "." + rest);
      else original = "body." + std::to_string(2 * i + std::max<int64_t>(j, 0)) + "." + (j >= 0 ? inner : rest);
    }
    out->set(original, tensor);
  }
  return out;
}

std::shared_ptr<const StoredTensors> adapter_tensors(const StoredTensors& file) {
  if (file.contains("adapter.body.0.resnets.0.block1.weight"))
    return from_diffusers_adapter(file, file.contains("adapter.body.0.out_conv.weight"));
  return below(file, file.contains("adapter.body.0.block1.weight") || file.contains("adapter.body.0.in_conv.weight")
                         ? "adapter."
                         : "");
}

}  // namespace

ControlTensors control_tensors(const StoredTensors& file) {
  if (is_control_lora(file)) return {ControlKind::kControlLora, below(file, "")};
  if (file.contains("control_model.zero_convs.0.0.weight"))
    return {ControlKind::kControlNet, below(file, "control_model.")};
  if (file.contains("zero_convs.0.0.weight")) return {ControlKind::kControlNet, below(file, "")};
  if (file.contains("controlnet_cond_embedding.conv_in.weight"))
    return {ControlKind::kControlNet, from_diffusers_controlnet(file)};
  const auto adapter = adapter_tensors(file);
  if (adapter->contains("body.0.in_conv.weight") && adapter->contains("body.0.out_conv.weight"))
    return {ControlKind::kT2iLight, adapter};
  if (adapter->contains("conv_in.weight") && adapter->contains("body.0.block2.weight"))
    return {ControlKind::kT2iFull, adapter};
  return {};
}

}  // namespace easel::models
