// Nodes of ComfyUI-Inspire-Pack (github.com/ltdrdata/ComfyUI-Inspire-Pack): samplers that start from noise as other
// programs draw it, with variations. Functions in place of a scheduler are not there.
#include "guidance/ksample.h"
#include "node_api/table.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_run.h"
#include "nodes/extensions/impact/basic_pipe.h"
#include "nodes/extensions/inspire_noise.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kOrigin = "inspire";
constexpr const char* kCategory = "InspirePack/a1111_compat";

enum class Mode : uint8_t { kCard, kProcessor, kCardInternalSeed, kProcessorInternalSeed };
// The two last ones are kGrowing by 0.01 and 0.05.
enum class Batch : uint8_t { kOneByOne, kTogether, kSlow, kFast };

struct Common {
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 8.0;
  std::string sampler_name, scheduler;
  Linked<Latent> latent_image;
  Mode noise_mode = Mode::kCard;
  Batch batch_seed_mode = Batch::kOneByOne;
  uint64_t variation_seed = 0;
  double variation_strength = 0.0;
  bool slerp = false;
  std::optional<int64_t> internal_seed = 0;  // nothing where a workflow lacks it
};
template <class P>
struct Sides : P {
  Linked<ModelHandle> model;
  Linked<Conditioning> positive, negative;
};
template <class P>
struct Piped : P {
  Linked<BasicPipe> basic_pipe;
};
struct All : Common {
  double denoise = 1.0;
};
struct Part : Common {
  bool add_noise = true;
  int64_t start_at_step = 0, end_at_step = 10000;
  bool return_with_leftover_noise = false;
};

// What is drawn while sampling has a seed of its own in two of the modes, if one is given.
uint64_t inner_seed(const Common& in) {
  const bool own = in.noise_mode == Mode::kCardInternalSeed || in.noise_mode == Mode::kProcessorInternalSeed;
  return own && in.internal_seed ? static_cast<uint64_t>(*in.internal_seed) : in.seed;
}

void set_common(guidance::KSampleRequest& r, const Common& in, bool add_noise) {
  r.seed = inner_seed(in);
  r.steps = static_cast<int>(in.steps);
  r.cfg = in.cfg;
  r.sampler = in.sampler_name;
  r.scheduler = in.scheduler;
  r.path_spans_schedule = true;
  r.disable_noise = !add_noise;
  if (!add_noise) return;
  InspireNoise how{.seed = in.seed,
                   .variation_seed = in.variation_seed,
                   .variation_strength = in.variation_strength,
                   .slerp = in.slerp,
                   .card = in.noise_mode == Mode::kCard || in.noise_mode == Mode::kCardInternalSeed};
  how.batch = in.batch_seed_mode == Batch::kOneByOne   ? InspireNoise::Batch::kOneByOne
              : in.batch_seed_mode == Batch::kTogether ? InspireNoise::Batch::kTogether
                                                       : InspireNoise::Batch::kGrowing;
  how.growth = in.batch_seed_mode == Batch::kFast ? 0.05 : 0.01;
  r.noise = inspire_noise(*in.latent_image, how);
  if (r.seed != in.seed) r.noise->continues_with = sampling::TorchGenerator(r.seed);
}

Latent denoised(const Common& in, const guidance::KSampleRequest& request) {
  Latent out = *in.latent_image;
  out.samples = guidance::ksample(request);
  return out;
}

Latent run(const All& in, guidance::KSampleRequest request) {
  set_common(request, in, true);
  request.denoise = in.denoise;
  return denoised(in, request);
}
Latent run(const Part& in, guidance::KSampleRequest request) {
  set_common(request, in, in.add_noise);
  request.start_step = static_cast<int>(in.start_at_step);
  request.last_step = static_cast<int>(in.end_at_step);
  request.force_full_denoise = !in.return_with_leftover_noise;
  return denoised(in, request);
}

template <class P>
Results<Latent> sample(const Sides<P>& in, Call& call) {
  return {run(in, sampling_request(*in.model, *in.positive, *in.negative, *in.latent_image, call))};
}
template <class P>
Results<Latent, VaeHandle> sample_piped(const Piped<P>& in, Call& call) {
  const BasicPipe& pipe = *in.basic_pipe;
  return {run(in, sampling_request(pipe.model.as<ModelHandle>(), pipe.positive.as<Conditioning>(),
                                   pipe.negative.as<Conditioning>(), *in.latent_image, call)),
          Handed{pipe.vae}};
}

template <class P>
Foreseen<Latent> foresee(const Known<Sides<P>>& in, Call& call) {
  foresee_sampling(in(&Sides<P>::model), in(&Sides<P>::positive), in(&Sides<P>::negative), in(&Common::latent_image),
                   call);
  return {in(&Common::latent_image)};
}
template <class P>
Foreseen<Latent, VaeHandle> foresee_piped(const Known<Piped<P>>& in, Call& call) {
  const BasicPipe* pipe = in(&Piped<P>::basic_pipe);
  if (!pipe) return {};
  foresee_sampling(pipe->model.template get<ModelHandle>(), pipe->positive.template get<ForeseenConditioning>(),
                   pipe->negative.template get<ForeseenConditioning>(), in(&Common::latent_image), call);
  return {in(&Common::latent_image), Handed{pipe->vae}};
}

void check_denoise(const All& in) {
  try {
    sampling::require_schedule(static_cast<int>(in.steps), in.denoise);
  } catch (Error& e) {
    throw e.at_input("denoise");
  }
}

