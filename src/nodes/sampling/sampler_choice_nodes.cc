// Samplers by name, and samplers with further parameters.
#include "node_api/table.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_values.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "sampling/custom_sampling/samplers";

Results<SamplerChoice> choice(std::string name, const sampling::SamplerKnobs& knobs) {
  return {SamplerChoice{std::move(name), knobs}};
}

template <class P>
void add(Table& table, const char* name, const std::string& description, Inputs<P> inputs, Run<P> run,
         Check<P> check = {}) {
  table.add(NodeOf<P>{.name = name,
                      .category = kCategory,
                      .description = description,
                      .inputs = std::move(inputs),
                      .run = std::move(run),
                      .check = std::move(check)});
}

// Throws Error(kInvalid) unless `value` is above 0 in f32, the type in which samplers divide by it.
void require_positive(double value, const char* name) {
  if (!(static_cast<float>(value) > 0)) throw Error(Fault::kInvalid, "must be above 0").at_input(name);
}

struct Select {
  std::string sampler_name;
};

// The parameters of samplers that draw noise in each step.
struct Noise {
  double eta = 1.0, s_noise = 1.0;
  std::string noise_device;
};

sampling::SamplerKnobs noise_knobs(const Noise& in) {
  sampling::SamplerKnobs knobs;
  knobs.eta = static_cast<float>(in.eta);
  knobs.s_noise = static_cast<float>(in.s_noise);
  return knobs;
}

Input<Noise> eta_input(double most = 100.0) {
  return Float("eta", &Noise::eta).range(0.0, most).step(0.01).tip("How much noise each step adds: 0 is none.");
}
Input<Noise> noise_input(double most = 100.0) {
  return Float("s_noise", &Noise::s_noise).range(0.0, most).step(0.01).tip("The standard deviation of that noise.");
}
Input<Noise> device_input() {
  return Choice("noise_device", &Noise::noise_device, {"gpu", "cpu"}).tip("Has no effect: the noise is the same.");
}

// Samplers whose only parameters are those of the noise.
void add_noisy(Table& table, const char* node, const std::string& sampler, Inputs<Noise> inputs) {
  add<Noise>(table, node, "The sampler " + sampler + " with its amount of noise.", std::move(inputs),
             [sampler](const Noise& in) { return choice(sampler, noise_knobs(in)); });
}

struct TwoStepSde : Noise {
  bool heun = false;
};

Results<SamplerChoice> dpmpp_2m_sde(const TwoStepSde& in) {
  return choice(in.heun ? "dpmpp_2m_sde_heun" : "dpmpp_2m_sde", noise_knobs(in));
}

struct Sde : Noise {
  double r = 0.5;
};

void check_sde(const Sde& in) { require_positive(in.r, "r"); }

Results<SamplerChoice> dpmpp_sde(const Sde& in) {
  sampling::SamplerKnobs knobs = noise_knobs(in);
  knobs.r = static_cast<float>(in.r);
  return choice("dpmpp_sde", knobs);
}

struct Lms {
  int64_t order = 4;
};

Results<SamplerChoice> lms(const Lms& in) {
  sampling::SamplerKnobs knobs;
  knobs.order = static_cast<int>(in.order);
  return choice("lms", knobs);
}

struct Adaptive : Noise {
  Adaptive() { eta = 0.0; }
  int64_t order = 3;
  double rtol = 0.05, atol = 0.0078, h_init = 0.05, pcoeff = 0.0, icoeff = 1.0, dcoeff = 0.0, accept_safety = 0.81;
};

void check_adaptive(const Adaptive& in) { require_positive(in.h_init, "h_init"); }

Results<SamplerChoice> dpm_adaptive(const Adaptive& in) {
  sampling::SamplerKnobs knobs = noise_knobs(in);
  knobs.order = static_cast<int>(in.order);
  knobs.rtol = in.rtol;
  knobs.atol = in.atol;
  knobs.h_init = in.h_init;
  knobs.pcoeff = in.pcoeff;
  knobs.icoeff = in.icoeff;
  knobs.dcoeff = in.dcoeff;
  knobs.accept_safety = in.accept_safety;
  return choice("dpm_adaptive", knobs);
}

template <class P>
Input<P> fraction(const char* name, double P::*member) {
  return Float(name, member).range(0.0, 100.0).step(0.01);
}

}  // namespace

void register_sampler_choice_nodes(Table& table) {
  add<Select>(table, "KSamplerSelect", "A sampler by its name.",
              {Choice("sampler_name", &Select::sampler_name, sampler_choices())},
              [](const Select& in) { return choice(in.sampler_name, {}); });
  add_noisy(table, "SamplerEulerAncestral", "euler_ancestral", {eta_input(), noise_input()});
  add_noisy(table, "SamplerEulerAncestralCFGPP", "euler_ancestral_cfg_pp", {eta_input(1.0), noise_input(10.0)});
  add_noisy(table, "SamplerDPMPP_2S_Ancestral", "dpmpp_2s_ancestral", {eta_input(), noise_input()});
  add_noisy(table, "SamplerDPMPP_3M_SDE", "dpmpp_3m_sde", {eta_input(), noise_input(), device_input()});
  add<TwoStepSde>(table, "SamplerDPMPP_2M_SDE", "The sampler dpmpp_2m_sde with its amount of noise.",
                  {Choice("solver_type", &TwoStepSde::heun, {{"midpoint", false}, {"heun", true}}), eta_input(),
                   noise_input(), device_input()},
                  dpmpp_2m_sde);
  add<Sde>(table, "SamplerDPMPP_SDE", "The sampler dpmpp_sde with its amount of noise.",
           {eta_input(), noise_input(), fraction("r", &Sde::r).tip("Where in the step the second evaluation is."),
            device_input()},
           dpmpp_sde, check_sde);
  add<Lms>(table, "SamplerLMS", "The sampler lms of some order.", {Int("order", &Lms::order).range(1, 100)}, lms);
  add<Adaptive>(
      table, "SamplerDPMAdaptative", "The sampler dpm_adaptive, which finds its steps itself.",
      {Int("order", &Adaptive::order).range(2, 3), fraction("rtol", &Adaptive::rtol), fraction("atol", &Adaptive::atol),
       fraction("h_init", &Adaptive::h_init), fraction("pcoeff", &Adaptive::pcoeff),
       fraction("icoeff", &Adaptive::icoeff), fraction("dcoeff", &Adaptive::dcoeff),
       fraction("accept_safety", &Adaptive::accept_safety), eta_input(), noise_input()},
      dpm_adaptive, check_adaptive);
}

}  // namespace easel::nodes
