// The noise levels that Stable Diffusion was trained on.
#pragma once

#include "sampling/schedule/discrete_sampling.h"

namespace easel::models::sd {

// All of the family, SD 1.x to SDXL (Rombach et al. 2022, and the configuration files of the releases).
inline constexpr sampling::RootLinearBetas kBetas{.timesteps = 1000, .first = 0.00085, .last = 0.012};

}  // namespace easel::models::sd
