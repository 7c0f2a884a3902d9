// Nodes that denoise.
#include "guidance/ksample.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_run.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ModelHandle;

// The parameters that both samplers share.
struct Sample {
  Linked<ModelHandle> model;
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 8.0;
  std::string sampler_name, scheduler;
  Linked<Conditioning> positive, negative;
  Linked<Latent> latent_image;
};

guidance::KSampleRequest request_of(const Sample& in, Call& call) {
  guidance::KSampleRequest r = sampling_request(*in.model, *in.positive, *in.negative, *in.latent_image, call);
  r.seed = in.seed;
  r.steps = static_cast<int>(in.steps);
  r.cfg = in.cfg;
  r.sampler = in.sampler_name;
  r.scheduler = in.scheduler;
  return r;
}

Results<Latent> finish(const Sample& in, const guidance::KSampleRequest& request) {
  Latent out = *in.latent_image;
  out.samples = guidance::ksample(request);
  return {std::move(out)};
}

struct SampleAll : Sample {
  double denoise = 1.0;
};

void check_sample_all(const SampleAll& in) {
  try {
    sampling::require_schedule(static_cast<int>(in.steps), in.denoise);
  } catch (Error& e) {
    throw e.at_input("denoise");
  }
}

Results<Latent> sample_all(const SampleAll& in, Call& call) {
  guidance::KSampleRequest r = request_of(in, call);
  r.denoise = in.denoise;
  return finish(in, r);
}

struct SamplePart : Sample {
  bool add_noise = true;
  int64_t start_at_step = 0, end_at_step = 10000;
  bool return_with_leftover_noise = false;
};

Results<Latent> sample_part(const SamplePart& in, Call& call) {
  guidance::KSampleRequest r = request_of(in, call);
  r.disable_noise = !in.add_noise;
  r.start_step = static_cast<int>(in.start_at_step);
  r.last_step = static_cast<int>(in.end_at_step);
  r.force_full_denoise = !in.return_with_leftover_noise;
  return finish(in, r);
}

Foreseen<Latent> foresee_sampler(const Known<Sample>& in, Call& call) {
  foresee_sampling(in(&Sample::model), in(&Sample::positive), in(&Sample::negative), in(&Sample::latent_image), call);
  warn_of_long_sampling(call, in(&Sample::latent_image), in(&Sample::steps));
  return {in(&Sample::latent_image)};
}

Input<Sample> model_input() { return Link("model", &Sample::model); }
Input<Sample> positive_input() { return Link("positive", &Sample::positive); }
Input<Sample> negative_input() { return Link("negative", &Sample::negative); }
Input<Sample> latent_input() { return Link("latent_image", &Sample::latent_image); }
Input<Sample> sampler_input() { return Choice("sampler_name", &Sample::sampler_name, sampler_choices()); }
Input<Sample> scheduler_input() { return Choice("scheduler", &Sample::scheduler, scheduler_choices()); }
Input<Sample> steps_input() {
  return Int("steps", &Sample::steps).range(1, 10000).useful(1, 50, 1).tip("How many steps the denoising takes.");
}
Input<Sample> cfg_input() {
  return Float("cfg", &Sample::cfg)
      .range(0.0, 100.0)
      .step(0.1)
      .round(0.01)
      .useful(1, 15, 0.5)
      .tip(
          "How strongly the prompt is followed. At 1 the negative prompt has no effect and a step takes half the "
          "time.");
}

}  // namespace

void register_sampling_nodes(Table& table) {
  table.add(NodeOf<SampleAll>{
      .name = "KSampler",
      .display = "KSampler",
      .category = "sampling",
      .description = "Denoises a latent, steered by a positive and a negative conditioning.",
      .inputs = {model_input().tip("The model that denoises."),
                 Seed("seed", &Sample::seed).tip("The noise to start from: the same seed gives the same picture."),
                 steps_input(), cfg_input(), sampler_input().tip("How the steps are taken."),
                 scheduler_input().tip("Which noise levels the steps pass through."),
                 positive_input().tip("What should be in the picture."), negative_input().tip("What should not."),
                 latent_input().tip("The latent to denoise."),
                 Float("denoise", &SampleAll::denoise)
                     .range(0.0, 1.0)
                     .step(0.01)
                     .tip("How much of the picture is repainted: below 1 the latent's own picture shows through.")},
      .outputs = {{.tip = "The denoised latent."}},
      .run = sample_all,
      .check = check_sample_all,
      .foresee = foresee_sampler});
  table.add(NodeOf<SamplePart>{
      .name = "KSamplerAdvanced",
      .display = "KSampler (Advanced)",
      .category = "sampling",
      .description = "Denoises part of a schedule: with or without fresh noise, from one step to another.",
      .inputs = {model_input(), Choice("add_noise", &SamplePart::add_noise, {{"enable", true}, {"disable", false}}),
                 Seed("noise_seed", &Sample::seed), steps_input(), cfg_input(), sampler_input(), scheduler_input(),
                 positive_input(), negative_input(), latent_input(),
                 Int("start_at_step", &SamplePart::start_at_step).range(0, 10000),
                 Int("end_at_step", &SamplePart::end_at_step).range(0, 10000),
                 Choice("return_with_leftover_noise", &SamplePart::return_with_leftover_noise,
                        {{"disable", false}, {"enable", true}})},
      .run = sample_part,
      .foresee = foresee_sampler});
}

}  // namespace easel::nodes
