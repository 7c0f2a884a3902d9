#include "models/vae/vae_keys.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/sd/latents.h"
#include "models/weights/key_names.h"

namespace easel::models {
namespace {

std::vector<std::string> split(std::string_view name) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t dot = std::min(name.find('.', begin), name.size());
    parts.emplace_back(name.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return parts;
}

// "to_out.0.weight" -> "proj_out.weight" and so on, below an attention of the diffusers layout.
std::string attention_name(const std::vector<std::string>& parts, size_t from) {
  static const std::map<std::string, std::string> names = {
      {"group_norm", "norm"}, {"query", "q"},         {"to_q", "q"},
      {"key", "k"},           {"to_k", "k"},          {"value", "v"},
      {"to_v", "v"},          {"to_out", "proj_out"}, {"proj_attn", "proj_out"}};
  const auto found = names.find(parts[from]);
  return (found == names.end() ? parts[from] : found->second) + "." + parts.back();
}

// One name of the diffusers layout in the original one. `levels` is the number of up_blocks, which are numbered
// from the other end.
std::string original_name(const std::string& name, int64_t levels) {
  const std::vector<std::string> p = split(name);
  if (p.size() < 3) return name;
  const auto rest = [&](size_t from) {
    std::string out;
    for (size_t i = from; i < p.size(); ++i) out += "." + (p[i] == "conv_shortcut" ? "nin_shortcut" : p[i]);
    return out;
  };
  const std::string& part = p[1];
  if (part == "conv_norm_out") return p[0] + ".norm_out" + rest(2);
  if (part == "mid_block" && p.size() >= 5) {
    const int64_t n = key_number(p[3]);
    if (p[2] == "resnets" && n >= 0) return p[0] + ".mid.block_" + std::to_string(n + 1) + rest(4);
    if (p[2] == "attentions" && n == 0) return p[0] + ".mid.attn_1." + attention_name(p, 4);
  }
  if ((part == "down_blocks" || part == "up_blocks") && p.size() >= 6) {
    const int64_t n = key_number(p[2]);
    const bool down = part == "down_blocks";
    const std::string level = p[0] + (down ? ".down." : ".up.") + std::to_string(down ? n : levels - 1 - n) + ".";
    if (p[3] == "resnets") return level + "block." + p[4] + rest(5);
    if (p[3] == "downsamplers" || p[3] == "upsamplers") return level + (down ? "downsample" : "upsample") + rest(5);
  }
  return name;
}

}  // namespace

TinyHalf tiny_half(const StoredTensors& file) {
  const auto all = [&](std::initializer_list<const char*> names) {
    return std::all_of(names.begin(), names.end(), [&](const char* name) { return file.contains(name); });
  };
  if (all({"1.weight", "3.conv.0.weight", "7.weight", "19.weight"})) return TinyHalf::kDecoder;
  if (all({"0.weight", "1.conv.0.weight", "2.weight", "14.weight"})) return TinyHalf::kEncoder;
  return TinyHalf::kNone;
}

std::shared_ptr<const StoredTensors> tiny_vae_tensors(const StoredTensors* encoder, const StoredTensors& decoder,
                                                      bool sdxl) {
  // Made once, so that models of the same files are known to be the same.
  static const Tensor kSd = Tensor::of({1}, {sd::kSd1Latents.scale}), kSdxl = Tensor::of({1}, {sd::kSdxlLatents.scale});
  auto out = std::make_shared<StoredTensors>();
  if (encoder)
    for (const auto& [name, tensor] : *encoder) out->set("taesd_encoder." + name, tensor);
  for (const auto& [name, tensor] : decoder) out->set("taesd_decoder." + name, tensor);
  out->set("vae_scale", sdxl ? kSdxl : kSd);
  return out;
}

std::shared_ptr<const StoredTensors> vae_tensors(const StoredTensors& file) {
  if (file.contains("taesd_decoder.1.weight")) {
    auto out = std::make_shared<StoredTensors>();
    for (const auto& [name, tensor] : file)
      if (name.starts_with("taesd_") || name.starts_with("vae_s")) out->set(name, tensor);
    return out;
  }
  for (const std::string prefix : {"first_stage_model.", "vae.", ""}) {
    if (!file.contains(prefix + "decoder.conv_in.weight")) continue;
    const bool diffusers = file.contains(prefix + "decoder.up_blocks.0.resnets.0.norm1.weight");
    int64_t levels = 0;
    for (const auto& [name, tensor] : file)
      if (name.starts_with(prefix + "decoder.up_blocks."))
        levels = std::max(levels, key_number(split(name.substr(prefix.size()))[2]) + 1);
    auto out = std::make_shared<StoredTensors>();
    for (const auto& [name, tensor] : file) {
      if (!name.starts_with(prefix)) continue;
      const std::string bare = name.substr(prefix.size());
      out->set(diffusers ? original_name(bare, levels) : bare, tensor);
    }
    return out;
  }
  return nullptr;
}

}  // namespace easel::models
