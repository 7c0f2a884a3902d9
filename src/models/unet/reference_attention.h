// A picture of the batch that the others look at while they are drawn.
#pragma once

#include <cstdint>

#include "models/unet/unet.h"

namespace easel::models {

// In every self-attention the pictures of a batch of `batch` (2 or more) also attend to the first of it, as if its
// tokens stood behind their own; the first sees itself alone. Zhang 2023, "reference-only" (sd-webui-controlnet,
// discussion 1236), in the form of ComfyUI's experiments.
AttentionHookPtr reference_attention(int64_t batch);

}  // namespace easel::models