// A seed without the editor's control for changing it.
Input<Common> still_seed(const char* name, uint64_t Common::*member) {
  Input<Common> in = Seed(name, member);
  in.spec().control_after_generate = false;
  return in;
}
Input<Common> steps() { return Int("steps", &Common::steps).range(1, 10000); }
Input<Common> cfg() { return Float("cfg", &Common::cfg).range(0.0, 100.0); }
Input<Common> sampler() { return Choice("sampler_name", &Common::sampler_name, sampler_choices()); }
Input<Common> scheduler() { return Choice("scheduler", &Common::scheduler, scheduler_choices()); }
Input<Common> latent() { return Link("latent_image", &Common::latent_image); }
Input<Common> noise_mode() {
  return Choice("noise_mode", &Common::noise_mode,
                {{"GPU(=A1111)", Mode::kCard},
                 {"CPU", Mode::kProcessor},
                 {"GPU+internal_seed", Mode::kCardInternalSeed},
                 {"CPU+internal_seed", Mode::kProcessorInternalSeed}});
}
Input<Common> batch_mode() {
  return Choice("batch_seed_mode", &Common::batch_seed_mode,
                {{"incremental", Batch::kOneByOne},
                 {"comfy", Batch::kTogether},
                 {"variation str inc:0.01", Batch::kSlow},
                 {"variation str inc:0.05", Batch::kFast}});
}
Input<Common> variation_seed() { return still_seed("variation_seed", &Common::variation_seed); }
Input<Common> variation_strength() {
  return Float("variation_strength", &Common::variation_strength).range(0.0, 1.0).step(0.01);
}
Input<Common> variation_method() {
  return Choice("variation_method", &Common::slerp, {{"linear", false}, {"slerp", true}}).optional();
}
Input<Common> internal_seed() { return Int("internal_seed", &Common::internal_seed).range(0, INT64_MAX).optional(); }
Input<All> denoise() { return Float("denoise", &All::denoise).range(0.0, 1.0).step(0.01); }
Input<Part> add_noise() { return Bool("add_noise", &Part::add_noise); }
Input<Part> start() { return Int("start_at_step", &Part::start_at_step).range(0, 10000); }
Input<Part> end() { return Int("end_at_step", &Part::end_at_step).range(0, 10000); }
Input<Part> leftover() { return Bool("return_with_leftover_noise", &Part::return_with_leftover_noise); }

}  // namespace

void register_inspire_nodes(Table& table) {
  using SidesAll = Sides<All>;
  using SidesPart = Sides<Part>;
  using PipedAll = Piped<All>;
  using PipedPart = Piped<Part>;
  table.add(NodeOf<SidesAll>{
      .name = "KSampler //Inspire",
      .display = "KSampler (inspire)",
      .category = kCategory,
      .description = "KSampler that starts from noise as a graphics card draws it, with variations.",
      .origin = kOrigin,
      .inputs = {Link("model", &SidesAll::model), Seed("seed", &Common::seed), steps(), cfg(), sampler(), scheduler(),
                 Link("positive", &SidesAll::positive), Link("negative", &SidesAll::negative), latent(), denoise(),
                 noise_mode(), batch_mode(), variation_seed(), variation_strength(), variation_method(),
                 internal_seed()},
      .run = sample<All>,
      .check = check_denoise,
      .foresee = foresee<All>});
  table.add(NodeOf<SidesPart>{
      .name = "KSamplerAdvanced //Inspire",
      .display = "KSamplerAdvanced (inspire)",
      .category = kCategory,
      .description = "KSamplerAdvanced that starts from noise as a graphics card draws it, with variations.",
      .origin = kOrigin,
      .inputs = {Link("model", &SidesPart::model), add_noise(), Seed("noise_seed", &Common::seed), steps(),
                 cfg().step(0.5).round(0.01), sampler(), scheduler(), Link("positive", &SidesPart::positive),
                 Link("negative", &SidesPart::negative), latent(), start(), end(), noise_mode(), leftover(),
                 batch_mode(), variation_seed(), variation_strength(), variation_method(), internal_seed()},
      .run = sample<Part>,
      .foresee = foresee<Part>});
  table.add(NodeOf<PipedAll>{.name = "KSamplerPipe //Inspire",
                             .display = "KSampler [pipe] (inspire)",
                             .category = kCategory,
                             .description = "KSampler //Inspire on what is on one link.",
                             .origin = kOrigin,
                             .inputs = {Link("basic_pipe", &PipedAll::basic_pipe), Seed("seed", &Common::seed), steps(),
                                        cfg(), sampler(), scheduler(), latent(), denoise(), noise_mode(), batch_mode(),
                                        variation_seed(), variation_strength(), internal_seed()},
                             .run = sample_piped<All>,
                             .check = check_denoise,
                             .foresee = foresee_piped<All>});
  table.add(NodeOf<PipedPart>{
      .name = "KSamplerAdvancedPipe //Inspire",
      .display = "KSamplerAdvanced [pipe] (inspire)",
      .category = kCategory,
      .description = "KSamplerAdvanced //Inspire on what is on one link.",
      .origin = kOrigin,
      .inputs = {Link("basic_pipe", &PipedPart::basic_pipe), add_noise(), Seed("noise_seed", &Common::seed), steps(),
                 cfg().step(0.5).round(0.01), sampler(), scheduler(), latent(), start(), end(), noise_mode(),
                 leftover(), batch_mode(), variation_seed(), variation_strength(), internal_seed()},
      .run = sample_piped<Part>,
      .foresee = foresee_piped<Part>});
}

}  // namespace easel::nodes
