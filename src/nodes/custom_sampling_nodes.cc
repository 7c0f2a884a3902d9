// Sampling taken apart: noise, guidance, sampler and noise levels as nodes of their own.
#include <memory>

#include "nodes/foresight.h"
#include "nodes/sampling_values.h"
#include "nodes/table.h"
#include "sampling/ksample.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "sampling/custom_sampling";
constexpr const char* kSamplers = "sampling/custom_sampling/samplers";

In cfg_input() { return Float("cfg").def(8.0).range(0.0, 100.0).step(0.1).round(0.01); }

// The finished latent, and the model's last idea of the picture, which differs while noise is left.
Outputs sample(Call& call, const Guider& guider, const NoiseChoice& noise) {
  const Latent& in = call.latent("latent_image");
  const auto& sampler = call.link<SamplerChoice>("sampler");
  Latent out = in, denoised = in;
  sampling::KSampleRequest r;
  r.model = guider.model;
  r.positive = guider.positive, r.negative = guider.negative, r.cfg = guider.cfg;
  r.latent = in.samples, r.noise_mask = in.noise_mask, r.batch_index = in.batch_index;
  r.seed = noise.seed, r.disable_noise = noise.none;
  r.sampler = sampler.name, r.eta = sampler.eta, r.s_noise = sampler.s_noise;
  r.sigmas = call.link<Sigmas>("sigmas");
  r.cancel = call.context().cancel;
  if (r.sigmas.size() < 2) return {latent(out), latent(out)};
  Tensor last;
  r.on_start = call.context().sampling;
  r.on_step = [&](const sampling::SamplerProgress& p) {
    last = p.denoised;
    if (call.context().progress) call.context().progress({p.step + 1, p.total, &p.denoised, r.model.latent_scale});
  };
  out.samples = sampling::ksample(r);
  denoised.samples = out.samples;
  if (last.defined()) {
    denoised.samples = clone(last);
    for (float& v : denoised.samples.values()) v /= r.model.latent_scale;
  }
  return {latent(std::move(out)), latent(std::move(denoised))};
}

Guider guider_of(Call& call, const char* positive, bool with_negative) {
  Guider out{call.link<models::ModelHandle>("model"), call.link<sampling::Conditioning>(positive), {}, 1.0};
  if (with_negative) out.negative = call.link<sampling::Conditioning>("negative"), out.cfg = call.number("cfg");
  return out;
}

// Everything but the seed and the steps is known when model and conditioning are.
Outputs foresee_guidance(Call& call) {
  if (const auto* model = call.peek<models::ModelHandle>("model"))
    for (const char* input : {"positive", "negative", "conditioning"})
      require_fit(*model, foreseen_conditioning(call, input), input);
  return {};
}

void add_samplers(Table& table) {
  std::vector<std::string> names;
  for (const auto& info : sampling::samplers()) names.emplace_back(info.name);
  table.add(
      {.name = "KSamplerSelect",
       .category = kSamplers,
       .description = "A sampler by its name.",
       .inputs = {Choice("sampler_name", names)},
       .outputs = {{"SAMPLER"}},
       .run = [](Call& call) -> Outputs { return {Value("SAMPLER", SamplerChoice{call.text("sampler_name")})}; }});
  // Samplers that draw noise at each step, with its amount.
  const auto noisy = [&](const char* node, const char* sampler, bool device) {
    std::vector<In> inputs{
        Float("eta").def(1.0).range(0.0, 100.0).step(0.01).tip("How much noise each step adds: 0 is none."),
        Float("s_noise").def(1.0).range(0.0, 100.0).step(0.01).tip("The deviation of that noise.")};
    if (device) inputs.push_back(Choice("noise_device", {"gpu", "cpu"}).tip("Has no effect: the noise is the same."));
    table.add({.name = node,
               .category = kSamplers,
               .description = std::string("The sampler ") + sampler + " with its amount of noise.",
               .inputs = std::move(inputs),
               .outputs = {{"SAMPLER"}},
               .run = [name = std::string(sampler)](Call& call) -> Outputs {
                 return {Value("SAMPLER", SamplerChoice{name, static_cast<float>(call.number("eta")),
                                                        static_cast<float>(call.number("s_noise"))})};
               }});
  };
  noisy("SamplerEulerAncestral", "euler_ancestral", false);
  noisy("SamplerDPMPP_2S_Ancestral", "dpmpp_2s_ancestral", false);
  noisy("SamplerDPMPP_3M_SDE", "dpmpp_3m_sde", true);
}

void add_guiders(Table& table) {
  table.add({.name = "CFGGuider",
             .category = "sampling/custom_sampling/guiders",
             .description = "Guidance by a positive and a negative conditioning.",
             .inputs = {Link("model", "MODEL"), Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"),
                        cfg_input()},
             .outputs = {{"GUIDER"}},
             .run = [](Call& call) -> Outputs { return {Value("GUIDER", guider_of(call, "positive", true))}; },
             .foresee = foresee_guidance});
  table.add({.name = "BasicGuider",
             .category = "sampling/custom_sampling/guiders",
             .description = "Follows one conditioning, without a negative one.",
             .inputs = {Link("model", "MODEL"), Link("conditioning", "CONDITIONING")},
             .outputs = {{"GUIDER"}},
             .run = [](Call& call) -> Outputs { return {Value("GUIDER", guider_of(call, "conditioning", false))}; },
             .foresee = foresee_guidance});
}

}  // namespace

void register_custom_sampling_nodes(Table& table) {
  add_samplers(table);
  add_guiders(table);
  table.add({.name = "RandomNoise",
             .category = "sampling/custom_sampling/noise",
             .description = "The noise of a seed.",
             .inputs = {Seed("noise_seed")},
             .outputs = {{"NOISE"}},
             .run = [](Call& call) -> Outputs {
               return {Value("NOISE", NoiseChoice{false, call.seed("noise_seed")})};
             }});
  table.add({.name = "DisableNoise",
             .category = "sampling/custom_sampling/noise",
             .description = "No noise: the latent is taken as it is.",
             .outputs = {{"NOISE"}},
             .run = [](Call&) -> Outputs {
               return {Value("NOISE", NoiseChoice{true, 0})};
             }});
  table.add(
      {.name = "SamplerCustom",
       .category = kCategory,
       .description = "Denoises with a sampler and noise levels of one's own.",
       .inputs = {Link("model", "MODEL"), Bool("add_noise").def(true), Seed("noise_seed"), cfg_input(),
                  Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"), Link("sampler", "SAMPLER"),
                  Link("sigmas", "SIGMAS"), Link("latent_image", "LATENT")},
       .outputs = {{"LATENT", "output"}, {"LATENT", "denoised_output"}},
       .run =
           [](Call& call) {
             return sample(call, guider_of(call, "positive", true), {!call.flag("add_noise"), call.seed("noise_seed")});
           },
       .foresee = foresee_guidance});
  table.add(
      {.name = "SamplerCustomAdvanced",
       .category = kCategory,
       .description = "Denoises with noise, guidance, sampler and noise levels of one's own.",
       .inputs = {Link("noise", "NOISE"), Link("guider", "GUIDER"), Link("sampler", "SAMPLER"),
                  Link("sigmas", "SIGMAS"), Link("latent_image", "LATENT")},
       .outputs = {{"LATENT", "output"}, {"LATENT", "denoised_output"}},
       .run = [](Call& call) { return sample(call, call.link<Guider>("guider"), call.link<NoiseChoice>("noise")); }});
}

}  // namespace easel::nodes
