// Hooks that let a cross-attention attend to other texts than that of the run.
#pragma once

#include "models/unet/unet.h"

namespace easel::models {

// The part of a cross-attention that makes keys and values of a text.
class ContextProjector {
 public:
  virtual ~ContextProjector() = default;
  // context [N,T,context_dim] in the compute type, on the model's device.
  virtual ContextProjection::KeyValue project(const Tensor& context) const = 0;
};

class ContextHook : public AttentionHook {
 public:
  // q [N,T,C], and the result of the text's attention, out [N,T,C]. Returns a replacement for it, of the same type, or
  // an undefined tensor to leave it as it is. Called before the after_cross_attention() of any hook.
  virtual Tensor replace_cross_attention(const ContextProjector& projector, const AttentionSite& site,
                                         const StepInfo& step, const Tensor& q, const Tensor& out) const = 0;
};

}  // namespace easel::models
