// The noise levels that Stable Diffusion was trained on.
#pragma once

#include "sampling/schedule/discrete_sampling.h"
#include "sampling/schedule/edm_sampling.h"

namespace easel::models::sd {

// All of the family, SD 1.x to SDXL (Rombach et al. 2022, and the configuration files of the releases).
inline constexpr sampling::RootLinearBetas kBetas{.timesteps = 1000, .first = 0.00085, .last = 0.012};
// CosXL, where the file does not say otherwise.
inline constexpr sampling::EdmSampling::Options kCosxlLevels{.sigma_min = 0.002, .sigma_max = 120.0, .levels = 1000};

// Playground 2.5 (Li et al. 2024, section 2.1, and its scheduler's configuration).
inline constexpr sampling::EdmSampling::Options kPlaygroundLevels{
    .sigma_min = 0.002, .sigma_max = 80.0, .deviation = 0.5, .says = sampling::EdmSampling::Says::kEdm, .levels = 1000};

}  // namespace easel::models::sd
