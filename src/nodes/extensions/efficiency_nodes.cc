// Nodes of efficiency-nodes-comfyui (github.com/jags111/efficiency-nodes-comfyui): a loader and samplers that each
// stand for a chain of ComfyUI's nodes. Scripts, XY plots and ControlNet stacks are not implemented.
#include <array>
#include <utility>

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/lora_stack.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kOrigin = "efficiency";
constexpr size_t kMostLoras = 50;
constexpr int64_t kTile = 320;

// --- LoRA Stacker ---

struct Stacker {
  bool simple = true;
  int64_t lora_count = 3;
  std::array<std::string, kMostLoras> names;
  std::array<double, kMostLoras> weights, model_strengths, clip_strengths;
  MaybeLinked<LoraStack> lora_stack;
  Stacker() {
    names.fill("None");
    weights.fill(1.0);
    model_strengths.fill(1.0);
    clip_strengths.fill(1.0);
  }
};

Results<LoraStack> stack(const Stacker& in) {
  LoraStack out;
  for (size_t i = 0; i < static_cast<size_t>(in.lora_count); ++i)
    if (in.names[i] != "None")
      out.entries.push_back({in.names[i], in.simple ? in.weights[i] : in.model_strengths[i],
                             in.simple ? in.weights[i] : in.clip_strengths[i]});
  if (in.lora_stack)
    for (const LoraStack::Entry& entry : in.lora_stack->entries)
      if (entry.file != "None") out.entries.push_back(entry);
  return {std::move(out)};
}

Inputs<Stacker> stacker_inputs() {
  Inputs<Stacker> out{Choice("input_mode", &Stacker::simple, {{"simple", true}, {"advanced", false}}),
                      Int("lora_count", &Stacker::lora_count).range(0, static_cast<int64_t>(kMostLoras)).step(1)};
  const auto strength = [](const std::string& name, std::array<double, kMostLoras> Stacker::*member, size_t i) {
    return Float(name, member, i).range(-10.0, 10.0).step(0.01).optional();
  };
  for (size_t i = 0; i < kMostLoras; ++i) {
    const std::string number = std::to_string(i + 1);
    Input<Stacker> file("lora_name_" + number, "COMBO", In::Member::kText, &blank<Stacker>().names[i]);
    file.spec().choices = {"None"};
    file.spec().choices_from = "loras";
    out.push_back(std::move(file).optional());
    out.push_back(strength("lora_wt_" + number, &Stacker::weights, i));
    out.push_back(strength("model_str_" + number, &Stacker::model_strengths, i));
    out.push_back(strength("clip_str_" + number, &Stacker::clip_strengths, i));
  }
  out.push_back(Link("lora_stack", &Stacker::lora_stack));
  return out;
}

// --- Efficient Loader ---

struct Load {
  std::string ckpt_name, vae_name;
  int64_t clip_skip = -1;
  std::string lora_name;
  double lora_model_strength = 1.0, lora_clip_strength = 1.0;
  std::string positive = "CLIP_POSITIVE", negative = "CLIP_NEGATIVE", token_normalization, weight_interpretation;
  int64_t empty_latent_width = 512, empty_latent_height = 512, batch_size = 1;
  MaybeLinked<LoraStack> lora_stack;
};

// The seventh output, for the original's XY plots, stays empty.
struct Dependencies {};

}  // namespace

template <>
struct LinkType<Dependencies> : PlainLink<Dependencies> {
  static constexpr const char* kName = "DEPENDENCIES";
};

