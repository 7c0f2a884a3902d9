#include <charconv>

#include "synth/models/manifest.h"

namespace easel::synth {
namespace {

// Removes a leading "text." from `rest`; returns whether there was one.
bool take(std::string_view& rest, std::string_view text) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

// Removes a leading number and the dot after it from `rest`; returns the number.
int64_t take_number(std::string_view& rest) {
  int64_t n = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
  rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  return n;
}

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (std::string_view p : parts) out += (out.empty() ? "" : ".") + std::string(p);
  return out;
}

std::string residual_part(std::string_view rest) {
  constexpr std::pair<std::string_view, std::string_view> kParts[] = {
      {"in_layers.0.", "norm1"},  {"in_layers.2.", "conv1"},  {"emb_layers.1.", "time_emb_proj"},
      {"out_layers.0.", "norm2"}, {"out_layers.3.", "conv2"}, {"skip_connection.", "conv_shortcut"}};
  for (const auto& [original, diffusers] : kParts)
    if (take(rest, original)) return join({diffusers, rest});
  return std::string(rest);
}

// The name of a part of a level: residual block, attention, or the change of size at its end.
std::string block_part(const std::string& level, int64_t index, int64_t part, bool attention, std::string_view resize,
                       std::string_view rest) {
  const std::string number = std::to_string(index);
  if (part == 0) return join({level, "resnets", number, residual_part(rest)});
  if (part == 1 && attention) return join({level, "attentions", number, rest});
  take(rest, "conv.");
  return join({level, resize, "0.conv", rest});
}

std::string down_name(std::string_view rest, const UNetPlan& plan) {
  int64_t block = take_number(rest) - 1;
  const int64_t part = take_number(rest);
  if (block < 0) return join({"conv_in", rest});
  size_t level = 0;
  for (; block > plan.blocks[level]; ++level) block -= plan.blocks[level] + 1;
  const std::string scope = "down_blocks." + std::to_string(level);
  if (take(rest, "op.")) return join({scope, "downsamplers.0.conv", rest});
  return block_part(scope, block, part, true, "downsamplers", rest);
}

std::string up_name(std::string_view rest, const UNetPlan& plan) {
  const auto number = static_cast<size_t>(take_number(rest));
  const int64_t part = take_number(rest);
  int64_t block = static_cast<int64_t>(number), level = 0;
  for (size_t i = plan.blocks.size() - 1; block > plan.blocks[i]; --i, ++level) block -= plan.blocks[i] + 1;
  const bool attention = plan.depth_out[plan.depth_out.size() - 1 - number] > 0;
  return block_part("up_blocks." + std::to_string(level), block, part, attention, "upsamplers", rest);
}

std::string middle_name(std::string_view rest) {
  const int64_t part = take_number(rest);
  if (part == 1) return join({"mid_block.attentions.0", rest});
  return join({"mid_block.resnets", part == 0 ? "0" : "1", residual_part(rest)});
}

std::string hint_name(std::string_view rest) {
  const int64_t n = take_number(rest) / 2;
  if (n == 0) return join({"controlnet_cond_embedding.conv_in", rest});
  if (n == 7) return join({"controlnet_cond_embedding.conv_out", rest});
  return join({"controlnet_cond_embedding.blocks", std::to_string(n - 1), rest});
}

std::string diffusers_name(std::string_view name, const UNetPlan& plan) {
  constexpr std::pair<std::string_view, std::string_view> kSimple[] = {
      {"time_embed.0.", "time_embedding.linear_1"},
      {"time_embed.2.", "time_embedding.linear_2"},
      {"time_embed.cond_proj.", "time_embedding.cond_proj"},
      {"label_emb.0.0.", "add_embedding.linear_1"},
      {"label_emb.0.2.", "add_embedding.linear_2"},
      {"out.0.", "conv_norm_out"},
      {"out.2.", "conv_out"},
      {"middle_block_out.0.", "controlnet_mid_block"}};
  take(name, "control_model.");
  for (const auto& [original, diffusers] : kSimple)
    if (take(name, original)) return join({diffusers, name});
  if (take(name, "zero_convs.")) {
    const int64_t n = take_number(name);
    take(name, "0.");
    return join({"controlnet_down_blocks", std::to_string(n), name});
  }
  if (take(name, "input_hint_block.")) return hint_name(name);
  if (take(name, "input_blocks.")) return down_name(name, plan);
  if (take(name, "output_blocks.")) return up_name(name, plan);
  take(name, "middle_block.");
  return middle_name(name);
}

}  // namespace

Manifest in_diffusers_layout(const Manifest& original, const UNetPlan& plan) {
  Manifest m;
  for (const auto& [name, shape] : original) m.add(diffusers_name(name, plan), shape);
  return m;
}

Manifest lora(const Manifest& unet, const UNetPlan& plan, const Manifest& text, int64_t rank) {
  Manifest m;
  const auto add = [&](const std::string& scope, std::string name, const Shape& shape) {
    name.resize(name.size() - std::string_view(".weight").size());
    for (char& c : name)
      if (c == '.') c = '_';
    m.add(scope + name + ".alpha", {});
    m.add(scope + name + ".lora_down.weight", {rank, shape[1]});
    m.add(scope + name + ".lora_up.weight", {shape[0], rank});
  };
  for (const auto& [name, shape] : text)
    if (name.find("_proj.weight") != std::string::npos || name.find(".mlp.fc") != std::string::npos) {
      if (shape.rank() == 2) add("lora_te_", name, shape);
    }
  for (const auto& [name, shape] : in_diffusers_layout(unet, plan))
    if (name.find(".attn") != std::string::npos && shape.rank() == 2) add("lora_unet_", name, shape);
  return m;
}

}  // namespace easel::synth
