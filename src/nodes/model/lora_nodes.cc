// Nodes that patch models with LoRA files.
#include "models/patch/lora.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/model_input.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::ModelHandle;

struct LoadForModel {
  Linked<ModelHandle> model;
  std::string lora_name;
  double strength_model = 1.0;
};

struct Load : LoadForModel {
  Linked<ClipHandle> clip;
  double strength_clip = 1.0;
};

models::LoraResult patched(const LoadForModel& in, Call& call, const ClipHandle& clip, double strength_clip) {
  const auto strength_model = static_cast<float>(in.strength_model);
  if (strength_model == 0.0f && strength_clip == 0.0) return {*in.model, clip, {}};
  const auto lora = models::Lora::read(*open_model(call, "loras", in.lora_name));
  auto result = models::apply_lora(lora, *in.model, clip, strength_model, static_cast<float>(strength_clip),
                                   call.context().residency);
  // A node that changes the model only does not warn about keys for the text encoder.
  if (clip.encoder && !result.unused.empty())
    call.warn(lora->file() + ": " + std::to_string(result.unused.size()) +
              " parts fit neither the model nor its text encoder, the first is '" + result.unused.front() + "'");
  return result;
}

Results<ModelHandle, ClipHandle> load(const Load& in, Call& call) {
  auto result = patched(in, call, *in.clip, in.strength_clip);
  return {std::move(result.model), std::move(result.clip)};
}

Results<ModelHandle> load_for_model(const LoadForModel& in, Call& call) { return {patched(in, call, {}, 0.0).model}; }

Input<LoadForModel> model_input() { return Link("model", &LoadForModel::model); }
Input<LoadForModel> file_input() { return File("lora_name", &LoadForModel::lora_name, "loras"); }
Input<LoadForModel> strength_input() {
  return Float("strength_model", &LoadForModel::strength_model)
      .range(-100.0, 100.0)
      .step(0.01)
      .tip("How strongly the model is changed; may be negative.");
}

}  // namespace

void register_lora_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "LoraLoader",
                         .display = "Load LoRA",
                         .category = "loaders",
                         .description = "Applies a LoRA to a model and its text encoder. These nodes can be chained.",
                         .inputs = {model_input().tip("The model to change."),
                                    Link("clip", &Load::clip).tip("The text encoder to change."),
                                    file_input().tip("The LoRA."), strength_input(),
                                    Float("strength_clip", &Load::strength_clip)
                                        .range(-100.0, 100.0)
                                        .step(0.01)
                                        .tip("How strongly the text encoder is changed; may be negative.")},
                         .outputs = {{.tip = "The changed model."}, {.tip = "The changed text encoder."}},
                         .runs_when_checked = true,
                         .run = load});
  table.add(NodeOf<LoadForModel>{.name = "LoraLoaderModelOnly",
                                 .display = "LoraLoaderModelOnly",
                                 .category = "loaders",
                                 .description = "Applies a LoRA to a model without its text encoder.",
                                 .inputs = {model_input(), file_input(), strength_input()},
                                 .runs_when_checked = true,
                                 .run = load_for_model});
}

}  // namespace easel::nodes
