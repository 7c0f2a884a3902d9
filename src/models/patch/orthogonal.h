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

// The same for PEFT's OFT, which rotates a weight's inputs: `rotations` [k, b(b-1)/2] holds the upper triangles of k
// skew matrices Q of b x b, one for all blocks where k is 1, and R = I + 2Q + 2Q^2 + 2Q^3 + 2Q^4, the Cayley transform
// by Neumann's series as PEFT and OneTrainer compute it; W becomes W R^T, a convolution's inputs being those of all
// places of its kernel. Source: Qiu et al. 2025, "Orthogonal Finetuning Made Scalable". Throws Error(kMismatch) when
// the blocks do not fit the inputs.
Tensor input_rotation_change(const StoredTensor& rotations, const Tensor& weight);

}  // namespace easel::models
