// Changes to a model's guidance, as nodes make them.
#pragma once

#include "models/model_patch.h"

namespace easel::guidance {

using models::GuidanceMoment;
using models::GuidanceStep;

// Rescales the guided velocity towards the standard deviation of the conditional one; `multiplier` 1 does so fully
// (Lin et al. 2023, section 3.4).
models::ModelPatchPtr rescale_cfg(double multiplier);

// Guides away from the prediction with the middle block's self-attention replaced by the identity (Ahn et al. 2024,
// "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance").
models::ModelPatchPtr perturbed_attention_guidance(double scale);

// Guides away from the prediction for a picture that is blurred where the middle block attends (Hong et al. 2023,
// "Improving Sample Quality of Diffusion Models Using Self-Attention Guidance").
models::ModelPatchPtr self_attention_guidance(double scale, double blur_sigma);

// Classifier-free guidance with the unconditional prediction scaled to best fit the conditional one (Fan et al. 2025,
// "CFG-Zero*").
models::ModelPatchPtr cfg_zero_star();

// Shortens the result's vector of channels at each pixel to the length of the conditional prediction's, then multiplies
// it by `strength`.
models::ModelPatchPtr cfg_norm(double strength);

}  // namespace easel::guidance
