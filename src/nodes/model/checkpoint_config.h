// The files of settings (YAML) that Stable Diffusion 1 and 2 were published with, as far as ComfyUI's CheckpointLoader
// heeds them today: everything else is read from the checkpoint itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace easel::nodes {

struct CheckpointConfig {
  bool v_prediction = false;      // model.params.parameterization is "v"
  std::optional<int> clip_layer;  // model.params.cond_stage_config.params.layer_idx: -1 is the last layer
};

// Reads nested "key: value" lines; what they do not name is passed over. Throws Error(kBadFile) for a layer that is no
// number from -24 to -1.
CheckpointConfig parse_checkpoint_config(std::string_view yaml);

// What ComfyUI's own files of these names hold: they come with it, and not with models.
std::vector<std::string> known_checkpoint_configs();
std::optional<CheckpointConfig> known_checkpoint_config(std::string_view name);

}  // namespace easel::nodes
