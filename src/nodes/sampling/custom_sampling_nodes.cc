// Custom sampling: noise, guidance, sampler and noise levels are nodes of their own.
#include <cmath>
#include <limits>

#include "guidance/ksample.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/latent_preview.h"
#include "nodes/common/sampling_values.h"
#include "ops/arithmetic/formula.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

using guidance::GuidanceStyle;
using models::Conditioning;
using models::ModelHandle;

constexpr const char* kCategory = "sampling/custom_sampling";
constexpr const char* kGuiders = "sampling/custom_sampling/guiders";

template <class P>
Input<P> cfg_input(const char* name, double P::*member) {
  return Float(name, member).range(0.0, 100.0).step(0.1).round(0.01);
}

// --- Guiders ---

struct BasicGuidance {
  Linked<ModelHandle> model;
  Linked<Conditioning> conditioning;
};

struct Guidance {
  Linked<ModelHandle> model;
  Linked<Conditioning> positive, negative;
  double cfg = 8.0;
};

Guider guider_of(const Guidance& in) { return {*in.model, *in.positive, *in.negative, in.cfg}; }

struct DualGuidance {
  Linked<ModelHandle> model;
  Linked<Conditioning> cond1, cond2, negative;
  double cfg_conds = 8.0, cfg_cond2_negative = 8.0;
  GuidanceStyle style = GuidanceStyle::kDual;
};

Results<Guider> dual_guider(const DualGuidance& in) {
  Guider out{*in.model, *in.cond1, *in.negative, in.cfg_conds};
  out.style = in.style;
  out.middle = *in.cond2;
  out.negative_scale = in.cfg_cond2_negative;
  return {std::move(out)};
}

struct PerpNegGuidance : Guidance {
  Linked<Conditioning> empty_conditioning;
  double neg_scale = 1.0;
};

Results<Guider> perp_neg_guider(const PerpNegGuidance& in) {
  Guider out = guider_of(in);
  out.style = GuidanceStyle::kPerpNeg;
  out.middle = *in.empty_conditioning;
  out.negative_scale = in.neg_scale;
  return {std::move(out)};
}

// Checks what is known before sampling: that the conditionings fit the model, and that the memory suffices.
void require_fit(const ModelHandle* model, const ForeseenConditioning* conditioning, const char* input) {
  if (model) require_fit(*model, known_or_empty(conditioning), input);
}

Foreseen<Guider> foresee_basic(const Known<BasicGuidance>& in) {
  require_fit(in(&BasicGuidance::model), in(&BasicGuidance::conditioning), "conditioning");
  return {};
}

void foresee_guidance(const Known<Guidance>& in) {
  require_fit(in(&Guidance::model), in(&Guidance::positive), "positive");
  require_fit(in(&Guidance::model), in(&Guidance::negative), "negative");
}

Foreseen<Guider> foresee_dual(const Known<DualGuidance>& in) {
  require_fit(in(&DualGuidance::model), in(&DualGuidance::negative), "negative");
  require_fit(in(&DualGuidance::model), in(&DualGuidance::cond1), "cond1");
  require_fit(in(&DualGuidance::model), in(&DualGuidance::cond2), "cond2");
  return {};
}

