// Pictures of a batch that share the style of the first (Hertz et al. 2023, "Style Aligned Image Generation via Shared
// Attention"), in the form of github.com/brianfitzgerald/style_aligned_comfy.
#pragma once

#include <memory>

#include "models/unet/unet.h"

namespace easel::models {

struct StyleAligned {
  // Which rows of self-attention get the means and deviations of the first picture's, channel by channel.
  bool align_queries = true, align_keys = true, align_values = false;
  float scale = 1;           // of the first picture's rows, of which the others make keys as well as of their own
  bool share_norms = false;  // group norms see the first picture beside each other one
};

// In every self-attention all pictures also attend to the first of their chunk of the batch.
std::shared_ptr<const AttentionHook> style_aligned(const StyleAligned& how);

}  // namespace easel::models
