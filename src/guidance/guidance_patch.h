// What nodes do to the guidance of a model.
#pragma once

#include "models/model_patch.h"

namespace easel::guidance {

using models::GuidanceMoment;
using models::GuidanceStep;

// Guidance brought back to the spread of the conditional velocity, by `multiplier` (Lin et al. 2023, section 3.4).
models::ModelPatchPtr rescale_cfg(double multiplier);

// Away from what the model makes of a picture when the middle block's self-attention only passes its values on
// (Ahn et al. 2024, "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance").
models::ModelPatchPtr perturbed_attention_guidance(double scale);

// Away from what the model makes of a picture that is blurred where the middle block looks (Hong et al. 2023,
// "Improving Sample Quality of Diffusion Models Using Self-Attention Guidance").
models::ModelPatchPtr self_attention_guidance(double scale, double blur_sigma);

// Classifier-free guidance whose unconditional direction is scaled to fit the conditional one (Fan et al. 2025,
// "CFG-Zero*").
models::ModelPatchPtr cfg_zero_star();

// The result brought down, pixel by pixel, to the length of the conditional picture's values, times `strength`.
models::ModelPatchPtr cfg_norm(double strength);

}  // namespace easel::guidance
