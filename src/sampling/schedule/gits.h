// Noise levels found by how a model's sampling trajectories bend.
#pragma once

#include <vector>

namespace easel::sampling {

// The levels of `steps` steps (2 or more), falling from 14.6 to 0: Chen et al. 2024, "On the Trajectory Regularity of
// ODE-based Diffusion Sampling" (GITS), whose search gave a schedule for each coefficient (0.8 to 1.5 in steps of 0.05;
// the larger, the more of them are at low levels) and 2 to 20 steps; beyond that the logarithms of the last are
// interpolated, as in ComfyUI. With a denoise below 1 only the last part is given, of 0 nothing.
// Throws Error(kInvalid) for other coefficients and fewer steps.
std::vector<float> gits_schedule(double coefficient, int steps, double denoise);

}  // namespace easel::sampling
