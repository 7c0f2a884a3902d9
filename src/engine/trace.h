// --trace: every node's outputs as tensors in one file.
#pragma once

#include <filesystem>
#include <string>

#include "node_api/value.h"
#include "tensor/tensor_map.h"

namespace easel::engine {

// Adds a node's outputs under "<node>.<output>.<TYPE>[.<field>]": IMAGE and MASK as they are; LATENT.samples in
// torch's order [N,C,h,w]; CONDITIONING.<entry>.cond and .pooled_output; CLIP_VISION_OUTPUT.image_embeds,
// .penultimate_hidden_states and .last_hidden_state. All f32. Other types leave no trace.
void add_trace(TensorMap& trace, const std::string& node, const nodes::Outputs& outputs);

}  // namespace easel::engine
