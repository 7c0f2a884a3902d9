#include "sampling/sampler.h"

#include <algorithm>
#include <array>
#include <string>

#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

constexpr std::array kSamplers = {
    SamplerInfo{.name = "euler", .run = sample_euler, .fades = true},
    SamplerInfo{.name = "euler_cfg_pp", .run = sample_euler_cfg_pp, .wants_uncond = true},
    SamplerInfo{.name = "euler_ancestral", .run = sample_euler_ancestral, .fades = true},
    SamplerInfo{.name = "euler_ancestral_cfg_pp", .run = sample_euler_ancestral_cfg_pp, .wants_uncond = true},
    SamplerInfo{.name = "heun", .run = sample_heun, .fades = true},
    SamplerInfo{.name = "heunpp2", .run = sample_heunpp2, .fades = true},
    SamplerInfo{.name = "dpm_2", .run = sample_dpm_2, .discard_penultimate = true, .fades = true},
    SamplerInfo{.name = "dpm_2_ancestral", .run = sample_dpm_2_ancestral, .discard_penultimate = true},
    SamplerInfo{.name = "lms", .run = sample_lms, .fades = true},
    SamplerInfo{.name = "dpm_fast", .run = sample_dpm_fast, .fades = true},
    SamplerInfo{.name = "dpm_adaptive", .run = sample_dpm_adaptive},
    SamplerInfo{.name = "dpmpp_2s_ancestral", .run = sample_dpmpp_2s_ancestral},
    SamplerInfo{.name = "dpmpp_2s_ancestral_cfg_pp", .run = sample_dpmpp_2s_ancestral_cfg_pp, .wants_uncond = true},
    SamplerInfo{.name = "dpmpp_sde", .run = sample_dpmpp_sde},
    SamplerInfo{.name = "dpmpp_sde_gpu", .run = sample_dpmpp_sde},
    SamplerInfo{.name = "dpmpp_2m", .run = sample_dpmpp_2m, .fades = true},
    SamplerInfo{.name = "dpmpp_2m_cfg_pp", .run = sample_dpmpp_2m_cfg_pp, .wants_uncond = true},
    SamplerInfo{.name = "dpmpp_2m_sde", .run = sample_dpmpp_2m_sde},
    SamplerInfo{.name = "dpmpp_2m_sde_gpu", .run = sample_dpmpp_2m_sde},
    SamplerInfo{.name = "dpmpp_2m_sde_heun", .run = sample_dpmpp_2m_sde_heun},
    SamplerInfo{.name = "dpmpp_2m_sde_heun_gpu", .run = sample_dpmpp_2m_sde_heun},
    SamplerInfo{.name = "dpmpp_3m_sde", .run = sample_dpmpp_3m_sde},
    SamplerInfo{.name = "dpmpp_3m_sde_gpu", .run = sample_dpmpp_3m_sde},
    SamplerInfo{.name = "ddpm", .run = sample_ddpm},
    SamplerInfo{.name = "lcm", .run = sample_lcm, .fades = true},
    SamplerInfo{.name = "ipndm", .run = sample_ipndm, .fades = true},
    SamplerInfo{.name = "ipndm_v", .run = sample_ipndm_v, .fades = true},
    SamplerInfo{.name = "deis", .run = sample_deis, .fades = true},
    SamplerInfo{.name = "res_multistep", .run = sample_res_multistep, .fades = true},
    SamplerInfo{.name = "res_multistep_cfg_pp", .run = sample_res_multistep_cfg_pp, .wants_uncond = true},
    SamplerInfo{.name = "res_multistep_ancestral", .run = sample_res_multistep_ancestral},
    SamplerInfo{
        .name = "res_multistep_ancestral_cfg_pp", .run = sample_res_multistep_ancestral_cfg_pp, .wants_uncond = true},
    SamplerInfo{.name = "gradient_estimation", .run = sample_gradient_estimation, .fades = true},
    SamplerInfo{.name = "gradient_estimation_cfg_pp", .run = sample_gradient_estimation_cfg_pp, .wants_uncond = true},
    SamplerInfo{.name = "er_sde", .run = sample_er_sde},
    SamplerInfo{.name = "seeds_2", .run = sample_seeds_2},
    SamplerInfo{.name = "seeds_3", .run = sample_seeds_3},
    SamplerInfo{.name = "sa_solver", .run = sample_sa_solver},
    SamplerInfo{.name = "sa_solver_pece", .run = sample_sa_solver_pece},
    SamplerInfo{.name = "ddim", .run = sample_euler, .fresh_mask_noise = true, .fades = true},
    SamplerInfo{.name = "uni_pc", .run = sample_uni_pc, .discard_penultimate = true, .fades = true},
    SamplerInfo{.name = "uni_pc_bh2", .run = sample_uni_pc_bh2, .discard_penultimate = true, .fades = true},
};

// Not in the menus: nodes of their own offer them.
constexpr std::array kUnlisted = {
    SamplerInfo{.name = "tcd", .run = sample_tcd},
    SamplerInfo{.name = "lcm_upscale", .run = sample_lcm_upscale},
    SamplerInfo{.name = "euler_pp", .run = sample_euler_pp, .wants_uncond = true},
};

}  // namespace

Tensor SamplerRun::evaluate(const Tensor& at, float sigma) const {
  cancel.check();
  return denoise(at, sigma);
}

void SamplerRun::report(int step, const Tensor& at, float sigma, const Tensor& denoised) const {
  if (on_step) on_step({.step = step, .total = steps(), .sigma = sigma, .x = at, .denoised = denoised});
}

const ModelSampling& SamplerRun::levels() const {
  if (!model) throw Error(Fault::kInternal, "a sampler that asks for the model's noise levels was run without them");
  return *model;
}

Tensor SamplerRun::noise() {
  if (!rng) throw Error(Fault::kInternal, "a sampler that draws noise was run without a generator");
  return rng->randn(x.shape());
}

std::span<const SamplerInfo> samplers() { return kSamplers; }

const SamplerInfo& find_sampler(std::string_view name) {
  for (const std::span<const SamplerInfo> list : {samplers(), std::span<const SamplerInfo>(kUnlisted)}) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const auto& s) { return s.name == name; });
    if (found != list.end()) return *found;
  }
  std::string known;
  for (const SamplerInfo& s : kSamplers) known += (known.empty() ? "" : ", ") + std::string(s.name);
  throw Error(Fault::kInvalid, "there is no sampler \"" + std::string(name) + "\"").fix("Use one of " + known);
}

}  // namespace easel::sampling
