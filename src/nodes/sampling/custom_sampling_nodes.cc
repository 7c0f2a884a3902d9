// Sampling taken apart: noise, guidance, sampler and noise levels as nodes of their own.
#include <cmath>
#include <memory>

#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/latent_preview.h"
#include "nodes/common/sampling_values.h"
#include "sampling/ksample.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "sampling/custom_sampling";
constexpr const char* kGuiders = "sampling/custom_sampling/guiders";

In cfg_input(const char* name = "cfg") { return Float(name).def(8.0).range(0.0, 100.0).step(0.1).round(0.01); }

// The finished latent, and the model's last idea of the picture, which differs while noise is left.
Outputs sample(Call& call, const Guider& guider, const NoiseChoice& noise) {
  const Latent& in = call.latent("latent_image");
  const auto& sampler = call.link<SamplerChoice>("sampler");
  Latent out = in, denoised = in;
  sampling::KSampleRequest r;
  r.model = guider.model;
  r.positive = guider.positive, r.negative = guider.negative, r.cfg = guider.cfg;
  r.style = guider.style, r.third = guider.third, r.second_cfg = guider.second_cfg;
  r.latent = in.samples, r.noise_mask = in.noise_mask, r.batch_index = in.batch_index;
  r.seed = noise.seed, r.disable_noise = noise.none;
  r.sampler = sampler.name, r.knobs = sampler.knobs;
  r.sigmas = call.link<Sigmas>("sigmas");
  r.cancel = call.context().cancel;
  Tensor last;
  NodeEvents& events = call.context().events;
  r.on_start = [&events] { events.sampling_starts(); };
  r.on_step = [&](const sampling::SamplerProgress& p) {
    last = p.denoised;
    report_step(events, p, r.model.latents);
  };
  out.samples = sampling::ksample(r);
  denoised.samples = out.samples;
  if (last.defined()) denoised.samples = r.model.latents->from_model(last);
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
    for (const char* input : {"positive", "negative", "conditioning", "cond1", "cond2", "empty_conditioning"})
      require_fit(*model, foreseen_conditioning(call, input), input);
  return {};
}

// The latent with noise of the first level, or of the difference of the first and the last.
Outputs add_noise(Call& call) {
  const auto& model = call.link<models::ModelHandle>("model");
  const auto& noise = call.link<NoiseChoice>("noise");
  const auto& levels = call.link<Sigmas>("sigmas");
  Latent out = call.latent("latent_image");
  if (levels.empty() || noise.none) return {latent(std::move(out))};
  const float scale = levels.size() > 1 ? std::fabs(levels.front() - levels.back()) : levels.front();
  sampling::TorchGenerator rng(noise.seed);
  const Tensor drawn = sampling::prepare_noise(rng, out.samples.shape(), noise.seed, out.batch_index);
  Tensor noisy = model.latents->to_model(out.samples);
  for (int64_t i = 0; i < noisy.numel(); ++i) noisy.f32()[i] += drawn.f32()[i] * scale;
  out.samples = model.latents->from_model(noisy);
  for (float& v : out.samples.values())
    if (!std::isfinite(v)) v = 0;
  return {latent(std::move(out))};
}

Outputs dual_guider(Call& call) {
  Guider out{call.link<models::ModelHandle>("model"), call.link<sampling::Conditioning>("cond1"),
             call.link<sampling::Conditioning>("negative"), call.number("cfg_conds")};
  out.style = call.text("style") == "nested" ? sampling::GuidanceStyle::kDualNested : sampling::GuidanceStyle::kDual;
  out.third = call.link<sampling::Conditioning>("cond2");
  out.second_cfg = call.number("cfg_cond2_negative");
  return {Value("GUIDER", std::move(out))};
}

Outputs perp_neg_guider(Call& call) {
  Guider out = guider_of(call, "positive", true);
  out.style = sampling::GuidanceStyle::kPerpNeg;
  out.third = call.link<sampling::Conditioning>("empty_conditioning");
  out.second_cfg = call.number("neg_scale");
  return {Value("GUIDER", std::move(out))};
}

void add_guiders(Table& table) {
  table.add({.name = "CFGGuider",
             .category = kGuiders,
             .description = "Guidance by a positive and a negative conditioning.",
             .inputs = {Link("model", "MODEL"), Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"),
                        cfg_input()},
             .outputs = {{"GUIDER"}},
             .run = [](Call& call) -> Outputs { return {Value("GUIDER", guider_of(call, "positive", true))}; },
             .foresee = foresee_guidance});
  table.add({.name = "BasicGuider",
             .category = kGuiders,
             .description = "Follows one conditioning, without a negative one.",
             .inputs = {Link("model", "MODEL"), Link("conditioning", "CONDITIONING")},
             .outputs = {{"GUIDER"}},
             .run = [](Call& call) -> Outputs { return {Value("GUIDER", guider_of(call, "conditioning", false))}; },
             .foresee = foresee_guidance});
  table.add({.name = "DualCFGGuider",
             .category = kGuiders,
             .description = "Guidance in two stages: from the negative conditioning to cond2, from there to cond1.",
             .inputs = {Link("model", "MODEL"), Link("cond1", "CONDITIONING"), Link("cond2", "CONDITIONING"),
                        Link("negative", "CONDITIONING"), cfg_input("cfg_conds"), cfg_input("cfg_cond2_negative"),
                        Choice("style", {"regular", "nested"}).late()},
             .outputs = {{"GUIDER"}},
             .run = dual_guider,
             .foresee = foresee_guidance});
  table.add({.name = "PerpNegGuider",
             .category = "_for_testing",
             .description = "Guidance whose negative conditioning takes away only what the positive one lacks.",
             .inputs = {Link("model", "MODEL"), Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"),
                        Link("empty_conditioning", "CONDITIONING").tip("Of the empty text."), cfg_input(),
                        Float("neg_scale").def(1.0).range(0.0, 100.0).step(0.01)},
             .outputs = {{"GUIDER"}},
             .run = perp_neg_guider,
             .foresee = foresee_guidance});
}

}  // namespace

void register_custom_sampling_nodes(Table& table) {
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
  table.add({.name = "AddNoise",
             .category = "_for_testing/custom_sampling/noise",
             .description = "Adds noise to a latent, as much as the noise levels span.",
             .inputs = {Link("model", "MODEL"), Link("noise", "NOISE"), Link("sigmas", "SIGMAS"),
                        Link("latent_image", "LATENT")},
             .outputs = {{"LATENT"}},
             .run = add_noise});
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
