// More changes to a model's guidance: of the difference between the two predictions, and of what they give.
#pragma once

#include "guidance/guidance_patch.h"
#include "guidance/latent_operation.h"

namespace easel::guidance {

// The noise that the negative list predicts, without what is tangential to both predictions (Kwon et al. 2025, "TCFG").
models::ModelPatchPtr tangential_damping();

// Guidance whose part along the positive prediction counts `eta`, shortened to `norm_threshold` (0: not at all), and
// with `momentum` of what it was in the steps before (Sadat et al. 2024, "Eliminating Oversaturation and Artifacts of
// High Guidance Scales in Diffusion Models").
models::ModelPatchPtr projected_guidance(double eta, double norm_threshold, double momentum);

// Guidance whose frequencies within `cutoff` of 0, along both sides, count `low`, and the others `high` (Huang et al.
// 2025, "FreSca"). As in ComfyUI, a cutoff beyond half of a side leaves few or no frequencies low.
models::ModelPatchPtr scaled_frequencies(double low, double high, int64_t cutoff);

// Guidance that the operation has changed.
models::ModelPatchPtr operated_guidance(LatentOperationPtr operation);

// Mixes the guided prediction with the positive one scaled up, by how alike the two and the negative one point.
models::ModelPatchPtr mahiro();

// Below a noise level of `below` guidance whose result is no longer than `most` times the positive prediction (0: as
// long as it is); above it no guidance at all.
models::ModelPatchPtr renormed_guidance(double below, double most);

// Divides the predicted noise by `factor`, not 0 (Ning et al. 2023, "Elucidating the Exposure Bias in Diffusion
// Models", section 5).
models::ModelPatchPtr scaled_noise(double factor);

// Rescales the prediction's noise over time: k below 1 gives more detail, above 1 less; it sets in the earlier the
// larger `sigma` is (2025, "Temporal Score Rescaling", eq. 6).
models::ModelPatchPtr rescaled_score(double k, double sigma);

}  // namespace easel::guidance
