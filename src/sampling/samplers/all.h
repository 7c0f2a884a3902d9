// The sampler functions, one for each name in the table of sampler.cc, and what they share.
//
// Scalar arithmetic is in f32 in the order of the k-diffusion library, which the reference runs.
#pragma once

#include <cmath>

#include "ops/arithmetic/formula.h"
#include "sampling/random/torch_math.h"
#include "sampling/sampler.h"

namespace easel::sampling {

// Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", algorithm 2.
Tensor sample_euler(SamplerRun& run);
Tensor sample_heun(SamplerRun& run);
Tensor sample_dpm_2(SamplerRun& run);
// Heun with a third evaluation, weighted by noise level.
Tensor sample_heunpp2(SamplerRun& run);
// Linear multistep with exact coefficients, order 4.
Tensor sample_lms(SamplerRun& run);

// The same with part of the noise replaced at each step (Song et al. 2020).
Tensor sample_euler_ancestral(SamplerRun& run);
Tensor sample_dpm_2_ancestral(SamplerRun& run);
Tensor sample_dpmpp_2s_ancestral(SamplerRun& run);
// Ho et al. 2020, the original chain.
Tensor sample_ddpm(SamplerRun& run);
// Luo et al. 2023, latent consistency models: all of the noise is replaced at each step.
Tensor sample_lcm(SamplerRun& run);
// The same while the latent grows. Takes SamplerKnobs::total_upscale, upscale_steps and resize.
Tensor sample_lcm_upscale(SamplerRun& run);
// Zheng et al. 2024, "Trajectory Consistency Distillation", algorithm 4: each step goes below its level by the
// network's noise, and back up by fresh noise. Takes SamplerKnobs::alphas. Throws Error(kMismatch) where they are fewer
// than the levels.
Tensor sample_tcd(SamplerRun& run);

// Lu et al. 2022, "DPM-Solver": fixed and adaptive step size.
Tensor sample_dpm_fast(SamplerRun& run);
Tensor sample_dpm_adaptive(SamplerRun& run);

// Lu et al. 2022, "DPM-Solver++", and its stochastic forms, which are driven by one Brownian path.
Tensor sample_dpmpp_2m(SamplerRun& run);
Tensor sample_dpmpp_sde(SamplerRun& run);
Tensor sample_dpmpp_2m_sde(SamplerRun& run);
Tensor sample_dpmpp_3m_sde(SamplerRun& run);

// Zhao et al. 2023, "UniPC": predictor-corrector of order 3, with B(h) = h and B(h) = e^h - 1.
Tensor sample_uni_pc(SamplerRun& run);
Tensor sample_uni_pc_bh2(SamplerRun& run);

// The samplers below draw their noise from their own generator, seeded with the run's seed.

// Chung et al. 2024, "CFG++": the direction of the noise is taken from the unconditional prediction.
Tensor sample_euler_cfg_pp(SamplerRun& run);
// ComfyUI's first form of it: Euler along (x + uncond - 2 denoised) / sigma.
Tensor sample_euler_pp(SamplerRun& run);
Tensor sample_euler_ancestral_cfg_pp(SamplerRun& run);
Tensor sample_dpmpp_2s_ancestral_cfg_pp(SamplerRun& run);
Tensor sample_dpmpp_2m_cfg_pp(SamplerRun& run);

Tensor sample_dpmpp_2m_sde_heun(SamplerRun& run);

// Adams-Bashforth with up to four past directions, for equal steps (Zhang et al. 2023) and for the actual ones.
Tensor sample_ipndm(SamplerRun& run);
Tensor sample_ipndm_v(SamplerRun& run);
// Zhang & Chen 2022, "DEIS", tAB form of order 3.
Tensor sample_deis(SamplerRun& run);

// Zhang et al. 2023, "Improved Order Analysis and Design of Exponential Integrator", second order multistep.
Tensor sample_res_multistep(SamplerRun& run);
Tensor sample_res_multistep_cfg_pp(SamplerRun& run);
Tensor sample_res_multistep_ancestral(SamplerRun& run);
Tensor sample_res_multistep_ancestral_cfg_pp(SamplerRun& run);

// Permenter & Yuan 2024: Euler with the last change of direction added once more.
Tensor sample_gradient_estimation(SamplerRun& run);
Tensor sample_gradient_estimation_cfg_pp(SamplerRun& run);

// Cui et al. 2023, "ER-SDE-Solver", VP form of order 1 to 3.
Tensor sample_er_sde(SamplerRun& run);
// Gonzalez et al. 2023, "SEEDS", two and three stages.
Tensor sample_seeds_2(SamplerRun& run);
Tensor sample_seeds_3(SamplerRun& run);
// Xue et al. 2023, "SA-Solver": stochastic Adams predictor (order 3) and corrector (order 4), without and with a second
// evaluation after the correction.
Tensor sample_sa_solver(SamplerRun& run);
Tensor sample_sa_solver_pece(SamplerRun& run);

// x after a step of `dt` along the direction (x - denoised) / sigma.
inline Tensor euler_step(const Tensor& x, const Tensor& denoised, float sigma, float dt) {
  return ops::map([=](auto v, auto d) { return v + (v - d) / sigma * dt; }, x, denoised);
}

// x + y * by: a step along a slope, or noise added with a standard deviation.
inline Tensor add_scaled(const Tensor& x, const Tensor& y, float by) {
  return ops::map([=](auto v, auto w) { return v + w * by; }, x, y);
}
// The fresh noise of an ancestral step, multiplied in the reference's order.
inline Tensor add_noise(const Tensor& x, const Tensor& noise, float s_noise, float scale) {
  return ops::map([=](auto v, auto z) { return v + z * s_noise * scale; }, x, noise);
}

// (x - denoised) / sigma.
inline Tensor direction(const Tensor& x, const Tensor& denoised, float sigma) {
  return ops::map([=](auto v, auto d) { return (v - d) / sigma; }, x, denoised);
}

// The two parts of an ancestral step from one level to the next: denoising down to `down`, then fresh noise of
// deviation `up`.
struct AncestralStep {
  float down, up;
};
inline AncestralStep ancestral_step(float from, float to, float eta) {
  if (eta == 0) return {to, 0};
  const float to2 = to * to, from2 = from * from;
  const float fresh = eta * std::sqrt(to2 * (from2 - to2) / from2);
  const float up = fresh < to ? fresh : to;
  return {std::sqrt(to2 - up * up), up};
}

// Minus the logarithm of the noise level: the time variable of the DPM-Solver family.
inline float time_of(float sigma) { return -torch_log(sigma); }
inline float sigma_of(float time) { return torch_exp(-time); }

}  // namespace easel::sampling