void add_guiders(Table& table) {
  table.add(NodeOf<Guidance>{
      .name = "CFGGuider",
      .category = kGuiders,
      .description = "Guidance by a positive and a negative conditioning.",
      .inputs = {Link("model", &Guidance::model), Link("positive", &Guidance::positive),
                 Link("negative", &Guidance::negative), cfg_input("cfg", &Guidance::cfg).useful(1, 15, 0.5)},
      .run = [](const Guidance& in) -> Results<Guider> { return {guider_of(in)}; },
      .foresee = [](const Known<Guidance>& in) -> Foreseen<Guider> {
        foresee_guidance(in);
        return {};
      }});
  table.add(NodeOf<BasicGuidance>{
      .name = "BasicGuider",
      .category = kGuiders,
      .description = "Follows one conditioning, without a negative one.",
      .inputs = {Link("model", &BasicGuidance::model), Link("conditioning", &BasicGuidance::conditioning)},
      .run = [](const BasicGuidance& in) -> Results<Guider> {
        return {Guider{*in.model, *in.conditioning, {}, 1.0}};
      },
      .foresee = foresee_basic});
  table.add(NodeOf<DualGuidance>{
      .name = "DualCFGGuider",
      .category = kGuiders,
      .description = "Guidance in two stages: from the negative conditioning to cond2, from there to cond1.",
      .inputs = {Link("model", &DualGuidance::model), Link("cond1", &DualGuidance::cond1),
                 Link("cond2", &DualGuidance::cond2), Link("negative", &DualGuidance::negative),
                 cfg_input("cfg_conds", &DualGuidance::cfg_conds),
                 cfg_input("cfg_cond2_negative", &DualGuidance::cfg_cond2_negative),
                 Choice("style", &DualGuidance::style,
                        {{"regular", GuidanceStyle::kDual}, {"nested", GuidanceStyle::kDualNested}})
                     .added_later()},
      .run = dual_guider,
      .foresee = foresee_dual});
  table.add(NodeOf<PerpNegGuidance>{
      .name = "PerpNegGuider",
      .category = "_for_testing",
      .description = "Guidance whose negative conditioning takes away only what the positive one lacks.",
      .inputs = {Link("model", &Guidance::model), Link("positive", &Guidance::positive),
                 Link("negative", &Guidance::negative),
                 Link("empty_conditioning", &PerpNegGuidance::empty_conditioning).tip("The encoded empty text."),
                 cfg_input("cfg", &Guidance::cfg).useful(1, 15, 0.5),
                 Float("neg_scale", &PerpNegGuidance::neg_scale).range(0.0, 100.0).step(0.01)},
      .run = perp_neg_guider,
      .foresee = [](const Known<PerpNegGuidance>& in) -> Foreseen<Guider> {
        foresee_guidance(in);
        require_fit(in(&Guidance::model), in(&PerpNegGuidance::empty_conditioning), "empty_conditioning");
        return {};
      }});
}

// --- Noise ---

struct RandomNoise {
  uint64_t noise_seed = 0;
};

struct Nothing {};

struct AddNoise {
  Linked<ModelHandle> model;
  Linked<NoiseChoice> noise;
  Linked<Sigmas> sigmas;
  Linked<Latent> latent_image;
};

// Adds noise to a latent: as much as the first noise level, or, with several levels, the first minus the last.
Results<Latent> add_noise(const AddNoise& in) {
  const NoiseChoice& noise = *in.noise;
  const Sigmas& levels = *in.sigmas;
  if (levels.empty() || noise.none) return {in.latent_image};
  Latent out = *in.latent_image;
  const float scale = levels.size() > 1 ? std::fabs(levels.front() - levels.back()) : levels.front();
  sampling::TorchGenerator rng(noise.seed);
  const Tensor drawn = sampling::prepare_noise(rng, out.samples.shape(), noise.seed, out.batch_index);
  const Tensor noisy =
      ops::map([=](auto v, auto d) { return v + d * scale; }, in.model->latents().to_model(out.samples), drawn);
  const float most = std::numeric_limits<float>::max();
  out.samples = ops::map([=](auto v) { return ops::select(ops::abs(v) <= most, v, 0.0f); },  // neither infinite nor NaN
                         in.model->latents().from_model(noisy));
  return {std::move(out)};
}

void add_noises(Table& table) {
  table.add(NodeOf<RandomNoise>{.name = "RandomNoise",
                                .category = "sampling/custom_sampling/noise",
                                .description = "The noise that a seed gives.",
                                .inputs = {Seed("noise_seed", &RandomNoise::noise_seed)},
                                .run = [](const RandomNoise& in) -> Results<NoiseChoice> {
                                  return {NoiseChoice{false, in.noise_seed}};
                                }});
  table.add(NodeOf<Nothing>{.name = "DisableNoise",
                            .category = "sampling/custom_sampling/noise",
                            .description = "No noise: the latent is used as it is.",
                            .run = [](const Nothing&) -> Results<NoiseChoice> {
                              return {NoiseChoice{true, 0}};
                            }});
  table.add(NodeOf<AddNoise>{
      .name = "AddNoise",
      .category = "_for_testing/custom_sampling/noise",
      .description = "Adds noise to a latent: the first noise level minus the last.",
      .inputs = {Link("model", &AddNoise::model), Link("noise", &AddNoise::noise), Link("sigmas", &AddNoise::sigmas),
                 Link("latent_image", &AddNoise::latent_image)},
      .run = add_noise,
      .foresee = [](const Known<AddNoise>& in) -> Foreseen<Latent> { return {in(&AddNoise::latent_image)}; }});
}

