// Samplers by name, and those that can be told more than their name.
#include "node_api/table.h"
#include "nodes/common/sampling_values.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "sampling/custom_sampling/samplers";

In eta_input(double value = 1.0, double most = 100.0) {
  return Float("eta").def(value).range(0.0, most).step(0.01).tip("How much noise each step adds: 0 is none.");
}
In noise_input(double most = 100.0) {
  return Float("s_noise").def(1.0).range(0.0, most).step(0.01).tip("The deviation of that noise.");
}
In device_input() { return Choice("noise_device", {"gpu", "cpu"}).tip("Has no effect: the noise is the same."); }
In fraction(const char* name, double value) { return Float(name).def(value).range(0.0, 100.0).step(0.01); }

sampling::SamplerKnobs noise_knobs(Call& call) {
  sampling::SamplerKnobs knobs;
  knobs.eta = static_cast<float>(call.number("eta"));
  knobs.s_noise = static_cast<float>(call.number("s_noise"));
  return knobs;
}

Outputs choice(std::string name, const sampling::SamplerKnobs& knobs) {
  return {Value("SAMPLER", SamplerChoice{std::move(name), knobs})};
}

Outputs dpmpp_2m_sde(Call& call) {
  return choice(call.text("solver_type") == "heun" ? "dpmpp_2m_sde_heun" : "dpmpp_2m_sde", noise_knobs(call));
}

Outputs dpmpp_sde(Call& call) {
  sampling::SamplerKnobs knobs = noise_knobs(call);
  knobs.r = static_cast<float>(call.number("r"));
  if (!(knobs.r > 0)) throw Error(Fault::kInvalid, "must be above 0").at_input("r");
  return choice("dpmpp_sde", knobs);
}

Outputs lms(Call& call) {
  sampling::SamplerKnobs knobs;
  knobs.order = static_cast<int>(call.integer("order"));
  return choice("lms", knobs);
}

Outputs dpm_adaptive(Call& call) {
  sampling::SamplerKnobs knobs = noise_knobs(call);
  knobs.order = static_cast<int>(call.integer("order"));
  knobs.rtol = call.number("rtol"), knobs.atol = call.number("atol"), knobs.h_init = call.number("h_init");
  knobs.pcoeff = call.number("pcoeff"), knobs.icoeff = call.number("icoeff"), knobs.dcoeff = call.number("dcoeff");
  knobs.accept_safety = call.number("accept_safety");
  if (!(knobs.h_init > 0)) throw Error(Fault::kInvalid, "must be above 0").at_input("h_init");
  return choice("dpm_adaptive", knobs);
}

void add(Table& table, const char* name, std::string description, std::vector<In> inputs,
         std::function<Outputs(Call&)> run) {
  table.add({.name = name,
             .category = kCategory,
             .description = std::move(description),
             .inputs = std::move(inputs),
             .outputs = {{"SAMPLER"}},
             .run = std::move(run)});
}

}  // namespace

void register_sampler_choice_nodes(Table& table) {
  std::vector<std::string> names;
  for (const auto& info : sampling::samplers()) names.emplace_back(info.name);
  add(table, "KSamplerSelect", "A sampler by its name.", {Choice("sampler_name", names)},
      [](Call& call) { return choice(call.text("sampler_name"), {}); });
  // Samplers whose only knobs are about the noise that each step draws.
  const auto noisy = [&](const char* node, const char* sampler, std::vector<In> inputs) {
    add(table, node, std::string("The sampler ") + sampler + " with its amount of noise.", std::move(inputs),
        [name = std::string(sampler)](Call& call) { return choice(name, noise_knobs(call)); });
  };
  noisy("SamplerEulerAncestral", "euler_ancestral", {eta_input(), noise_input()});
  noisy("SamplerEulerAncestralCFGPP", "euler_ancestral_cfg_pp", {eta_input(1.0, 1.0), noise_input(10.0)});
  noisy("SamplerDPMPP_2S_Ancestral", "dpmpp_2s_ancestral", {eta_input(), noise_input()});
  noisy("SamplerDPMPP_3M_SDE", "dpmpp_3m_sde", {eta_input(), noise_input(), device_input()});
  add(table, "SamplerDPMPP_2M_SDE", "The sampler dpmpp_2m_sde with its amount of noise.",
      {Choice("solver_type", {"midpoint", "heun"}), eta_input(), noise_input(), device_input()}, dpmpp_2m_sde);
  add(table, "SamplerDPMPP_SDE", "The sampler dpmpp_sde with its amount of noise.",
      {eta_input(), noise_input(), fraction("r", 0.5).tip("Where in the step the second evaluation is."),
       device_input()},
      dpmpp_sde);
  add(table, "SamplerLMS", "The sampler lms of some order.", {Int("order").def(4).range(1, 100)}, lms);
  add(table, "SamplerDPMAdaptative", "The sampler dpm_adaptive, which finds its steps itself.",
      {Int("order").def(3).range(2, 3), fraction("rtol", 0.05), fraction("atol", 0.0078), fraction("h_init", 0.05),
       fraction("pcoeff", 0.0), fraction("icoeff", 1.0), fraction("dcoeff", 0.0), fraction("accept_safety", 0.81),
       eta_input(0.0), noise_input()},
      dpm_adaptive);
}

}  // namespace easel::nodes
