#include "models/checkpoint/diffusers_keys.h"

#include <algorithm>
#include <array>
#include <utility>

#include "models/weights/key_names.h"

namespace easel::models {
namespace {

using Pair = std::pair<const char*, const char*>;  // original, diffusers

constexpr std::array<Pair, 6> kResnet = {{{"in_layers.0", "norm1"},
                                          {"in_layers.2", "conv1"},
                                          {"emb_layers.1", "time_emb_proj"},
                                          {"out_layers.0", "norm2"},
                                          {"out_layers.3", "conv2"},
                                          {"skip_connection", "conv_shortcut"}}};

// Further names come after the one that is preferred.
constexpr std::array<Pair, 10> kBasic = {{{"input_blocks.0.0", "conv_in"},
                                          {"time_embed.0", "time_embedding.linear_1"},
                                          {"time_embed.2", "time_embedding.linear_2"},
                                          {"time_embed.cond_proj", "time_embedding.cond_proj"},
                                          {"label_emb.0.0", "add_embedding.linear_1"},
                                          {"label_emb.0.2", "add_embedding.linear_2"},
                                          {"label_emb.0.0", "class_embedding.linear_1"},
                                          {"label_emb.0.2", "class_embedding.linear_2"},
                                          {"out.0", "conv_norm_out"},
                                          {"out.2", "conv_out"}}};

// Whether `name` is `scope` or lies below it; `rest` is what follows.
bool below(const std::string& name, const std::string& scope, std::string& rest) {
  if (name.compare(0, scope.size(), scope) != 0) return false;
  if (name.size() > scope.size() && name[scope.size()] != '.') return false;
  rest = name.substr(scope.size());
  return true;
}

std::string number(int64_t n) { return std::to_string(n); }

// Highest N + 1 among the keys `prefix`N, up to more than any UNet has.
int64_t count_below(const StoredTensors& file, const std::string& prefix) {
  constexpr int64_t kMost = 16;
  int64_t count = 0;
  for (const auto& [name, tensor] : file)
    if (name.compare(0, prefix.size(), prefix) == 0)
      count =
          std::max(count, key_number(name.substr(prefix.size(), name.find('.', prefix.size()) - prefix.size())) + 1);
  return std::min(count, kMost);
}

}  // namespace

void DiffusersNames::add_level(size_t level, int64_t blocks, int64_t& next, const char* side) {
  const std::string scope = std::string(side) + "_blocks." + number(static_cast<int64_t>(level)) + ".";
  const std::string list = side[0] == 'd' ? "input_blocks." : "output_blocks.";
  for (int64_t i = 0; i < blocks; ++i, ++next) {
    entries_.push_back({list + number(next) + ".0", scope + "resnets." + number(i), true});
    entries_.push_back({list + number(next) + ".1", scope + "attentions." + number(i), false});
  }
}

void DiffusersNames::add_common() {
  entries_.push_back({"middle_block.0", "mid_block.resnets.0", true});
  entries_.push_back({"middle_block.1", "mid_block.attentions.0", false});
  entries_.push_back({"middle_block.2", "mid_block.resnets.1", true});
  for (const auto& [original, diffusers] : kBasic) entries_.push_back({original, diffusers, false});
}

DiffusersNames::DiffusersNames(const UNetConfig& config) {
  const size_t levels = config.res_blocks.size();
  int64_t input = 1, output = 0;
  for (size_t level = 0; level < levels; ++level) {
    add_level(level, config.res_blocks[level], input, "down");
    if (level + 1 == levels) continue;
    const std::string scope = "down_blocks." + number(static_cast<int64_t>(level)) + ".downsamplers.0.conv";
    entries_.push_back({"input_blocks." + number(input++) + ".0.op", scope, false});
  }
  for (size_t level = 0; level < levels; ++level) {
    const int64_t last = output + config.res_blocks[levels - 1 - level];
    if (level + 1 < levels) {
      // The enlarging convolution stands after the attention, where there is one.
      const bool attends =
          static_cast<size_t>(last) < config.output_depth.size() && config.output_depth[static_cast<size_t>(last)] > 0;
      const std::string scope = "up_blocks." + number(static_cast<int64_t>(level)) + ".upsamplers.0.conv";
      entries_.push_back({"output_blocks." + number(last) + (attends ? ".2.conv" : ".1.conv"), scope, false});
    }
    add_level(level, config.res_blocks[levels - 1 - level] + 1, output, "up");
  }
  add_common();
}

DiffusersNames::DiffusersNames(const StoredTensors& file) {
  int64_t input = 1, output = 0;
  for (int64_t level = 0, levels = count_below(file, "down_blocks."); level < levels; ++level) {
    const std::string scope = "down_blocks." + number(level) + ".";
    add_level(static_cast<size_t>(level), count_below(file, scope + "resnets."), input, "down");
    if (file.contains(scope + "downsamplers.0.conv.weight"))
      entries_.push_back({"input_blocks." + number(input++) + ".0.op", scope + "downsamplers.0.conv", false});
  }
  for (int64_t level = 0, levels = count_below(file, "up_blocks."); level < levels; ++level) {
    const std::string scope = "up_blocks." + number(level) + ".";
    const int64_t blocks = count_below(file, scope + "resnets.");
    const bool attends = count_below(file, scope + "attentions.") > 0;
    entries_.push_back({"output_blocks." + number(output + blocks - 1) + (attends ? ".2.conv" : ".1.conv"),
                        scope + "upsamplers.0.conv", false});
    add_level(static_cast<size_t>(level), blocks, output, "up");
  }
  add_common();
}

std::string DiffusersNames::original(const std::string& diffusers) const {
  std::string rest, inner;
  for (const Entry& e : entries_) {
    if (!below(diffusers, e.diffusers, rest)) continue;
    if (!e.resnet) return e.original + rest;
    for (const auto& [ours, theirs] : kResnet)
      if (rest.size() > 1 && below(rest.substr(1), theirs, inner)) return e.original + "." + ours + inner;
  }
  return {};
}

std::string DiffusersNames::diffusers(const std::string& original) const {
  std::string rest, inner;
  for (const Entry& e : entries_) {
    if (!below(original, e.original, rest)) continue;
    if (!e.resnet) return e.diffusers + rest;
    for (const auto& [ours, theirs] : kResnet)
      if (rest.size() > 1 && below(rest.substr(1), ours, inner)) return e.diffusers + "." + theirs + inner;
  }
  return {};
}

bool is_diffusers_unet(const StoredTensors& file) {
  return file.contains("conv_in.weight") && file.contains("down_blocks.0.resnets.0.conv1.weight") &&
         file.contains("time_embedding.linear_1.weight");
}

std::shared_ptr<const StoredTensors> original_unet_tensors(const StoredTensors& file) {
  const DiffusersNames names(file);
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file) {
    const std::string original = names.original(name);
    out->set(original.empty() ? name : original, tensor);
  }
  return out;
}

}  // namespace easel::models
