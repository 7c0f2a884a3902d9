// For --trace: the outputs of every node as tensors of one file.
#pragma once

#include <functional>
#include <string>

#include "node_api/value.h"
#include "tensor/tensor_map.h"

namespace easel::nodes {

// Adds a node's outputs in f32, named "<node>.<output>.<TYPE>[.<field>]": IMAGE and MASK as they are; LATENT.samples in
// torch's order [N,C,h,w]; CONDITIONING.<entry>.cond and .pooled_output; CLIP_VISION_OUTPUT.image_embeds,
// .penultimate_hidden_states and .last_hidden_state. Outputs of other types are left out.
void add_trace(TensorMap& trace, const std::string& node, const Outputs& outputs);

// A function for engine::RunOptions::watch that adds the outputs of every node of a run. `trace` must outlive it.
inline std::function<void(const std::string& node, const Outputs& outputs)> trace_into(TensorMap& trace) {
  return [&trace](const std::string& node, const Outputs& outputs) { add_trace(trace, node, outputs); };
}

}  // namespace easel::nodes
