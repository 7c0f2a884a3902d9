#include "nodes/model/checkpoint_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/error.h"

namespace easel::nodes {
namespace {

struct Known {
  const char* name;
  CheckpointConfig config;
};
const std::array<Known, 11> kKnown{{
    {"anything_v3.yaml", {false, -2}},
    {"v1-inference.yaml", {}},
    {"v1-inference_clip_skip_2.yaml", {false, -2}},
    {"v1-inference_clip_skip_2_fp16.yaml", {false, -2}},
    {"v1-inference_fp16.yaml", {}},
    {"v1-inpainting-inference.yaml", {}},
    {"v2-inference-v.yaml", {true, {}}},
    {"v2-inference-v_fp32.yaml", {true, {}}},
    {"v2-inference.yaml", {}},
    {"v2-inference_fp32.yaml", {}},
    {"v2-inpainting-inference.yaml", {}},
}};

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Without a comment and quotes.
std::string_view plain(std::string_view value) {
  value = trimmed(value.substr(0, value.starts_with('#') ? 0 : value.find(" #")));
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
    value = value.substr(1, value.size() - 2);
  return value;
}

int layer_number(std::string_view value) {
  int layer = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), layer);
  if (error != std::errc() || end != value.data() + value.size() || layer < -24 || layer > -1)
    throw Error(Fault::kBadFile,
                "its layer_idx is '" + std::string(value.substr(0, 40)) + "', no number from -24 to -1");
  return layer;
}

}  // namespace

CheckpointConfig parse_checkpoint_config(std::string_view yaml) {
  CheckpointConfig out;
  std::vector<std::pair<size_t, std::string>> scopes;  // indentation and key of what a line lies in
  while (!yaml.empty()) {
    const size_t end = std::min(yaml.find('\n'), yaml.size());
    const std::string_view line = yaml.substr(0, end);
    yaml.remove_prefix(std::min(end + 1, yaml.size()));
    const std::string_view text = trimmed(line);
    const size_t colon = text.find(':');
    if (text.empty() || text.front() == '#' || colon == std::string_view::npos) continue;
    const size_t indent = line.find_first_not_of(' ');
    while (!scopes.empty() && scopes.back().first >= indent) scopes.pop_back();
    scopes.emplace_back(indent, std::string(plain(text.substr(0, colon))));
    const std::string_view value = plain(trimmed(text.substr(colon + 1)));
    if (value.empty()) continue;
    std::string path;
    for (const auto& [at, key] : scopes) path += (path.empty() ? "" : ".") + key;
    if (path == "model.params.parameterization") out.v_prediction = value == "v";
    if (path == "model.params.cond_stage_config.params.layer_idx" && value != "null")
      out.clip_layer = layer_number(value);
  }
  return out;
}

std::vector<std::string> known_checkpoint_configs() {
  std::vector<std::string> out;
  for (const Known& known : kKnown) out.emplace_back(known.name);
  return out;
}

std::optional<CheckpointConfig> known_checkpoint_config(std::string_view name) {
  const auto it = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& known) { return known.name == name; });
  return it == kKnown.end() ? std::nullopt : std::optional(it->config);
}

}  // namespace easel::nodes
