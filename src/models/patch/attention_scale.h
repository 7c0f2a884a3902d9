// Attention whose projections are stronger or weaker than they were trained.
#pragma once

#include "models/handles.h"
#include "models/text/text_encoder.h"

namespace easel::models {

// Factors for the weights and biases of attention's four projections.
struct AttentionFactors {
  float query = 1, key = 1, value = 1, out = 1;
};

enum class AttentionPart { kSelf, kCross };

// A model whose attentions of one part (attn1 or attn2 of its blocks) are scaled. Throws Error(kMismatch) for a network
// that is no UNet.
ModelHandle scale_attention(const ModelHandle& model, AttentionPart part, const AttentionFactors& factors);

// The same for every attention of a text encoder.
ClipHandle scale_attention(const ClipHandle& clip, const AttentionFactors& factors, memory::Residency& residency);

}  // namespace easel::models
