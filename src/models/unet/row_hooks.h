// Hooks that also change what attentions and group norms read.
#pragma once

#include "models/unet/unet.h"

namespace easel::models {

// A hook that pictures of a batch look at each other by. A UNet finds it among its attention hooks.
class RowHook : public AttentionHook {
 public:
  // The rows that a self-attention makes its queries, keys and values of, [N,T,C] in the compute type: the block's own
  // tokens, keys and values as change_rows() left them. Keys and values may become longer.
  virtual void align_rows(const StepInfo&, Tensor& q, Tensor& k, Tensor& v) const = 0;
  // Maps [N,h,w,C] that every group norm sees below those of x [N,h,w,C] itself; undefined for none.
  virtual Tensor beside_in_norms(const StepInfo&, const Tensor& x) const = 0;
};

}  // namespace easel::models
