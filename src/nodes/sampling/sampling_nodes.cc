// Nodes that denoise.
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/latent_preview.h"
#include "sampling/ksample.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {
namespace {

std::vector<std::string> sampler_choices() {
  std::vector<std::string> names;
  for (const auto& sampler : sampling::samplers()) names.emplace_back(sampler.name);
  return names;
}

std::vector<std::string> scheduler_choices() {
  const auto names = sampling::scheduler_names();
  return {names.begin(), names.end()};
}

sampling::KSampleRequest common_request(Call& call, std::string_view seed) {
  const Latent& in = call.latent("latent_image");
  sampling::KSampleRequest r;
  r.model = call.link<models::ModelHandle>("model");
  r.positive = call.link<sampling::Conditioning>("positive");
  r.negative = call.link<sampling::Conditioning>("negative");
  r.latent = in.samples;
  r.noise_mask = in.noise_mask;
  r.batch_index = in.batch_index;
  r.seed = call.seed(seed);
  r.steps = static_cast<int>(call.integer("steps"));
  r.cfg = call.number("cfg");
  r.sampler = call.text("sampler_name");
  r.scheduler = call.text("scheduler");
  r.cancel = call.context().cancel;
  NodeEvents& events = call.context().events;
  r.on_start = [&events] { events.sampling_starts(); };
  r.on_step = [&events, format = r.model.latents](const sampling::SamplerProgress& p) {
    report_step(events, p, format);
  };
  return r;
}

Outputs finish(Call& call, const sampling::KSampleRequest& request) {
  Latent out = call.latent("latent_image");
  out.samples = sampling::ksample(request);
  return {latent(std::move(out))};
}

Outputs ksampler(Call& call) {
  sampling::KSampleRequest r = common_request(call, "seed");
  r.denoise = call.number("denoise");
  return finish(call, r);
}

Outputs ksampler_advanced(Call& call) {
  sampling::KSampleRequest r = common_request(call, "noise_seed");
  r.disable_noise = call.text("add_noise") == "disable";
  r.start_step = static_cast<int>(call.integer("start_at_step"));
  r.last_step = static_cast<int>(call.integer("end_at_step"));
  r.force_full_denoise = call.text("return_with_leftover_noise") == "disable";
  return finish(call, r);
}

Outputs foresee_sampler(Call& call) {
  if (const auto* model = call.peek<models::ModelHandle>("model")) {
    ForeseenConditioning all;
    for (const char* input : {"positive", "negative"}) {
      const ForeseenConditioning conditioning = foreseen_conditioning(call, input);
      require_fit(*model, conditioning, input);
      all = join(all, conditioning);
    }
    require_memory(call, *model, all, "latent_image");
  }
  return {Value()};
}

In steps_input() { return Int("steps").def(20).range(1, 10000).tip("How many steps the denoising takes."); }
In cfg_input() {
  return Float("cfg")
      .def(8.0)
      .range(0.0, 100.0)
      .step(0.1)
      .round(0.01)
      .tip(
          "How strongly the prompt is followed. At 1 the negative prompt has no effect and a step takes half the "
          "time.");
}

}  // namespace

void register_sampling_nodes(Table& table) {
  table.add(
      {.name = "KSampler",
       .display = "KSampler",
       .category = "sampling",
       .description = "Denoises a latent, steered by a positive and a negative conditioning.",
       .inputs = {Link("model", "MODEL").tip("The model that denoises."),
                  Seed("seed").tip("The noise to start from: the same seed gives the same picture."), steps_input(),
                  cfg_input(), Choice("sampler_name", sampler_choices()).tip("How the steps are taken."),
                  Choice("scheduler", scheduler_choices()).tip("Which noise levels the steps pass through."),
                  Link("positive", "CONDITIONING").tip("What should be in the picture."),
                  Link("negative", "CONDITIONING").tip("What should not."),
                  Link("latent_image", "LATENT").tip("The latent to denoise."),
                  Float("denoise").def(1.0).range(0.0, 1.0).step(0.01).tip(
                      "How much of the picture is made anew: below 1 the latent's own picture shows through.")},
       .outputs = {{"LATENT", "", "The denoised latent."}},
       .run = ksampler,
       .foresee = foresee_sampler});
  table.add(
      {.name = "KSamplerAdvanced",
       .display = "KSampler (Advanced)",
       .category = "sampling",
       .description = "Denoises part of a schedule: with or without fresh noise, from one step to another.",
       .inputs = {Link("model", "MODEL"), Choice("add_noise", {"enable", "disable"}), Seed("noise_seed"), steps_input(),
                  cfg_input(), Choice("sampler_name", sampler_choices()), Choice("scheduler", scheduler_choices()),
                  Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"), Link("latent_image", "LATENT"),
                  Int("start_at_step").def(0).range(0, 10000), Int("end_at_step").def(10000).range(0, 10000),
                  Choice("return_with_leftover_noise", {"disable", "enable"})},
       .outputs = {{"LATENT"}},
       .run = ksampler_advanced,
       .foresee = foresee_sampler});
}

}  // namespace easel::nodes
