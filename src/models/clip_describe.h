// What a file holds of CLIP and of the models that build on it, for `easel models` and for error messages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/clip_keys.h"
#include "models/clip_text.h"
#include "models/clip_vision.h"
#include "models/ip_adapter.h"

namespace easel::models {

struct TextTowerFacts {
  TextTowerKind kind = TextTowerKind::kL;
  std::string prefix;  // where in the file; empty at its top
  int64_t width = 0, layers = 0;
};

struct StyleFacts {
  int64_t width = 0, context_dim = 0, tokens = 0;
};

// Everything found; a checkpoint has several of them.
struct ClipFacts {
  std::vector<TextTowerFacts> text;
  std::optional<ClipVisionConfig> vision;
  std::optional<IpAdapterConfig> ip_adapter;
  std::optional<StyleFacts> style;
  std::string problem;  // why something that was recognised cannot be used (FaceID, damage), or ""

  bool empty() const { return text.empty() && !vision && !ip_adapter && !style && problem.empty(); }
};

// Looks at names and shapes only. Throws nothing about the file's content: see `problem`.
ClipFacts clip_facts(const TensorMap& file, const std::string& file_name);

bool is_clip_vision(const TensorMap& file);
bool is_clip_text(const TensorMap& file);

// One line for people, of what a stand-alone file is and what it goes with; "" when it is none of these.
// "CLIP vision ViT-H/14: hidden states 1280, image embeds 1024"
std::string describe_clip_file(const ClipFacts& facts);

}  // namespace easel::models
