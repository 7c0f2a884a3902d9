// Samplers of efficiency-nodes-comfyui (github.com/jags111/efficiency-nodes-comfyui), which decode what they make, show
// it, and follow scripts.
#include <utility>

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/extensions/efficiency/xy_plot.h"

namespace easel::nodes {
namespace {

using efficiency::Kind;
using efficiency::kOrigin;
using efficiency::Script;
using efficiency::SdxlTuple;
using efficiency::Settings;
using efficiency::Subject;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kCategory = "Efficiency Nodes/Sampling";

struct Common {
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 7.0;
  std::string sampler_name, scheduler;
  Linked<Latent> latent_image;
  std::string preview_method, vae_decode;
  MaybeLinked<VaeHandle> optional_vae;
  MaybeLinked<Script> script;
};
struct Sample : Common {
  Linked<ModelHandle> model;
  Linked<Conditioning> positive, negative;
};
struct SampleAll : Sample {
  double denoise = 1.0;
};
// The node of spring 2023.
struct SampleOld : SampleAll {
  SampleOld() { cfg = 8.0; }
  std::string sampler_state;
  int64_t my_unique_id = 0;
  bool preview = false;
};
struct SamplePart : Sample {
  bool add_noise = true;
  int64_t start_at_step = 0, end_at_step = 10000;
  bool return_with_leftover_noise = false;
};
struct SampleRefined : Common {
  Linked<SdxlTuple> sdxl_tuple;
  int64_t start_at_step = 0, refine_at_step = -1;
};

template <class P>
Settings settings_of(const P& in) {
  Settings out;
  out.seed = in.seed;
  out.steps = in.steps;
  out.cfg = in.cfg;
  out.sampler = in.sampler_name;
  out.scheduler = in.scheduler;
  if constexpr (std::derived_from<P, SampleAll>) out.denoise = in.denoise;
  if constexpr (std::derived_from<P, SamplePart>) {
    out.add_noise = in.add_noise;
    out.start = in.start_at_step;
    out.end = in.end_at_step;
    out.leftover_noise = in.return_with_leftover_noise;
  }
  if constexpr (std::derived_from<P, SampleRefined>) {
    out.start = in.start_at_step;
    out.end = in.refine_at_step;
  }
  return out;
}

// What is known of them before the node runs; a value that comes late leaves its default, which changes no size.
template <class P>
Settings known_settings(const Known<P>& in) {
  Settings out;
  out.steps = in(&Common::steps);
  out.sampler = in(&Common::sampler_name);
  out.scheduler = in(&Common::scheduler);
  if constexpr (std::derived_from<P, SampleRefined>) {
    out.start = in(&SampleRefined::start_at_step);
    out.end = in(&SampleRefined::refine_at_step);
  }
  return out;
}

Subject subject_of(const Call& call) {
  return {value_of(call, "model"), value_of(call, "positive"), value_of(call, "negative"), {}, {}, {}};
}
Subject subject_of(const SdxlTuple& t) {
  return {t.model, t.positive, t.negative, t.refiner_model, t.refiner_positive, t.refiner_negative};
}

struct Done {
  Value latent, vae, image;
};

Done run(const Common& in, Call& call, Kind kind, const Settings& settings, const Subject& subject) {
  const Parts parts(call, Parts::Doing::kRun);
  const Value vae = value_of(in.optional_vae);
  const Script script = in.script ? *in.script : Script();
  const auto show = [&](const Value& image) { parts.make("PreviewImage", {}, {{"images", image}}); };
  if (script.plot) {
    if (vae.empty())
      throw Error(Fault::kInvalid, "an XY plot needs a VAE").at_input("optional_vae").fix("Link the loader's VAE");
    const efficiency::Plotted made = efficiency::plotted(parts, call, kind, *script.plot, script.hires_fix, settings,
                                                         subject, vae, in.vae_decode, *in.latent_image);
    show(made.plot);
    return {made.latents, vae, made.pictures};
  }
  if (vae.empty() && script.hires_fix && efficiency::needs_vae(*script.hires_fix))
    throw Error(Fault::kInvalid, "the HighRes-Fix needs a VAE").at_input("optional_vae").fix("Link the loader's VAE");
  const bool output_only = in.vae_decode.starts_with("output only");
  const bool decodes = output_only || in.vae_decode.starts_with("true");
  if (decodes && vae.empty()) parts.warn("no VAE comes in, so nothing is decoded");
  efficiency::LatentAndPicture made{efficiency::sampled(parts, kind, settings, subject, in.latent_image.value()), {}};
  if (script.hires_fix)
    made = efficiency::second_pass(parts, *script.hires_fix, settings, subject, vae, in.vae_decode, made.latent);
  if (decodes && !vae.empty() && made.picture.empty())
    made.picture = efficiency::decoded(parts, in.vae_decode, vae, made.latent);
  if (!made.picture.empty() && in.preview_method != "none" && !output_only) show(made.picture);
  if (made.picture.empty()) made.picture = computed<Image>(Tensor::zeros({1, 1, 1, 4}));
  return {made.latent, vae, made.picture};
}

// Without a script, which may make it larger, more of it, or a plot.
template <class P>
Done foresee(const Known<P>& in, Call& call, Kind kind, const Subject& subject, const std::string& vae_decode) {
  const Parts parts(call, Parts::Doing::kForesee);
  const Value vae = value_of(call, "optional_vae");
  const Value latent = efficiency::sampled(parts, kind, known_settings(in), subject, value_of(call, "latent_image"));
  if (call.linked("script") || call.awaits("script")) return {{}, vae, {}};
  if (vae_decode == "false") return {latent, vae, foreseen<Image>({1, 1, 1, 4})};
  return {latent, vae, vae.empty() ? Value() : efficiency::decoded(parts, vae_decode, vae, latent)};
}

using Sampled = Results<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, Image>;
using ForeseenSampled = Foreseen<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, Image>;

template <class P>
Sampled sample(const P& in, Call& call, Kind kind) {
  const Done done = run(in, call, kind, settings_of(in), subject_of(call));
  return {in.model, in.positive, in.negative, Handed{done.latent}, Handed{done.vae}, Handed{done.image}};
}

template <class P>
ForeseenSampled foresee_sample(const Known<P>& in, Call& call, Kind kind, const std::string& vae_decode) {
  const Done done = foresee(in, call, kind, subject_of(call), vae_decode);
  return {Handed{value_of(call, "model")},
          Handed{value_of(call, "positive")},
          Handed{value_of(call, "negative")},
          Handed{done.latent},
          Handed{done.vae},
          Handed{done.image}};
}

// Decodes only what it shows.
Sampled sample_old(const SampleOld& in, Call& call) {
  SampleAll today = in;
  today.vae_decode = in.preview && in.optional_vae ? "true" : "false";
  return sample(today, call, Kind::kAllSteps);
}

void check_old(const SampleOld& in) {
  if (in.sampler_state != "Sample")
    throw Error(Fault::kInvalid,
                in.sampler_state + " is not there: results are kept as long as nothing before them changes")
        .at_input("sampler_state")
        .fix("Choose Sample");
}

Results<SdxlTuple, Latent, VaeHandle, Image> sample_refined(const SampleRefined& in, Call& call) {
  const Done done = run(in, call, Kind::kRefined, settings_of(in), subject_of(*in.sdxl_tuple));
  return {in.sdxl_tuple, Handed{done.latent}, Handed{done.vae}, Handed{done.image}};
}

Foreseen<SdxlTuple, Latent, VaeHandle, Image> foresee_refined(const Known<SampleRefined>& in, Call& call) {
  const SdxlTuple* tuple = in(&SampleRefined::sdxl_tuple);
  const Done done =
      foresee(in, call, Kind::kRefined, subject_of(tuple ? *tuple : SdxlTuple()), in(&Common::vae_decode));
  return {Handed{value_of(call, "sdxl_tuple")}, Handed{done.latent}, Handed{done.vae}, Handed{done.image}};
}

Input<Sample> model_input() { return Link("model", &Sample::model); }
Input<Sample> positive_input() { return Link("positive", &Sample::positive); }
Input<Sample> negative_input() { return Link("negative", &Sample::negative); }
Input<Common> steps_input() { return Int("steps", &Common::steps).range(1, 10000); }
Input<Common> cfg_input() { return Float("cfg", &Common::cfg).range(0.0, 100.0); }
Input<Common> sampler_input() { return Choice("sampler_name", &Common::sampler_name, sampler_choices()); }
Input<Common> scheduler_input() { return Choice("scheduler", &Common::scheduler, scheduler_choices()); }
Input<Common> latent_input() { return Link("latent_image", &Common::latent_image); }
Input<Common> vae_input() { return Link("optional_vae", &Common::optional_vae); }
Input<Common> script_input() { return Link("script", &Common::script).tip("A HighRes-Fix or an XY plot, or both."); }
Input<Common> preview_input(const std::vector<std::string>& choices) {
  return Choice("preview_method", &Common::preview_method, choices).tip("none: the picture is not shown.");
}
Input<Common> decode_input() {
  return Choice("vae_decode", &Common::vae_decode,
                {"true", "true (tiled)", "false", "output only", "output only (tiled)"});
}
template <class P>
Input<P> step_input(const char* name, int64_t P::*member, int64_t least = 0) {
  return Int(name, member).range(least, int64_t{10000});
}

std::vector<OutputLabel> sampler_labels() {
  return {{"MODEL"}, {"CONDITIONING+"}, {"CONDITIONING-"}, {"LATENT"}, {"VAE"}, {"IMAGE"}};
}

}  // namespace

void register_efficiency_sampler_nodes(Table& table) {
  const std::vector<std::string> previews{"auto", "latent2rgb", "taesd", "none"};
  table.add(NodeOf<SampleAll>{
      .name = "KSampler (Efficient)",
      .category = kCategory,
      .description = "Denoises a latent as KSampler does, decodes it and shows the picture.",
      .origin = kOrigin,
      .inputs = {model_input(), Seed("seed", &Common::seed), steps_input(), cfg_input(), sampler_input(),
                 scheduler_input(), positive_input(), negative_input(), latent_input(),
                 Float("denoise", &SampleAll::denoise).range(0.0, 1.0).step(0.01),
                 preview_input({"auto", "latent2rgb", "taesd", "vae_decoded_only", "none"}),
                 Choice("vae_decode", &Common::vae_decode, {"true", "true (tiled)", "false"}), vae_input(),
                 script_input()},
      .outputs = sampler_labels(),
      .output_node = true,
      .hidden_prompt = true,
      .run = [](const SampleAll& in, Call& call) { return sample(in, call, Kind::kAllSteps); },
      .foresee = [](const Known<SampleAll>& in,
                    Call& call) { return foresee_sample(in, call, Kind::kAllSteps, in(&Common::vae_decode)); }});
  table.add(NodeOf<SampleOld>{
      .name = "KSampler (Efficient)",
      .category = kCategory,
      .description = "The node of spring 2023: denoises a latent as KSampler does, and shows the picture if wanted.",
      .origin = kOrigin,
      .inputs = {Choice("sampler_state", &SampleOld::sampler_state, {"Sample", "Hold", "Script"}),
                 Int("my_unique_id", &SampleOld::my_unique_id).range(0, 15).added_later(), model_input(),
                 Seed("seed", &Common::seed), steps_input(), cfg_input(), sampler_input(), scheduler_input(),
                 positive_input(), negative_input(), latent_input(),
                 Float("denoise", &SampleAll::denoise).range(0.0, 1.0).step(0.01),
                 Choice("preview_image", &SampleOld::preview, {{"Disabled", false}, {"Enabled", true}}), vae_input()},
      .outputs = sampler_labels(),
      .output_node = true,
      .deprecated = true,
      .hidden_prompt = true,
      .run = sample_old,
      .check = check_old,
      .foresee = [](const Known<SampleOld>& in, Call& call) {
        return foresee_sample(in, call, Kind::kAllSteps, in(&SampleOld::preview) ? "true" : "false");
      }});
  table.add(NodeOf<SamplePart>{
      .name = "KSampler Adv. (Efficient)",
      .category = kCategory,
      .description = "Denoises part of a schedule as KSamplerAdvanced does, decodes the result and shows the picture.",
      .origin = kOrigin,
      .inputs = {model_input(), Choice("add_noise", &SamplePart::add_noise, {{"enable", true}, {"disable", false}}),
                 Seed("noise_seed", &Common::seed), steps_input(), cfg_input(), sampler_input(), scheduler_input(),
                 positive_input(), negative_input(), latent_input(),
                 step_input("start_at_step", &SamplePart::start_at_step),
                 step_input("end_at_step", &SamplePart::end_at_step),
                 Choice("return_with_leftover_noise", &SamplePart::return_with_leftover_noise,
                        {{"disable", false}, {"enable", true}}),
                 preview_input(previews), decode_input(), vae_input(), script_input()},
      .outputs = sampler_labels(),
      .output_node = true,
      .hidden_prompt = true,
      .run = [](const SamplePart& in, Call& call) { return sample(in, call, Kind::kSomeSteps); },
      .foresee = [](const Known<SamplePart>& in,
                    Call& call) { return foresee_sample(in, call, Kind::kSomeSteps, in(&Common::vae_decode)); }});
  table.add(NodeOf<SampleRefined>{
      .name = "KSampler SDXL (Eff.)",
      .category = kCategory,
      .description = "Denoises with SDXL, from a step on with its refiner, decodes the result and shows the picture.",
      .origin = kOrigin,
      .inputs = {Link("sdxl_tuple", &SampleRefined::sdxl_tuple), Seed("noise_seed", &Common::seed), steps_input(),
                 cfg_input(), sampler_input(), scheduler_input(), latent_input(),
                 step_input("start_at_step", &SampleRefined::start_at_step),
                 step_input("refine_at_step", &SampleRefined::refine_at_step, -1).tip("-1: without the refiner."),
                 preview_input(previews), decode_input(), vae_input(), script_input()},
      .outputs = {{.name = "SDXL_TUPLE"}, {.name = "LATENT"}, {.name = "VAE"}, {.name = "IMAGE"}},
      .output_node = true,
      .hidden_prompt = true,
      .run = sample_refined,
      .foresee = foresee_refined});
}

}  // namespace easel::nodes