// --- Sampling ---

// The parameters that both samplers share.
struct Work {
  Linked<SamplerChoice> sampler;
  Linked<Sigmas> sigmas;
  Linked<Latent> latent_image;
};

Foreseen<Latent, Latent> foresee_sampled(const Known<Work>& in, const Call& call) {
  constexpr int64_t kUsualSteps = 20;  // how many there will be is not known yet
  warn_of_long_sampling(call, in(&Work::latent_image), kUsualSteps);
  // How large the latent becomes depends on the number of steps.
  const ForeseenSampler* sampler = in(&Work::sampler);
  if (!sampler || !sampler->keeps_size) return {};
  return {in(&Work::latent_image), in(&Work::latent_image)};
}

// The sampled latent, and the model's last prediction of the denoised one, which differs as long as noise is left.
Results<Latent, Latent> sample(const Work& in, Call& call, const Guider& guider, const NoiseChoice& noise) {
  Latent out = *in.latent_image, denoised = *in.latent_image;
  guidance::KSampleRequest r;
  r.model = guider.model;
  r.positive = guider.positive;
  r.negative = guider.negative;
  r.cfg = guider.cfg;
  r.style = guider.style;
  r.middle = guider.middle;
  r.negative_scale = guider.negative_scale;
  r.latent = out.samples;
  r.noise_mask = out.noise_mask;
  r.batch_index = out.batch_index;
  r.seed = noise.seed;
  r.disable_noise = noise.none;
  r.sampler = in.sampler->name;
  r.knobs = in.sampler->knobs;
  r.sigmas = *in.sigmas;
  r.cancel = call.context().cancel;
  Tensor last;
  NodeEvents& events = call.context().events;
  r.on_start = [&events] { events.sampling_starts(); };
  StepReporter report(call.context(), r.model.latents());
  r.on_step = [&](const sampling::SamplerProgress& p) {
    last = p.denoised;
    report(p);
  };
  out.samples = guidance::ksample(r);
  denoised.samples = out.samples;
  if (last.defined()) denoised.samples = r.model.latents().from_model(last);
  return {std::move(out), std::move(denoised)};
}

struct SampleCustom : Guidance, Work {
  bool add_noise = true;
  uint64_t noise_seed = 0;
};

struct SampleAdvanced : Work {
  Linked<NoiseChoice> noise;
  Linked<Guider> guider;
};

}  // namespace

void register_custom_sampling_nodes(Table& table) {
  add_guiders(table);
  add_noises(table);
  table.add(NodeOf<SampleCustom>{
      .name = "SamplerCustom",
      .category = kCategory,
      .description = "Denoises with a sampler and noise levels that are linked.",
      .inputs = {Link("model", &Guidance::model), Bool("add_noise", &SampleCustom::add_noise),
                 Seed("noise_seed", &SampleCustom::noise_seed), cfg_input("cfg", &Guidance::cfg).useful(1, 15, 0.5),
                 Link("positive", &Guidance::positive), Link("negative", &Guidance::negative),
                 Link("sampler", &Work::sampler), Link("sigmas", &Work::sigmas),
                 Link("latent_image", &Work::latent_image)},
      .outputs = {{"output"}, {"denoised_output"}},
      .run =
          [](const SampleCustom& in, Call& call) {
            return sample(in, call, guider_of(in), {!in.add_noise, in.noise_seed});
          },
      .foresee = [](const Known<SampleCustom>& in, Call& call) -> Foreseen<Latent, Latent> {
        foresee_guidance(in);
        return foresee_sampled(in, call);
      }});
  table.add(NodeOf<SampleAdvanced>{
      .name = "SamplerCustomAdvanced",
      .category = kCategory,
      .description = "Denoises with noise, guidance, a sampler and noise levels that are linked.",
      .inputs = {Link("noise", &SampleAdvanced::noise), Link("guider", &SampleAdvanced::guider),
                 Link("sampler", &Work::sampler), Link("sigmas", &Work::sigmas),
                 Link("latent_image", &Work::latent_image)},
      .outputs = {{"output"}, {"denoised_output"}},
      .run = [](const SampleAdvanced& in, Call& call) { return sample(in, call, *in.guider, *in.noise); },
      .foresee = [](const Known<SampleAdvanced>& in, Call& call) { return foresee_sampled(in, call); }});
}

}  // namespace easel::nodes
