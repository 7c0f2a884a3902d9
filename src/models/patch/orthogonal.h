// Changes that rotate a weight's outputs: OFT and BOFT.
#pragma once

#include "models/patch/lora.h"

namespace easel::models {

// What the module's rotation adds to `weight` [out, ...] (f32), to be added `strength` times: [out, everything else].
// "oft_blocks" [k,b,b] is OFT, [m,k,b,b] BOFT; "alpha", where it is positive, is the most that all entries' norm may be
// (times the outputs, in files of kohya's own); "rescale" then multiplies each output. As in ComfyUI, `strength` weighs
// the rotation itself as well, so that it counts twice. Sources: Qiu et al. 2023 (OFT), Liu et al. 2023 (BOFT). Throws
// Error(kMismatch) when the blocks do not fit the outputs.
Tensor orthogonal_change(const LoraModule& module, const Tensor& weight, float strength);

}  // namespace easel::models
