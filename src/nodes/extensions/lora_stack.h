// LORA_STACK: LoRAs to be applied one after the other, a type that several extensions share.
#pragma once

#include <string>
#include <vector>

#include "nodes/common/composed.h"

namespace easel::nodes {

struct LoraStack {
  struct Entry {
    std::string file;
    double model_strength = 1.0, clip_strength = 1.0;
  };
  std::vector<Entry> entries;
};
template <>
struct LinkType<LoraStack> : PlainLink<LoraStack> {
  static constexpr const char* kName = "LORA_STACK";
};

// Applies the LoRAs one after the other to a model and its text encoder, as LoraLoader does.
struct ModelAndClip {
  Value model, clip;
};
inline ModelAndClip apply_loras(const Parts& parts, ModelAndClip to, const LoraStack& stack) {
  for (const LoraStack::Entry& entry : stack.entries) {
    const Outputs out = parts.make(
        "LoraLoader",
        {{"lora_name", entry.file}, {"strength_model", entry.model_strength}, {"strength_clip", entry.clip_strength}},
        {{"model", to.model}, {"clip", to.clip}});
    to = {out[0], out[1]};
  }
  return to;
}

}  // namespace easel::nodes
