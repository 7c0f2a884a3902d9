// Nodes that patch models with LoRA files.
#include "models/patch/lora.h"
#include "node_api/table.h"
#include "nodes/common/model_input.h"

namespace easel::nodes {
namespace {

models::LoraResult patched(Call& call, const models::ClipHandle& clip, double strength_clip) {
  const auto& model = call.link<models::ModelHandle>("model");
  const auto strength_model = static_cast<float>(call.number("strength_model"));
  if (strength_model == 0.0f && strength_clip == 0.0) return {model, clip, {}};
  const auto lora = models::Lora::read(*open_model(call, "loras", call.text("lora_name")));
  auto result = models::apply_lora(lora, model, clip, strength_model, static_cast<float>(strength_clip),
                                   call.context().residency);
  // A node for the model alone has no say in what the file has for the text encoder.
  if (clip.encoder && !result.unused.empty())
    call.warn(lora->file() + ": " + std::to_string(result.unused.size()) +
              " parts fit neither the model nor its text encoder, the first is '" + result.unused.front() + "'");
  return result;
}

Outputs load(Call& call) {
  auto result = patched(call, call.link<models::ClipHandle>("clip"), call.number("strength_clip"));
  return {Value("MODEL", std::move(result.model)), Value("CLIP", std::move(result.clip))};
}

Outputs load_for_model(Call& call) { return {Value("MODEL", patched(call, {}, 0.0).model)}; }

In strength_input(std::string name, std::string tip) {
  return Float(std::move(name)).def(1.0).range(-100.0, 100.0).step(0.01).tip(std::move(tip));
}

}  // namespace

void register_lora_nodes(Table& table) {
  table.add(
      {.name = "LoraLoader",
       .display = "Load LoRA",
       .category = "loaders",
       .description = "Applies a LoRA to a model and its text encoder. Several can follow one another.",
       .inputs = {Link("model", "MODEL").tip("The model to change."),
                  Link("clip", "CLIP").tip("The text encoder to change."), File("lora_name", "loras").tip("The LoRA."),
                  strength_input("strength_model", "How strongly the model is changed; may be negative."),
                  strength_input("strength_clip", "How strongly the text encoder is changed; may be negative.")},
       .outputs = {{"MODEL", "", "The changed model."}, {"CLIP", "", "The changed text encoder."}},
       .cheap = true,
       .run = load});
  table.add({.name = "LoraLoaderModelOnly",
             .display = "LoraLoaderModelOnly",
             .category = "loaders",
             .description = "Applies a LoRA to a model only.",
             .inputs = {Link("model", "MODEL"), File("lora_name", "loras"),
                        strength_input("strength_model", "How strongly the model is changed; may be negative.")},
             .outputs = {{"MODEL"}},
             .cheap = true,
             .run = load_for_model});
}

}  // namespace easel::nodes
