// Scripts of efficiency-nodes-comfyui's samplers: a second pass, and the axes of XY plots. Axes of ControlNets, of
// SDXL's refiner, of folders of files and those written by hand are not there.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "node_api/table.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/extensions/efficiency/xy_plot.h"
#include "nodes/extensions/krita/any_hint.h"

namespace easel::nodes {
namespace {

using efficiency::Dependencies;
using efficiency::HiresFix;
using efficiency::kOrigin;
using efficiency::Script;
using efficiency::XyAxis;
using efficiency::XyPlot;
using efficiency::XyValue;

constexpr const char* kScripts = "Efficiency Nodes/Scripts";
constexpr size_t kMost = 50;  // values of an axis

// --- HighRes-Fix ---

struct MakeHiresFix : HiresFix {
  bool preprocessor_imgs = false;
  MaybeLinked<Script> script;
};

Results<Script> hires_fix(const MakeHiresFix& in) {
  Script out = in.script ? *in.script : Script();
  out.hires_fix = static_cast<const HiresFix&>(in);
  return {std::move(out)};
}

// The sampler would come to these after its first pass only.
void check_hires_fix(const MakeHiresFix& in) {
  if (in.iterations == 0 && in.type == HiresFix::Type::kPixel)
    throw Error(Fault::kInvalid, "a HighRes-Fix by pixels needs an iteration").at_input("iterations").fix("Use 1");
  if (in.iterations > 0 && in.use_controlnet) check_preprocessor(in.preprocessor);
}

// --- XY Plot ---

struct MakePlot {
  int64_t grid_spacing = 0;
  bool XY_flip = false, vertical = false, cache_models = true, is_output = false;
  MaybeLinked<Dependencies> dependencies;
  MaybeLinked<XyAxis> X, Y;
};

// What a value says beside its own axis depends on the other one.
void settle(XyAxis& axis, const XyAxis& other) {
  for (XyValue& value : axis.values) {
    if (axis.type == "Sampler" && other.type == "Scheduler") value.second = "";
    if (axis.type == "Scheduler" && other.type == "Sampler") value.second = "";
    if (axis.type == "Checkpoint" && other.type == "VAE") value.second.reset();
  }
}

Results<Script> plot(const MakePlot& in) {
  XyPlot out;
  if (in.X) out.x = *in.X;
  if (in.Y) out.y = *in.Y;
  if (in.dependencies) out.from = *in.dependencies;
  efficiency::check_axes(out);
  settle(out.x, out.y);
  settle(out.y, out.x);
  if (in.XY_flip) std::swap(out.x, out.y);
  out.spacing = in.grid_spacing;
  out.vertical_labels = in.vertical;
  out.is_output = in.is_output;
  if (out.x.type == "Nothing" && out.y.type == "Nothing") return {Script()};
  Script script;
  script.plot = std::make_shared<const XyPlot>(std::move(out));
  return {std::move(script)};
}

// --- Axes ---

// An axis without values is none, as in the original.
Results<XyAxis> axis(std::string type, std::vector<XyValue> values) {
  if (values.empty()) return {XyAxis()};
  return {XyAxis{std::move(type), std::move(values)}};
}

std::vector<XyValue> numbers(int64_t count, double first, double last) {
  std::vector<XyValue> out;
  for (int64_t i = 0; i < count; ++i) {
    const double step = count > 1 ? (last - first) / static_cast<double>(count - 1) : 0.0;
    XyValue value;
    value.number = count > 1 ? std::nearbyint((first + static_cast<double>(i) * step) * 1000) / 1000 : first;
    out.push_back(value);
  }
  return out;
}

// Whole numbers, each once, rising.
std::vector<XyValue> wholes(int64_t count, int64_t first, int64_t last) {
  std::set<int64_t> all;
  for (int64_t i = 0; i < count; ++i) {
    const double step = count > 1 ? static_cast<double>(last - first) / static_cast<double>(count - 1) : 0.0;
    all.insert(static_cast<int64_t>(static_cast<double>(first) + static_cast<double>(i) * step));
  }
  std::vector<XyValue> out;
  for (const int64_t whole : all) {
    XyValue value;
    value.whole = whole;
    out.push_back(value);
  }
  return out;
}

XyValue named(const std::string& text) { return {.text = text}; }

struct Count {
  int64_t batch_count = 3;
};

Results<XyAxis> seeds(const Count& in) {
  std::vector<XyValue> values;
  for (int64_t i = 0; i < in.batch_count; ++i) {
    values.emplace_back();
    values.back().whole = i;
  }
  return axis("Seeds++ Batch", std::move(values));
}

struct NoiseKind {
  bool add = true;
};

struct Steps : Count {
  enum class Of { kSteps, kStart, kEnd, kRefine };
  Of target_parameter = Of::kSteps;
  int64_t first_step = 10, last_step = 20, first_start_step = 0, last_start_step = 10, first_end_step = 10,
          last_end_step = 20, first_refine_step = 10, last_refine_step = 20;
};

Results<XyAxis> steps(const Steps& in) {
  switch (in.target_parameter) {
    case Steps::Of::kStart: return axis("StartStep", wholes(in.batch_count, in.first_start_step, in.last_start_step));
    case Steps::Of::kEnd: return axis("EndStep", wholes(in.batch_count, in.first_end_step, in.last_end_step));
    case Steps::Of::kRefine:
      return axis("RefineStep", wholes(in.batch_count, in.first_refine_step, in.last_refine_step));
    case Steps::Of::kSteps: break;
  }
  return axis("Steps", wholes(in.batch_count, in.first_step, in.last_step));
}

struct Cfg : Count {
  double first = 7.0, last = 9.0;
};
struct Denoise : Count {
  double first = 0.0, last = 1.0;
};
struct OnOff {
  double refine_at_percent = 0.8;
};
struct ClipSkip : Count {
  bool base = true;
  int64_t first = -1, last = -3;
};

struct Samplers {
  enum class Of { kSampler, kScheduler, kBoth };
  Of target_parameter = Of::kSampler;
  int64_t input_count = 3;
  std::array<std::string, kMost> samplers, schedulers;
  Samplers() {
    samplers.fill("None");
    schedulers.fill("None");
  }
};

Results<XyAxis> samplers(const Samplers& in) {
  std::vector<XyValue> values;
  const bool schedulers = in.target_parameter == Samplers::Of::kScheduler;
  for (size_t i = 0; i < static_cast<size_t>(in.input_count); ++i) {
    const std::string& name = schedulers ? in.schedulers[i] : in.samplers[i];
    if (name == "None") continue;
    values.push_back(named(name));
    if (in.target_parameter == Samplers::Of::kBoth && in.schedulers[i] != "None")
      values.back().second = in.schedulers[i];
  }
  return axis(schedulers ? "Scheduler" : "Sampler", std::move(values));
}

// A list of files, or the files of a folder, which is not there.
struct Files {
  bool from_folder = false, subdirectories = false;
  std::string batch_path, batch_sort;
  int64_t batch_max = -1, count = 3;
  std::array<std::string, kMost> names;
  Files() { names.fill("None"); }
};

void check_files(const Files& in) {
  if (in.from_folder)
    throw Error(Fault::kUnsupported, "the files of a folder by its path are not there")
        .at_input("input_mode")
        .fix("Name the files one by one");
}

Results<XyAxis> vaes(const Files& in) {
  std::vector<XyValue> values;
  for (size_t i = 0; i < static_cast<size_t>(in.count); ++i)
    if (in.names[i] != "None") values.push_back(named(in.names[i]));
  return axis("VAE", std::move(values));
}

struct PromptParts {
  bool positive = true;
  std::string search_txt;
  int64_t replace_count = 3;
  std::array<std::string, kMost - 1> replacements;
};

Results<XyAxis> prompts(const PromptParts& in) {
  std::vector<XyValue> values;
  if (in.search_txt.empty()) return axis("", {});
  values.push_back(named(in.search_txt));
  for (size_t i = 0; i < static_cast<size_t>(in.replace_count); ++i) {
    values.push_back(named(in.search_txt));
    values.back().second = in.replacements[i];
  }
  return axis(in.positive ? "Positive Prompt S/R" : "Negative Prompt S/R", std::move(values));
}

struct Checkpoints : Files {
  enum class Mode { kNames, kSkips, kVaes, kFolder };
  bool base = true;
  Mode mode = Mode::kNames;
  std::array<int64_t, kMost> skips{};
  std::array<std::string, kMost> vaes;
  Checkpoints() {
    skips.fill(-1);
    vaes.fill("Baked VAE");
  }
};

void check_checkpoints(const Checkpoints& in) {
  if (!in.base)
    throw Error(Fault::kUnsupported, "axes of SDXL's refiner are not there").at_input("target_ckpt").fix("Choose Base");
  Files files = in;
  files.from_folder = in.mode == Checkpoints::Mode::kFolder;
  check_files(files);
}

Results<XyAxis> checkpoints(const Checkpoints& in) {
  std::vector<XyValue> values;
  for (size_t i = 0; i < static_cast<size_t>(in.count); ++i) {
    if (in.names[i] == "None") continue;
    values.push_back(named(in.names[i]));
    if (in.mode != Checkpoints::Mode::kNames) values.back().clip_skip = in.skips[i];
    if (in.mode == Checkpoints::Mode::kVaes) values.back().second = in.vaes[i];
  }
  return axis("Checkpoint", std::move(values));
}

// The first LoRA of a stack, whose strengths the axis sets.
XyValue lora(const std::string& file, double model, double clip, const LoraStack* stack) {
  XyValue out;
  out.loras.entries.push_back({file, model, clip});
  if (stack) out.loras.entries.insert(out.loras.entries.end(), stack->entries.begin(), stack->entries.end());
  out.first_model = model;
  out.first_clip = clip;
  return out;
}

struct Loras : Files {
  enum class Mode { kNames, kWeights, kFolder };
  Mode mode = Mode::kNames;
  double model_strength = 1.0, clip_strength = 1.0;
  std::array<double, kMost> models{}, clips{};
  MaybeLinked<LoraStack> lora_stack;
  Loras() {
    models.fill(1.0);
    clips.fill(1.0);
  }
};

void check_loras(const Loras& in) {
  Files files = in;
  files.from_folder = in.mode == Loras::Mode::kFolder;
  check_files(files);
}

Results<XyAxis> loras(const Loras& in) {
  std::vector<XyValue> values;
  const bool weighed = in.mode == Loras::Mode::kWeights;
  for (size_t i = 0; i < static_cast<size_t>(in.count); ++i)
    if (in.names[i] != "None")
      values.push_back(lora(in.names[i], weighed ? in.models[i] : in.model_strength,
                            weighed ? in.clips[i] : in.clip_strength, in.lora_stack.get()));
  return axis("LoRA", std::move(values));
}

struct LoraPlot {
  bool strengths = false;
  std::string lora_name, X_batch_path, X_batch_sort;
  double model_strength = 1.0, clip_strength = 1.0;
  int64_t X_batch_count = 3, Y_batch_count = 3;
  bool X_subdirectories = false;
  double X_first_value = 0.0, X_last_value = 1.0, Y_first_value = 0.0, Y_last_value = 1.0;
  MaybeLinked<LoraStack> lora_stack;
};

void check_lora_plot(const LoraPlot& in) {
  if (!in.strengths)
    throw Error(Fault::kUnsupported, "the LoRAs of a folder by its path are not there")
        .at_input("input_mode")
        .fix("Choose X: Model Strength, Y: Clip Strength, or use XY Input: LoRA");
}

Results<XyAxis, XyAxis> lora_plot(const LoraPlot& in) {
  if (in.lora_name == "None") return {XyAxis(), XyAxis()};
  std::vector<XyValue> x = numbers(in.X_batch_count, in.X_first_value, in.X_last_value),
                       y = numbers(in.Y_batch_count, in.Y_first_value, in.Y_last_value);
  for (XyValue& value : x) {
    value = lora(in.lora_name, value.number, 0.0, in.lora_stack.get());
    value.first_clip.reset();
  }
  for (XyValue& value : y) {
    value = lora(in.lora_name, 0.0, value.number, in.lora_stack.get());
    value.first_model.reset();
  }
  return {XyAxis{"LoRA MStr", std::move(x)}, XyAxis{"LoRA CStr", std::move(y)}};
}

constexpr size_t kStacks = 5;

struct LoraStacks {
  std::string node_state;
};

Results<XyAxis> lora_stacks(const LoraStacks&, Call& call) {
  std::vector<XyValue> values;
  for (size_t i = 1; i <= kStacks; ++i) {
    const Value* stack = call.linked("lora_stack_" + std::to_string(i));
    if (!stack || stack->empty() || stack->as<LoraStack>().entries.empty()) continue;
    XyValue value;
    value.loras = stack->as<LoraStack>();
    value.first_model = value.loras.entries.front().model_strength;
    value.first_clip = value.loras.entries.front().clip_strength;
    values.push_back(std::move(value));
  }
  return axis("LoRA Stacks", std::move(values));
}

// --- Declarations ---

template <class P>
void add_axis(Table& table, const char* name, const char* description, Inputs<P> inputs, Run<P> run,
              Check<P> check = {}, std::vector<OutputLabel> outputs = {{.name = "X or Y"}}) {
  table.add(NodeOf<P>{.name = std::string("XY Input: ") + name,
                      .category = "Efficiency Nodes/XY Inputs",
                      .description = description,
                      .origin = kOrigin,
                      .inputs = std::move(inputs),
                      .outputs = std::move(outputs),
                      .run = std::move(run),
                      .check = std::move(check)});
}

Input<Count> count_input() { return Int("batch_count", &Count::batch_count).range(int64_t{0}, int64_t{kMost}); }

// Numbered choices: names of a folder behind what stands for none, or of a list.
template <class P, size_t N>
Input<P> numbered(const std::string& name, std::array<std::string, N> P::*member, size_t i,
                  std::vector<std::string> choices, const char* folder = "") {
  Input<P> in(name + "_" + std::to_string(i + 1), "COMBO", In::Member::kText, &(blank<P>().*member)[i]);
  in.spec().choices = std::move(choices);
  in.spec().choices_from = folder;
  return std::move(in).optional();
}

std::vector<std::string> or_none(std::vector<std::string> choices) {
  choices.insert(choices.begin(), "None");
  return choices;
}

// Where the files come from; `mode` comes first.
template <class P>
Inputs<P> files_inputs(Inputs<P> mode, const char* count) {
  return std::move(mode).and_then({Text("batch_path", &Files::batch_path),
                                   Bool("subdirectories", &Files::subdirectories),
                                   Choice("batch_sort", &Files::batch_sort, {"ascending", "descending"}),
                                   Int("batch_max", &Files::batch_max).range(int64_t{-1}, int64_t{kMost}).step(1),
                                   Int(count, &Files::count).range(int64_t{0}, int64_t{kMost}).step(1)});
}

void add_numbers(Table& table) {
  add_axis<Count>(table, "Seeds++ Batch", "Seeds that follow each other, from the sampler's own on.", {count_input()},
                  seeds);
  add_axis<NoiseKind>(
      table, "Add/Return Noise", "With and without noise in the beginning, or in the end.",
      {Choice("XY_type", &NoiseKind::add, {{"add_noise", true}, {"return_with_leftover_noise", false}})},
      [](const NoiseKind& in) {
        return axis(in.add ? "AddNoise" : "ReturnNoise", {named("enable"), named("disable")});
      });
  const auto step = [](const char* name, int64_t Steps::*member, int64_t least = 0) {
    return Int(name, member).range(least, int64_t{10000});
  };
  add_axis<Steps>(
      table, "Steps", "Numbers of steps, or steps at which something begins or ends.",
      {Choice("target_parameter", &Steps::target_parameter,
              {{"steps", Steps::Of::kSteps},
               {"start_at_step", Steps::Of::kStart},
               {"end_at_step", Steps::Of::kEnd},
               {"refine_at_step", Steps::Of::kRefine}}),
       count_input(), step("first_step", &Steps::first_step, 1), step("last_step", &Steps::last_step, 1),
       step("first_start_step", &Steps::first_start_step), step("last_start_step", &Steps::last_start_step),
       step("first_end_step", &Steps::first_end_step), step("last_end_step", &Steps::last_end_step),
       step("first_refine_step", &Steps::first_refine_step), step("last_refine_step", &Steps::last_refine_step)},
      steps);
  add_axis<Cfg>(table, "CFG Scale", "Values of cfg.",
                {count_input(), Float("first_cfg", &Cfg::first).range(0.0, 100.0),
                 Float("last_cfg", &Cfg::last).range(0.0, 100.0)},
                [](const Cfg& in) { return axis("CFG Scale", numbers(in.batch_count, in.first, in.last)); });
  add_axis<Denoise>(table, "Denoise", "Values of denoise.",
                    {count_input(), Float("first_denoise", &Denoise::first).range(0.0, 1.0).step(0.01),
                     Float("last_denoise", &Denoise::last).range(0.0, 1.0).step(0.01)},
                    [](const Denoise& in) { return axis("Denoise", numbers(in.batch_count, in.first, in.last)); });
  add_axis<OnOff>(table, "Refiner On/Off", "With the refiner from a share of the steps on, and without it.",
                  {Float("refine_at_percent", &OnOff::refine_at_percent).range(0.0, 1.0).step(0.01)},
                  [](const OnOff& in) {
                    XyValue on, off;
                    on.number = in.refine_at_percent;
                    off.number = 1;
                    return axis("Refiner On/Off", {on, off});
                  });
  const auto skip = [](const char* name, int64_t ClipSkip::*member) {
    return Int(name, member).range(-24, -1).step(1);
  };
  add_axis<ClipSkip>(
      table, "Clip Skip", "Layers of the text encoder to stop at.",
      {Choice("target_ckpt", &ClipSkip::base, {{"Base", true}, {"Refiner", false}}), count_input(),
       skip("first_clip_skip", &ClipSkip::first), skip("last_clip_skip", &ClipSkip::last)},
      [](const ClipSkip& in) { return axis("Clip Skip", wholes(in.batch_count, in.first, in.last)); },
      [](const ClipSkip& in) {
        if (!in.base)
          throw Error(Fault::kUnsupported, "axes of SDXL's refiner are not there")
              .at_input("target_ckpt")
              .fix("Choose Base");
      });
}

void add_names(Table& table) {
  Inputs<Samplers> samplers_inputs{
      Choice("target_parameter", &Samplers::target_parameter,
             {{"sampler", Samplers::Of::kSampler},
              {"scheduler", Samplers::Of::kScheduler},
              {"sampler & scheduler", Samplers::Of::kBoth}}),
      Int("input_count", &Samplers::input_count).range(int64_t{0}, int64_t{kMost}).step(1)};
  for (size_t i = 0; i < kMost; ++i) {
    samplers_inputs.push_back(numbered("sampler", &Samplers::samplers, i, or_none(sampler_choices())));
    samplers_inputs.push_back(numbered("scheduler", &Samplers::schedulers, i, or_none(scheduler_choices())));
  }
  add_axis<Samplers>(table, "Sampler/Scheduler", "Samplers, schedulers, or pairs of them.", std::move(samplers_inputs),
                     samplers);
  Inputs<Files> vae_inputs = files_inputs<Files>(
      {Choice("input_mode", &Files::from_folder, {{"VAE Names", false}, {"VAE Batch", true}})}, "vae_count");
  for (size_t i = 0; i < kMost; ++i)
    vae_inputs.push_back(numbered("vae_name", &Files::names, i, {"None", "Baked VAE"}, "vae"));
  add_axis<Files>(table, "VAE", "VAEs.", std::move(vae_inputs), vaes, check_files);
  Inputs<PromptParts> prompt_inputs{
      Choice("target_prompt", &PromptParts::positive, {{"positive", true}, {"negative", false}}),
      Text("search_txt", &PromptParts::search_txt),
      Int("replace_count", &PromptParts::replace_count).range(int64_t{0}, int64_t{kMost - 1})};
  for (size_t i = 0; i + 1 < kMost; ++i) {
    Input<PromptParts> text("replace_" + std::to_string(i + 1), "STRING", In::Member::kText,
                            &blank<PromptParts>().replacements[i]);
    prompt_inputs.push_back(std::move(text).optional());
  }
  add_axis<PromptParts>(table, "Prompt S/R", "A prompt as it is, and with other words in place of some of it.",
                        std::move(prompt_inputs), prompts);
}

void add_models(Table& table) {
  using Mode = Checkpoints::Mode;
  Inputs<Checkpoints> inputs =
      files_inputs<Checkpoints>({Choice("target_ckpt", &Checkpoints::base, {{"Base", true}, {"Refiner", false}}),
                                 Choice("input_mode", &Checkpoints::mode,
                                        {{"Ckpt Names", Mode::kNames},
                                         {"Ckpt Names+ClipSkip", Mode::kSkips},
                                         {"Ckpt Names+ClipSkip+VAE", Mode::kVaes},
                                         {"Checkpoint Batch", Mode::kFolder}})},
                                "ckpt_count");
  for (size_t i = 0; i < kMost; ++i) {
    inputs.push_back(numbered("ckpt_name", &Files::names, i, {"None"}, "checkpoints"));
    Input<Checkpoints> skip("clip_skip_" + std::to_string(i + 1), "INT", In::Member::kInteger,
                            &blank<Checkpoints>().skips[i]);
    inputs.push_back(std::move(skip).range(-24, -1).step(1).optional());
    inputs.push_back(numbered("vae_name", &Checkpoints::vaes, i, {"Baked VAE"}, "vae"));
  }
  add_axis<Checkpoints>(table, "Checkpoint", "Checkpoints, with or without clip skips and VAEs of their own.",
                        std::move(inputs), checkpoints, check_checkpoints);
  const auto strength = [](const std::string& name, double Loras::*member) {
    return Float(name, member).range(-10.0, 10.0).step(0.01);
  };
  Inputs<Loras> lora_inputs = files_inputs<Loras>({Choice("input_mode", &Loras::mode,
                                                          {{"LoRA Names", Loras::Mode::kNames},
                                                           {"LoRA Names+Weights", Loras::Mode::kWeights},
                                                           {"LoRA Batch", Loras::Mode::kFolder}})},
                                                  "lora_count")
                                  .and_then({strength("model_strength", &Loras::model_strength),
                                             strength("clip_strength", &Loras::clip_strength)});
  for (size_t i = 0; i < kMost; ++i) {
    const std::string number = std::to_string(i + 1);
    lora_inputs.push_back(numbered("lora_name", &Files::names, i, {"None"}, "loras"));
    for (const auto& [name, member] : {std::pair{"model_str_", &Loras::models}, {"clip_str_", &Loras::clips}})
      lora_inputs.push_back(Float(name + number, member, i).range(-10.0, 10.0).step(0.01).optional());
  }
  lora_inputs.push_back(Link("lora_stack", &Loras::lora_stack));
  add_axis<Loras>(table, "LoRA", "LoRAs, each before those of a stack.", std::move(lora_inputs), loras, check_loras);
  const auto value = [](const char* name, double LoraPlot::*member) {
    return Float(name, member).range(-10.0, 10.0).step(0.01);
  };
  add_axis<LoraPlot>(
      table, "LoRA Plot", "Strengths of a LoRA for the model and for the text encoder, as the two axes.",
      {Choice("input_mode", &LoraPlot::strengths,
              {{"X: LoRA Batch, Y: LoRA Weight", false},
               {"X: LoRA Batch, Y: Model Strength", false},
               {"X: LoRA Batch, Y: Clip Strength", false},
               {"X: Model Strength, Y: Clip Strength", true}}),
       FileOr("None", "lora_name", &LoraPlot::lora_name, "loras"), value("model_strength", &LoraPlot::model_strength),
       value("clip_strength", &LoraPlot::clip_strength),
       Int("X_batch_count", &LoraPlot::X_batch_count).range(int64_t{0}, int64_t{kMost}),
       Text("X_batch_path", &LoraPlot::X_batch_path), Bool("X_subdirectories", &LoraPlot::X_subdirectories),
       Choice("X_batch_sort", &LoraPlot::X_batch_sort, {"ascending", "descending"}),
       value("X_first_value", &LoraPlot::X_first_value), value("X_last_value", &LoraPlot::X_last_value),
       Int("Y_batch_count", &LoraPlot::Y_batch_count).range(int64_t{0}, int64_t{kMost}),
       value("Y_first_value", &LoraPlot::Y_first_value), value("Y_last_value", &LoraPlot::Y_last_value),
       Link("lora_stack", &LoraPlot::lora_stack)},
      lora_plot, check_lora_plot, {{.name = "X"}, {.name = "Y"}});
  Inputs<LoraStacks> stacks{Choice("node_state", &LoraStacks::node_state, {"Enabled"})};
  for (size_t i = 1; i <= kStacks; ++i) {
    Input<LoraStacks> stack("lora_stack_" + std::to_string(i), LinkType<LoraStack>::kName, In::Member::kNone,
                            &blank<LoraStacks>());
    stack.set_known_when_checked(false);
    stacks.push_back(std::move(stack).optional());
  }
  add_axis<LoraStacks>(table, "LoRA Stacks", "Stacks of LoRAs.", std::move(stacks), lora_stacks);
}

}  // namespace

void register_script_nodes(Table& table) {
  using Type = HiresFix::Type;
  table.add(NodeOf<MakeHiresFix>{
      .name = "HighRes-Fix Script",
      .category = kScripts,
      .description = "Lets a sampler enlarge what it has made, and draw it again at that size.",
      .origin = kOrigin,
      .inputs = {Choice("upscale_type", &HiresFix::type,
                        {{"latent", Type::kLatent}, {"pixel", Type::kPixel}, {"both", Type::kBoth}}),
                 FileOr("(use same)", "hires_ckpt_name", &HiresFix::checkpoint, "checkpoints"),
                 Choice("latent_upscaler", &HiresFix::latent_upscaler,
                        {"nearest-exact", "bilinear", "area", "bicubic", "bislerp", "ttl_nn.SDXL", "ttl_nn.SD 1.x"}),
                 File("pixel_upscaler", &HiresFix::pixel_upscaler, "upscale_models"),
                 Float("upscale_by", &HiresFix::upscale_by).range(0.01, 8.0).step(0.05),
                 Bool("use_same_seed", &HiresFix::use_same_seed), Seed("seed", &HiresFix::seed),
                 Int("hires_steps", &HiresFix::steps).range(1, 10000),
                 Float("denoise", &HiresFix::denoise).range(0.0, 1.0).step(0.01),
                 Int("iterations", &HiresFix::iterations).range(0, 5).step(1),
                 Bool("use_controlnet", &HiresFix::use_controlnet),
                 File("control_net_name", &HiresFix::control_net, "controlnet"),
                 Float("strength", &HiresFix::strength).range(0.0, 10.0).step(0.01),
                 Text("preprocessor", &HiresFix::preprocessor).tip("A choice of AIO_Preprocessor."),
                 Bool("preprocessor_imgs", &MakeHiresFix::preprocessor_imgs).tip("Has no effect, as in the original."),
                 Link("script", &MakeHiresFix::script)},
      .run = hires_fix,
      .check = check_hires_fix});
  table.add(NodeOf<MakePlot>{
      .name = "XY Plot",
      .category = kScripts,
      .description = "Lets a sampler run for all pairs of two lists of values, and put the pictures on a sheet.",
      .origin = kOrigin,
      .inputs = {Int("grid_spacing", &MakePlot::grid_spacing).range(0, 500).step(5),
                 Choice("XY_flip", &MakePlot::XY_flip, {{"False", false}, {"True", true}}),
                 Choice("Y_label_orientation", &MakePlot::vertical, {{"Horizontal", false}, {"Vertical", true}}),
                 Choice("cache_models", &MakePlot::cache_models, {{"True", true}, {"False", false}})
                     .tip("Has no effect: models are kept while there is memory for them."),
                 Choice("ksampler_output_image", &MakePlot::is_output, {{"Images", false}, {"Plot", true}}),
                 Link("dependencies", &MakePlot::dependencies), Link("X", &MakePlot::X), Link("Y", &MakePlot::Y)},
      .run = plot});
  add_numbers(table);
  add_names(table);
  add_models(table);
}

}  // namespace easel::nodes
