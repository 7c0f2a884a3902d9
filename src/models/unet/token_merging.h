// Similar tokens that attend together.
#pragma once

#include "models/unet/unet.h"

namespace easel::models {

// In the self-attentions of the finest level, `ratio` (0..1) of the queries are merged with those that they are most
// like, and share their result. Of each 2 x 2 tokens one stays, drawn by the generator of the run. Bolya and Hoffman
// 2023, "Token Merging for Fast Stable Diffusion", of which ComfyUI merges queries only, and compares the tokens that
// attention is given.
AttentionHookPtr merge_tokens(double ratio);

}  // namespace easel::models