namespace {

// MODEL, CONDITIONING+, CONDITIONING-, LATENT, VAE, CLIP.
using Loaded = std::array<Value, 6>;

Loaded load(const Load& in, const LoraStack* more, const Parts& parts) {
  const Outputs file = parts.make("CheckpointLoaderSimple", {{"ckpt_name", in.ckpt_name}}, {});
  LoraStack stack;
  if (in.lora_name != "None") stack.entries.push_back({in.lora_name, in.lora_model_strength, in.lora_clip_strength});
  if (more) stack.entries.insert(stack.entries.end(), more->entries.begin(), more->entries.end());
  const ModelAndClip changed = apply_loras(parts, {file[0], file[1]}, stack);
  const Value clip =
      parts.make("CLIPSetLastLayer", {{"stop_at_clip_layer", in.clip_skip}}, {{"clip", changed.clip}})[0];
  const auto encoded = [&](const std::string& text) {
    return parts.make("CLIPTextEncode", {{"text", text}}, {{"clip", clip}})[0];
  };
  const Value vae = in.vae_name == "Baked VAE" ? file[2] : parts.make("VAELoader", {{"vae_name", in.vae_name}}, {})[0];
  const Value latent = parts.make(
      "EmptyLatentImage",
      {{"width", in.empty_latent_width}, {"height", in.empty_latent_height}, {"batch_size", in.batch_size}}, {})[0];
  return {changed.model, encoded(in.positive), encoded(in.negative), latent, vae, clip};
}

Results<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, ClipHandle, Dependencies> run_loader(const Load& in,
                                                                                                         Call& call) {
  Loaded out = load(in, in.lora_stack.get(), Parts(call, Parts::Doing::kRun));
  return {Handed{out[0]}, Handed{out[1]}, Handed{out[2]}, Handed{out[3]}, Handed{out[4]}, Handed{out[5]}, std::nullopt};
}

Foreseen<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, ClipHandle, Dependencies> foresee_loader(
    const Known<Load>& known, Call& call) {
  if (call.awaits("ckpt_name") || call.awaits("vae_name")) return {};
  Load in;
  in.ckpt_name = known(&Load::ckpt_name);
  in.vae_name = known(&Load::vae_name);
  in.clip_skip = known(&Load::clip_skip);
  in.lora_name = known(&Load::lora_name);
  in.lora_model_strength = known(&Load::lora_model_strength);
  in.lora_clip_strength = known(&Load::lora_clip_strength);
  in.positive = known(&Load::positive);
  in.negative = known(&Load::negative);
  in.empty_latent_width = known(&Load::empty_latent_width);
  in.empty_latent_height = known(&Load::empty_latent_height);
  in.batch_size = known(&Load::batch_size);
  Loaded out = load(in, known(&Load::lora_stack), Parts(call, Parts::Doing::kForesee));
  return {Handed{out[0]}, Handed{out[1]}, Handed{out[2]}, Handed{out[3]}, Handed{out[4]}, Handed{out[5]}, std::nullopt};
}

// --- KSampler (Efficient) ---

struct Sample {
  Linked<ModelHandle> model;
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 7.0;
  std::string sampler_name, scheduler;
  Linked<Conditioning> positive, negative;
  Linked<Latent> latent_image;
  std::string preview_method, vae_decode;
  MaybeLinked<VaeHandle> optional_vae;
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

using Sampled = Results<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, Image>;
using ForeseenSampled = Foreseen<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, Image>;

Parts::Links sampler_links(const Call& call) {
  return {{"model", value_of(call, "model")},
          {"positive", value_of(call, "positive")},
          {"negative", value_of(call, "negative")},
          {"latent_image", value_of(call, "latent_image")}};
}

Value all_steps(const Parts& parts, const Call& call) {
  return parts.make("KSampler", typed_of(call, {"seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"}),
                    sampler_links(call))[0];
}
Value some_steps(const Parts& parts, const Call& call) {
  return parts.make("KSamplerAdvanced",
                    typed_of(call, {"add_noise", "noise_seed", "steps", "cfg", "sampler_name", "scheduler",
                                    "start_at_step", "end_at_step", "return_with_leftover_noise"}),
                    sampler_links(call))[0];
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// Decodes a latent in the way that vae_decode names; without a VAE, the picture is one transparent pixel.
Value picture(const Parts& parts, const std::string& vae_decode, const Value& vae, const Value& latent) {
  if (vae_decode == "false" || (vae.empty() && parts.runs()))
    return parts.runs() ? computed<Image>(Tensor::zeros({1, 1, 1, 4})) : foreseen<Image>({1, 1, 1, 4});
  if (vae.empty()) return {};
  const Parts::Links links{{"samples", latent}, {"vae", vae}};
  if (!has(vae_decode, "tiled")) return parts.make("VAEDecode", {}, links)[0];
  return parts.make("VAEDecodeTiled", {{"tile_size", kTile}, {"overlap", int64_t{64}}}, links)[0];
}

Sampled finish(const Sample& in, const Parts& parts, const Value& latent) {
  const bool decodes = in.vae_decode != "false" && in.optional_vae;
  if (in.vae_decode != "false" && !in.optional_vae) parts.warn("no VAE comes in, so nothing is decoded");
  const Value vae = value_of(in.optional_vae);
  const Value image = picture(parts, in.vae_decode, vae, latent);
  if (decodes && in.preview_method != "none" && !has(in.vae_decode, "output only"))
    parts.make("PreviewImage", {}, {{"images", image}});
  return {in.model, in.positive, in.negative, Handed{latent}, Handed{vae}, Handed{image}};
}

Sampled sample_all(const SampleAll& in, Call& call) {
  const Parts parts(call, Parts::Doing::kRun);
  return finish(in, parts, in.denoise > 0 ? all_steps(parts, call) : in.latent_image.value());
}

// Decodes only what it shows.
Sampled sample_old(const SampleOld& in, Call& call) {
  SampleAll today = in;
  today.vae_decode = in.preview && in.optional_vae ? "true" : "false";
  return sample_all(today, call);
}

void check_old(const SampleOld& in) {
  if (in.sampler_state != "Sample")
    throw Error(Fault::kInvalid,
                in.sampler_state + " is not there: results are kept as long as nothing before them changes")
        .at_input("sampler_state")
        .fix("Choose Sample");
}

Sampled sample_part(const SamplePart& in, Call& call) {
  const Parts parts(call, Parts::Doing::kRun);
  return finish(in, parts, some_steps(parts, call));
}

ForeseenSampled foresee(const std::string& vae_decode, Call& call, Value (*sample)(const Parts&, const Call&)) {
  const Parts parts(call, Parts::Doing::kForesee);
  const Value latent = sample(parts, call);
  const Value decoded = picture(parts, vae_decode, value_of(call, "optional_vae"), latent);
  return {Handed{value_of(call, "model")},        Handed{value_of(call, "positive")},
          Handed{value_of(call, "negative")},     Handed{latent},
          Handed{value_of(call, "optional_vae")}, Handed{decoded}};
}

Input<Sample> model_input() { return Link("model", &Sample::model); }
Input<Sample> steps_input() { return Int("steps", &Sample::steps).range(1, 10000); }
Input<Sample> cfg_input() { return Float("cfg", &Sample::cfg).range(0.0, 100.0); }
Input<Sample> sampler_input() { return Choice("sampler_name", &Sample::sampler_name, sampler_choices()); }
Input<Sample> scheduler_input() { return Choice("scheduler", &Sample::scheduler, scheduler_choices()); }
Input<Sample> positive_input() { return Link("positive", &Sample::positive); }
Input<Sample> negative_input() { return Link("negative", &Sample::negative); }
Input<Sample> latent_input() { return Link("latent_image", &Sample::latent_image); }
Input<Sample> vae_input() { return Link("optional_vae", &Sample::optional_vae); }
Input<Sample> preview_input(const std::vector<std::string>& choices) {
  return Choice("preview_method", &Sample::preview_method, choices).tip("none: the picture is not shown.");
}

std::vector<OutputLabel> sampler_labels() {
  return {{"MODEL"}, {"CONDITIONING+"}, {"CONDITIONING-"}, {"LATENT"}, {"VAE"}, {"IMAGE"}};
}

void add_samplers(Table& table) {
  table.add(NodeOf<SampleAll>{
      .name = "KSampler (Efficient)",
      .category = "Efficiency Nodes/Sampling",
      .description = "Denoises a latent as KSampler does, decodes it and shows the picture.",
      .origin = kOrigin,
      .inputs = {model_input(), Seed("seed", &Sample::seed), steps_input(), cfg_input(), sampler_input(),
                 scheduler_input(), positive_input(), negative_input(), latent_input(),
                 Float("denoise", &SampleAll::denoise).range(0.0, 1.0).step(0.01),
                 preview_input({"auto", "latent2rgb", "taesd", "vae_decoded_only", "none"}),
                 Choice("vae_decode", &Sample::vae_decode, {"true", "true (tiled)", "false"}), vae_input()},
      .outputs = sampler_labels(),
      .output_node = true,
      .hidden_prompt = true,
      .run = sample_all,
      .foresee = [](const Known<SampleAll>& in, Call& call) {
        return foresee(in(&Sample::vae_decode), call, all_steps);
      }});
  table.add(NodeOf<SampleOld>{
      .name = "KSampler (Efficient)",
      .category = "Efficiency Nodes/Sampling",
      .description = "The node of spring 2023: denoises a latent as KSampler does, and shows the picture if wanted.",
      .origin = kOrigin,
      .inputs = {Choice("sampler_state", &SampleOld::sampler_state, {"Sample", "Hold", "Script"}),
                 Int("my_unique_id", &SampleOld::my_unique_id).range(0, 15).added_later(), model_input(),
                 Seed("seed", &Sample::seed), steps_input(), cfg_input(), sampler_input(), scheduler_input(),
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
        return foresee(in(&SampleOld::preview) ? "true" : "false", call, all_steps);
      }});
  table.add(NodeOf<SamplePart>{
      .name = "KSampler Adv. (Efficient)",
      .category = "Efficiency Nodes/Sampling",
      .description = "Denoises part of a schedule as KSamplerAdvanced does, decodes the result and shows the picture.",
      .origin = kOrigin,
      .inputs = {model_input(), Choice("add_noise", &SamplePart::add_noise, {{"enable", true}, {"disable", false}}),
                 Seed("noise_seed", &Sample::seed), steps_input(), cfg_input(), sampler_input(), scheduler_input(),
                 positive_input(), negative_input(), latent_input(),
                 Int("start_at_step", &SamplePart::start_at_step).range(0, 10000),
                 Int("end_at_step", &SamplePart::end_at_step).range(0, 10000),
                 Choice("return_with_leftover_noise", &SamplePart::return_with_leftover_noise,
                        {{"disable", false}, {"enable", true}}),
                 preview_input({"auto", "latent2rgb", "taesd", "none"}),
                 Choice("vae_decode", &Sample::vae_decode,
                        {"true", "true (tiled)", "false", "output only", "output only (tiled)"}),
                 vae_input()},
      .outputs = sampler_labels(),
      .output_node = true,
      .hidden_prompt = true,
      .run = sample_part,
      .foresee = [](const Known<SamplePart>& in, Call& call) {
        return foresee(in(&Sample::vae_decode), call, some_steps);
      }});
}

}  // namespace

void register_efficiency_nodes(Table& table) {
  table.add(
      NodeOf<Stacker>{.name = "LoRA Stacker",
                      .category = "Efficiency Nodes/Stackers",
                      .description = "Makes a stack of up to fifty LoRAs, which come before those of the linked stack.",
                      .origin = kOrigin,
                      .inputs = stacker_inputs(),
                      .runs_when_checked = true,
                      .run = stack});
  table.add(NodeOf<Load>{
      .name = "Efficient Loader",
      .category = "Efficiency Nodes/Loaders",
      .description = "Loads a checkpoint with LoRAs, encodes two texts and makes an empty latent.",
      .origin = kOrigin,
      .inputs = {File("ckpt_name", &Load::ckpt_name, "checkpoints"),
                 FileOr("Baked VAE", "vae_name", &Load::vae_name, "vae"),
                 Int("clip_skip", &Load::clip_skip).range(-24, -1).step(1),
                 FileOr("None", "lora_name", &Load::lora_name, "loras"),
                 Float("lora_model_strength", &Load::lora_model_strength).range(-10.0, 10.0).step(0.01),
                 Float("lora_clip_strength", &Load::lora_clip_strength).range(-10.0, 10.0).step(0.01),
                 Text("positive", &Load::positive).multiline().names_embeddings(),
                 Text("negative", &Load::negative).multiline().names_embeddings(),
                 Choice("token_normalization", &Load::token_normalization, {"none"}),
                 Choice("weight_interpretation", &Load::weight_interpretation, {"comfy"}),
                 Int("empty_latent_width", &Load::empty_latent_width).range(64, kMaxSide).step(64),
                 Int("empty_latent_height", &Load::empty_latent_height).range(64, kMaxSide).step(64),
                 Int("batch_size", &Load::batch_size).range(1, 4096), Link("lora_stack", &Load::lora_stack)},
      .outputs = {{"MODEL"}, {"CONDITIONING+"}, {"CONDITIONING-"}, {"LATENT"}, {"VAE"}, {"CLIP"}, {"DEPENDENCIES"}},
      .run = run_loader,
      .foresee = foresee_loader});
  add_samplers(table);
}

}  // namespace easel::nodes
