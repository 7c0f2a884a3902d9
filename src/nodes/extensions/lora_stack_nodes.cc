// Stacks of LoRAs: Comfyroll's nodes, efficiency's stacker, rgthree's loader of four.

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/extensions/lora_stack.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::ModelHandle;

constexpr const char* kHelp = "https://github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes/wiki/LoRA-Nodes";

bool names_file(const std::string& name) { return name != "None"; }

// --- Comfyroll ---

struct Three {
  bool on_1 = false, on_2 = false, on_3 = false;
  std::string name_1, name_2, name_3;
  double model_1 = 1.0, model_2 = 1.0, model_3 = 1.0, clip_1 = 1.0, clip_2 = 1.0, clip_3 = 1.0;
  MaybeLinked<LoraStack> lora_stack;
};

Results<LoraStack, std::string> stack_of_three(const Three& in) {
  LoraStack out;
  if (in.lora_stack)
    for (const LoraStack::Entry& entry : in.lora_stack->entries)
      if (names_file(entry.file)) out.entries.push_back(entry);
  const auto add = [&](bool on, const std::string& name, double model, double clip) {
    if (on && names_file(name)) out.entries.push_back({name, model, clip});
  };
  add(in.on_1, in.name_1, in.model_1, in.clip_1);
  add(in.on_2, in.name_2, in.model_2, in.clip_2);
  add(in.on_3, in.name_3, in.model_3, in.clip_3);
  return {std::move(out), std::string(kHelp) + "#cr-lora-stack"};
}

struct WithModel {
  Linked<ModelHandle> model;
  Linked<ClipHandle> clip;
};

struct Apply : WithModel {
  Linked<LoraStack> lora_stack;
};

Results<ModelHandle, ClipHandle, std::string> apply(const Apply& in, Call& call) {
  const ModelAndClip out =
      apply_loras(Parts(call, Parts::Doing::kRun), {in.model.value(), in.clip.value()}, *in.lora_stack);
  return {Handed{out.model}, Handed{out.clip}, std::string(kHelp) + "#cr-apply-lora-stack"};
}

struct LoadOne : WithModel {
  bool on = true;
  std::string lora_name;
  double strength_model = 1.0, strength_clip = 1.0;
};

Results<ModelHandle, ClipHandle, std::string> load_one(const LoadOne& in, Call& call) {
  LoraStack stack;
  if (in.on && names_file(in.lora_name)) stack.entries.push_back({in.lora_name, in.strength_model, in.strength_clip});
  const ModelAndClip out = apply_loras(Parts(call, Parts::Doing::kRun), {in.model.value(), in.clip.value()}, stack);
  return {Handed{out.model}, Handed{out.clip}, std::string(kHelp) + "#cr-load-lora"};
}

template <class P>
Input<P> strength(std::string name, double P::*member) {
  return Float(std::move(name), member).range(-10.0, 10.0).step(0.01);
}

template <class P>
Input<P> on_off(const char* name, bool P::*member) {
  return Choice(name, member, {{"Off", false}, {"On", true}});
}

void add_comfyroll(Table& table) {
  table.add(
      NodeOf<Three>{.name = "CR LoRA Stack",
                    .category = "Comfyroll/LoRA",
                    .description = "Adds up to three LoRAs to a stack.",
                    .origin = "comfyroll",
                    .inputs = {on_off("switch_1", &Three::on_1), FileOr("None", "lora_name_1", &Three::name_1, "loras"),
                               strength("model_weight_1", &Three::model_1), strength("clip_weight_1", &Three::clip_1),
                               on_off("switch_2", &Three::on_2), FileOr("None", "lora_name_2", &Three::name_2, "loras"),
                               strength("model_weight_2", &Three::model_2), strength("clip_weight_2", &Three::clip_2),
                               on_off("switch_3", &Three::on_3), FileOr("None", "lora_name_3", &Three::name_3, "loras"),
                               strength("model_weight_3", &Three::model_3), strength("clip_weight_3", &Three::clip_3),
                               Link("lora_stack", &Three::lora_stack)},
                    .outputs = {{"LORA_STACK"}, {"show_help"}},
                    .runs_when_checked = true,
                    .run = stack_of_three});
  table.add(NodeOf<Apply>{.name = "CR Apply LoRA Stack",
                          .category = "Comfyroll/LoRA",
                          .description = "Applies the LoRAs of a stack one after the other.",
                          .origin = "comfyroll",
                          .inputs = {Link("model", &WithModel::model), Link("clip", &WithModel::clip),
                                     Link("lora_stack", &Apply::lora_stack)},
                          .outputs = {{"MODEL"}, {"CLIP"}, {"show_help"}},
                          .runs_when_checked = true,
                          .run = apply});
  table.add(NodeOf<LoadOne>{.name = "CR Load LoRA",
                            .category = "Comfyroll/LoRA",
                            .description = "Applies a LoRA, unless it is switched off.",
                            .origin = "comfyroll",
                            .inputs = {Link("model", &WithModel::model), Link("clip", &WithModel::clip),
                                       Choice("switch", &LoadOne::on, {{"On", true}, {"Off", false}}),
                                       FileOr("None", "lora_name", &LoadOne::lora_name, "loras"),
                                       strength("strength_model", &LoadOne::strength_model),
                                       strength("strength_clip", &LoadOne::strength_clip)},
                            .outputs = {{"MODEL"}, {"CLIP"}, {"show_help"}},
                            .runs_when_checked = true,
                            .run = load_one});
}

// --- rgthree ---

struct Four : WithModel {
  std::string lora_01, lora_02, lora_03, lora_04;
  double strength_01 = 1.0, strength_02 = 1.0, strength_03 = 1.0, strength_04 = 1.0;
};

Results<ModelHandle, ClipHandle> load_four(const Four& in, Call& call) {
  LoraStack stack;
  const auto add = [&](const std::string& name, double strength) {
    if (names_file(name) && strength != 0) stack.entries.push_back({name, strength, strength});
  };
  add(in.lora_01, in.strength_01);
  add(in.lora_02, in.strength_02);
  add(in.lora_03, in.strength_03);
  add(in.lora_04, in.strength_04);
  const ModelAndClip out = apply_loras(Parts(call, Parts::Doing::kRun), {in.model.value(), in.clip.value()}, stack);
  return {Handed{out.model}, Handed{out.clip}};
}

void add_rgthree(Table& table) {
  table.add(NodeOf<Four>{
      .name = "Lora Loader Stack (rgthree)",
      .category = "rgthree",
      .description = "Applies up to four LoRAs one after the other.",
      .origin = "rgthree",
      .inputs = {Link("model", &WithModel::model), Link("clip", &WithModel::clip),
                 FileOr("None", "lora_01", &Four::lora_01, "loras"), strength("strength_01", &Four::strength_01),
                 FileOr("None", "lora_02", &Four::lora_02, "loras"), strength("strength_02", &Four::strength_02),
                 FileOr("None", "lora_03", &Four::lora_03, "loras"), strength("strength_03", &Four::strength_03),
                 FileOr("None", "lora_04", &Four::lora_04, "loras"), strength("strength_04", &Four::strength_04)},
      .runs_when_checked = true,
      .run = load_four});
}

}  // namespace

void register_lora_stack_nodes(Table& table) {
  add_comfyroll(table);
  add_rgthree(table);
}

}  // namespace easel::nodes
