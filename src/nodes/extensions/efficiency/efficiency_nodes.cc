// Loaders and stacks of efficiency-nodes-comfyui (github.com/jags111/efficiency-nodes-comfyui).
#include <array>
#include <tuple>
#include <utility>

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/efficiency/efficiency.h"

namespace easel::nodes {
namespace {

using efficiency::Dependencies;
using efficiency::kOrigin;
using efficiency::SdxlTuple;
using models::ClipHandle;
using models::Conditioning;
using models::ControlNetHandle;
using models::ModelHandle;
using models::VaeHandle;

constexpr size_t kMostLoras = 50;

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

struct LoadAny {
  std::string vae_name;
  std::string positive = "CLIP_POSITIVE", negative = "CLIP_NEGATIVE", token_normalization, weight_interpretation;
  int64_t empty_latent_width = 512, empty_latent_height = 512, batch_size = 1;
  MaybeLinked<LoraStack> lora_stack;
  MaybeLinked<ControlStack> cnet_stack;
};
struct Load : LoadAny {
  std::string ckpt_name, lora_name;
  int64_t clip_skip = -1;
  double lora_model_strength = 1.0, lora_clip_strength = 1.0;
};
struct LoadSdxl : LoadAny {
  LoadSdxl() { empty_latent_width = empty_latent_height = 1024; }
  std::string base_ckpt_name, refiner_ckpt_name;
  int64_t base_clip_skip = -2, refiner_clip_skip = -2;
  double positive_ascore = 6.0, negative_ascore = 2.0;
};

Value empty_latent(const Parts& parts, const LoadAny& in) {
  return parts.make(
      "EmptyLatentImage",
      {{"width", in.empty_latent_width}, {"height", in.empty_latent_height}, {"batch_size", in.batch_size}}, {})[0];
}

// Conditioning as it is without ControlNets, or unknown where some may come in.
std::pair<Value, Value> foreseen_texts(const Call& call, const Value& positive, const Value& negative) {
  if (call.linked("cnet_stack") || call.awaits("cnet_stack")) return {};
  return {positive, negative};
}

// What can be known of a loader's inputs before it runs; what the controls are is not.
template <class P>
void take_known(LoadAny& out, const Known<P>& known) {
  out.vae_name = known(&LoadAny::vae_name);
  out.positive = known(&LoadAny::positive);
  out.negative = known(&LoadAny::negative);
  out.empty_latent_width = known(&LoadAny::empty_latent_width);
  out.empty_latent_height = known(&LoadAny::empty_latent_height);
  out.batch_size = known(&LoadAny::batch_size);
}

struct Made {
  efficiency::Loaded file;
  efficiency::Encoded texts;
};

// Loads and encodes, and says from what.
Made load_all(const Parts& parts, const Dependencies& from) {
  Made out;
  out.file = efficiency::load(parts, from.checkpoint, from.loras, from.vae);
  out.texts = efficiency::encode(parts, out.file.clip, from.clip_skip, from.positive, from.negative);
  std::tie(out.texts.positive, out.texts.negative) =
      apply_controls(parts, out.texts.positive, out.texts.negative, from.controls);
  return out;
}

Dependencies dependencies_of(const Load& in, const LoraStack* loras) {
  Dependencies out{.checkpoint = in.ckpt_name,
                   .vae = in.vae_name,
                   .clip_skip = in.clip_skip,
                   .positive = in.positive,
                   .negative = in.negative,
                   .loras = {},
                   .controls = {}};
  if (in.lora_name != "None")
    out.loras.entries.push_back({in.lora_name, in.lora_model_strength, in.lora_clip_strength});
  if (loras) out.loras.entries.insert(out.loras.entries.end(), loras->entries.begin(), loras->entries.end());
  return out;
}

using LoadedAll = Results<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, ClipHandle, Dependencies>;
using ForeseenAll = Foreseen<ModelHandle, Conditioning, Conditioning, Latent, VaeHandle, ClipHandle, Dependencies>;

LoadedAll run_loader(const Load& in, Call& call) {
  const Parts parts(call, Parts::Doing::kRun);
  Dependencies from = dependencies_of(in, in.lora_stack.get());
  if (in.cnet_stack) from.controls = *in.cnet_stack;
  const Made made = load_all(parts, from);
  return {Handed{made.file.model},
          Handed{made.texts.positive},
          Handed{made.texts.negative},
          Handed{empty_latent(parts, in)},
          Handed{made.file.vae},
          Handed{made.texts.clip},
          std::move(from)};
}

ForeseenAll foresee_loader(const Known<Load>& known, Call& call) {
  if (call.awaits("ckpt_name") || call.awaits("vae_name")) return {};
  Load in;
  take_known(in, known);
  in.ckpt_name = known(&Load::ckpt_name);
  in.clip_skip = known(&Load::clip_skip);
  in.lora_name = known(&Load::lora_name);
  in.lora_model_strength = known(&Load::lora_model_strength);
  in.lora_clip_strength = known(&Load::lora_clip_strength);
  const Parts parts(call, Parts::Doing::kForesee);
  const Made made = load_all(parts, dependencies_of(in, known(&LoadAny::lora_stack)));
  const auto [positive, negative] = foreseen_texts(call, made.texts.positive, made.texts.negative);
  return {Handed{made.file.model}, Handed{positive},        Handed{negative}, Handed{empty_latent(parts, in)},
          Handed{made.file.vae},   Handed{made.texts.clip}, std::nullopt};
}

// --- Eff. Loader SDXL ---

SdxlTuple load_refined(const Parts& parts, const LoadSdxl& in, const Dependencies& from, Value& vae) {
  const Made made = load_all(parts, from);
  vae = made.file.vae;
  SdxlTuple out{.model = made.file.model,
                .clip = made.texts.clip,
                .positive = made.texts.positive,
                .negative = made.texts.negative,
                .refiner_model = {},
                .refiner_clip = {},
                .refiner_positive = {},
                .refiner_negative = {}};
  if (in.refiner_ckpt_name == "None") return out;
  const Outputs file = parts.make("CheckpointLoaderSimple", {{"ckpt_name", in.refiner_ckpt_name}}, {});
  out.refiner_model = file[0];
  out.refiner_clip =
      parts.make("CLIPSetLastLayer", {{"stop_at_clip_layer", in.refiner_clip_skip}}, {{"clip", file[1]}})[0];
  const auto encoded = [&](const std::string& text, double score) {
    return parts.make(
        "CLIPTextEncodeSDXLRefiner",
        {{"ascore", score}, {"width", in.empty_latent_width}, {"height", in.empty_latent_height}, {"text", text}},
        {{"clip", out.refiner_clip}})[0];
  };
  out.refiner_positive = encoded(in.positive, in.positive_ascore);
  out.refiner_negative = encoded(in.negative, in.negative_ascore);
  return out;
}

Dependencies dependencies_of(const LoadSdxl& in, const LoraStack* loras) {
  return {.checkpoint = in.base_ckpt_name,
          .vae = in.vae_name,
          .clip_skip = in.base_clip_skip,
          .positive = in.positive,
          .negative = in.negative,
          .loras = loras ? *loras : LoraStack(),
          .controls = {}};
}

Results<SdxlTuple, Latent, VaeHandle, Dependencies> run_sdxl_loader(const LoadSdxl& in, Call& call) {
  const Parts parts(call, Parts::Doing::kRun);
  Dependencies from = dependencies_of(in, in.lora_stack.get());
  if (in.cnet_stack) from.controls = *in.cnet_stack;
  Value vae;
  SdxlTuple tuple = load_refined(parts, in, from, vae);
  return {std::move(tuple), Handed{empty_latent(parts, in)}, Handed{vae}, std::move(from)};
}

Foreseen<SdxlTuple, Latent, VaeHandle, Dependencies> foresee_sdxl_loader(const Known<LoadSdxl>& known, Call& call) {
  if (call.awaits("base_ckpt_name") || call.awaits("refiner_ckpt_name") || call.awaits("vae_name")) return {};
  LoadSdxl in;
  take_known(in, known);
  in.base_ckpt_name = known(&LoadSdxl::base_ckpt_name);
  in.refiner_ckpt_name = known(&LoadSdxl::refiner_ckpt_name);
  in.base_clip_skip = known(&LoadSdxl::base_clip_skip);
  in.refiner_clip_skip = known(&LoadSdxl::refiner_clip_skip);
  const Parts parts(call, Parts::Doing::kForesee);
  Value vae;
  SdxlTuple tuple = load_refined(parts, in, dependencies_of(in, known(&LoadAny::lora_stack)), vae);
  std::tie(tuple.positive, tuple.negative) = foreseen_texts(call, tuple.positive, tuple.negative);
  return {std::move(tuple), Handed{empty_latent(parts, in)}, Handed{vae}, std::nullopt};
}

// --- Tuples and stacks ---

struct Pack {
  Linked<ModelHandle> base_model, refiner_model;
  Linked<ClipHandle> base_clip, refiner_clip;
  Linked<Conditioning> base_positive, base_negative, refiner_positive, refiner_negative;
};

SdxlTuple packed(const Call& call) {
  return {.model = value_of(call, "base_model"),
          .clip = value_of(call, "base_clip"),
          .positive = value_of(call, "base_positive"),
          .negative = value_of(call, "base_negative"),
          .refiner_model = value_of(call, "refiner_model"),
          .refiner_clip = value_of(call, "refiner_clip"),
          .refiner_positive = value_of(call, "refiner_positive"),
          .refiner_negative = value_of(call, "refiner_negative")};
}

struct Unpack {
  Linked<SdxlTuple> sdxl_tuple;
};

template <template <class...> class Out>
using Unpacked =
    Out<ModelHandle, ClipHandle, Conditioning, Conditioning, ModelHandle, ClipHandle, Conditioning, Conditioning>;

template <template <class...> class Out>
Unpacked<Out> unpacked(const SdxlTuple& t) {
  return {Handed{t.model},         Handed{t.clip},         Handed{t.positive},         Handed{t.negative},
          Handed{t.refiner_model}, Handed{t.refiner_clip}, Handed{t.refiner_positive}, Handed{t.refiner_negative}};
}

struct StackControl {
  Linked<ControlNetHandle> control_net;
  Linked<Image> image;
  double strength = 1.0, start_percent = 0.0, end_percent = 1.0;
  MaybeLinked<ControlStack> cnet_stack;
};

Results<ControlStack> stack_control(const StackControl& in) {
  ControlStack out = in.cnet_stack ? *in.cnet_stack : ControlStack();
  out.entries.push_back({"", in.image.value(), in.strength, in.start_percent, in.end_percent, in.control_net.value()});
  return {std::move(out)};
}

struct ApplyStack {
  Linked<Conditioning> positive, negative;
  MaybeLinked<ControlStack> cnet_stack;
};

Results<Conditioning, Conditioning> apply_stack(const ApplyStack& in, Call& call) {
  if (!in.cnet_stack) return {in.positive, in.negative};
  auto [positive, negative] =
      apply_controls(Parts(call, Parts::Doing::kRun), in.positive.value(), in.negative.value(), *in.cnet_stack);
  return {Handed{positive}, Handed{negative}};
}

template <class P>
Inputs<P> texts_and_size(Inputs<P> inputs, int64_t most) {
  return std::move(inputs).and_then(
      {Text("positive", &LoadAny::positive).multiline().names_embeddings(),
       Text("negative", &LoadAny::negative).multiline().names_embeddings(),
       Choice("token_normalization", &LoadAny::token_normalization, {"none"}),
       Choice("weight_interpretation", &LoadAny::weight_interpretation, {"comfy"}),
       Int("empty_latent_width", &LoadAny::empty_latent_width).range(64, kMaxSide).step(64),
       Int("empty_latent_height", &LoadAny::empty_latent_height).range(64, kMaxSide).step(64),
       Int("batch_size", &LoadAny::batch_size).range(int64_t{1}, most), Link("lora_stack", &LoadAny::lora_stack),
       Link("cnet_stack", &LoadAny::cnet_stack)});
}

void add_stacks(Table& table) {
  const auto part = [](const char* name, double StackControl::*member) {
    return Float(name, member).range(0.0, 1.0).step(0.001);
  };
  table.add(NodeOf<StackControl>{
      .name = "Control Net Stacker",
      .category = "Efficiency Nodes/Stackers",
      .description = "Puts a ControlNet with its picture behind those of a stack.",
      .origin = kOrigin,
      .inputs = {Link("control_net", &StackControl::control_net), Link("image", &StackControl::image),
                 Float("strength", &StackControl::strength).range(0.0, 10.0).step(0.01),
                 part("start_percent", &StackControl::start_percent), part("end_percent", &StackControl::end_percent),
                 Link("cnet_stack", &StackControl::cnet_stack)},
      .outputs = {{.name = "CNET_STACK"}},
      .run = stack_control});
  table.add(
      NodeOf<ApplyStack>{.name = "Apply ControlNet Stack",
                         .category = "Efficiency Nodes/Stackers",
                         .description = "Applies a stack of ControlNets as ControlNetApplyAdvanced does.",
                         .origin = kOrigin,
                         .inputs = {Link("positive", &ApplyStack::positive), Link("negative", &ApplyStack::negative),
                                    Link("cnet_stack", &ApplyStack::cnet_stack)},
                         .outputs = {{.name = "CONDITIONING+"}, {.name = "CONDITIONING-"}},
                         .run = apply_stack});
}

void add_tuples(Table& table) {
  table.add(NodeOf<Pack>{
      .name = "Pack SDXL Tuple",
      .category = "Efficiency Nodes/Misc",
      .description = "SDXL and its refiner with their texts, as one value.",
      .origin = kOrigin,
      .inputs = {Link("base_model", &Pack::base_model), Link("base_clip", &Pack::base_clip),
                 Link("base_positive", &Pack::base_positive), Link("base_negative", &Pack::base_negative),
                 Link("refiner_model", &Pack::refiner_model), Link("refiner_clip", &Pack::refiner_clip),
                 Link("refiner_positive", &Pack::refiner_positive), Link("refiner_negative", &Pack::refiner_negative)},
      .run = [](const Pack&, Call& call) -> Results<SdxlTuple> { return {packed(call)}; },
      .foresee = [](const Known<Pack>&, Call& call) -> Foreseen<SdxlTuple> { return {packed(call)}; }});
  table.add(NodeOf<Unpack>{.name = "Unpack SDXL Tuple",
                           .category = "Efficiency Nodes/Misc",
                           .description = "The parts of such a value.",
                           .origin = kOrigin,
                           .inputs = {Link("sdxl_tuple", &Unpack::sdxl_tuple)},
                           .outputs = {{.name = "BASE_MODEL"},
                                       {.name = "BASE_CLIP"},
                                       {.name = "BASE_CONDITIONING+"},
                                       {.name = "BASE_CONDITIONING-"},
                                       {.name = "REFINER_MODEL"},
                                       {.name = "REFINER_CLIP"},
                                       {.name = "REFINER_CONDITIONING+"},
                                       {.name = "REFINER_CONDITIONING-"}},
                           .run = [](const Unpack& in) { return unpacked<Results>(*in.sdxl_tuple); },
                           .foresee =
                               [](const Known<Unpack>& in) {
                                 const SdxlTuple* known = in(&Unpack::sdxl_tuple);
                                 return unpacked<Foreseen>(known ? *known : SdxlTuple());
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
      .inputs =
          texts_and_size<Load>({File("ckpt_name", &Load::ckpt_name, "checkpoints"),
                                FileOr("Baked VAE", "vae_name", &LoadAny::vae_name, "vae"),
                                Int("clip_skip", &Load::clip_skip).range(-24, -1).step(1),
                                FileOr("None", "lora_name", &Load::lora_name, "loras"),
                                Float("lora_model_strength", &Load::lora_model_strength).range(-10.0, 10.0).step(0.01),
                                Float("lora_clip_strength", &Load::lora_clip_strength).range(-10.0, 10.0).step(0.01)},
                               4096),
      .outputs = {{"MODEL"}, {"CONDITIONING+"}, {"CONDITIONING-"}, {"LATENT"}, {"VAE"}, {"CLIP"}, {"DEPENDENCIES"}},
      .run = run_loader,
      .foresee = foresee_loader});
  const auto skip = [](const char* name, int64_t LoadSdxl::*member) {
    return Int(name, member).range(-24, -1).step(1);
  };
  const auto score = [](const char* name, double LoadSdxl::*member) {
    return Float(name, member).range(0.0, 1000.0).step(0.01);
  };
  table.add(NodeOf<LoadSdxl>{
      .name = "Eff. Loader SDXL",
      .category = "Efficiency Nodes/Loaders",
      .description = "The same for SDXL with or without its refiner.",
      .origin = kOrigin,
      .inputs = texts_and_size<LoadSdxl>(
          {File("base_ckpt_name", &LoadSdxl::base_ckpt_name, "checkpoints"),
           skip("base_clip_skip", &LoadSdxl::base_clip_skip),
           FileOr("None", "refiner_ckpt_name", &LoadSdxl::refiner_ckpt_name, "checkpoints"),
           skip("refiner_clip_skip", &LoadSdxl::refiner_clip_skip),
           score("positive_ascore", &LoadSdxl::positive_ascore), score("negative_ascore", &LoadSdxl::negative_ascore),
           FileOr("Baked VAE", "vae_name", &LoadAny::vae_name, "vae")},
          64),
      .outputs = {{.name = "SDXL_TUPLE"}, {.name = "LATENT"}, {.name = "VAE"}, {.name = "DEPENDENCIES"}},
      .run = run_sdxl_loader,
      .foresee = foresee_sdxl_loader});
  add_stacks(table);
  add_tuples(table);
}

}  // namespace easel::nodes
