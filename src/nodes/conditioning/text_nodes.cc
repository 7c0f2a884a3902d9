// Nodes that turn text into conditioning.
#include <algorithm>

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "sampling/guidance/conditioning.h"

namespace easel::nodes {
namespace {

constexpr int64_t kMaxResolution = 16384;

In text_input(std::string name) { return Text(std::move(name)).def(std::string()).multiline().dynamic_prompts(); }

// Encodes, telling what the tokenizer had to say, with what goes beside the text.
Value encode(Call& call, const models::PromptTokens& tokens, const std::vector<std::string>& warnings,
             sampling::SizeHint size = {}) {
  for (const auto& warning : warnings) call.warn(warning);
  const auto& clip = call.link<models::ClipHandle>("clip");
  models::EncodedText text = clip.encoder->encode(tokens, clip.stop_at_layer);
  sampling::ConditioningEntry entry;
  entry.cond = std::move(text.cond);
  entry.pooled_output = std::move(text.pooled);
  entry.size = size;
  const size_t bytes = entry.cond.nbytes();
  return Value("CONDITIONING", sampling::Conditioning{std::move(entry)}, bytes);
}

Value encode(Call& call, std::string_view input, sampling::SizeHint size = {}) {
  const auto& clip = call.link<models::ClipHandle>("clip");
  std::vector<std::string> warnings;
  const auto tokens = clip.encoder->tokenize(call.text(input), clip.embeddings.get(), &warnings);
  return encode(call, tokens, warnings, size);
}

Outputs foresee_text(Call& call) {
  ForeseenConditioning known;
  if (const auto* clip = call.peek<models::ClipHandle>("clip")) {
    known.context_dim = clip->encoder->context_dim();
    known.text_file = clip->encoder->file();
  }
  return {foreseen(std::move(known))};
}

float as_float(Call& call, std::string_view input) { return static_cast<float>(call.number(input)); }

Outputs encode_sdxl(Call& call) {
  const auto& clip = call.link<models::ClipHandle>("clip");
  std::vector<std::string> warnings;
  const auto tokens =
      clip.encoder->tokenize_pair(call.text("text_g"), call.text("text_l"), clip.embeddings.get(), &warnings);
  sampling::SizeHint size;
  size.width = as_float(call, "width");
  size.height = as_float(call, "height");
  size.crop_w = as_float(call, "crop_w");
  size.crop_h = as_float(call, "crop_h");
  size.target_width = as_float(call, "target_width");
  size.target_height = as_float(call, "target_height");
  return {encode(call, tokens, warnings, size)};
}

Outputs encode_refiner(Call& call) {
  sampling::SizeHint size;
  size.width = as_float(call, "width");
  size.height = as_float(call, "height");
  size.aesthetic_score = as_float(call, "ascore");
  return {encode(call, "text", size)};
}

Outputs set_last_layer(Call& call) {
  models::ClipHandle clip = call.link<models::ClipHandle>("clip");
  clip.stop_at_layer = static_cast<int>(call.integer("stop_at_clip_layer"));
  return {Value("CLIP", std::move(clip))};
}

In size_input(std::string name, int64_t value) { return Int(std::move(name)).def(value).range(0, kMaxResolution); }

}  // namespace

void register_text_nodes(Table& table) {
  table.add({.name = "CLIPTextEncode",
             .display = "CLIP Text Encode (Prompt)",
             .category = "conditioning",
             .description = "Encodes a prompt with a CLIP text encoder. (word:1.2) weighs words, embedding:name "
                            "inserts a textual inversion.",
             .inputs = {text_input("text").tip("The prompt."), Link("clip", "CLIP").tip("The text encoder.")},
             .outputs = {{"CONDITIONING", "", "The prompt as the model reads it."}},
             .run = [](Call& call) { return Outputs{encode(call, "text")}; },
             .foresee = foresee_text});
  table.add(
      {.name = "CLIPTextEncodeSDXL",
       .display = "CLIPTextEncodeSDXL",
       .category = "advanced/conditioning",
       .description = "Encodes a prompt for SDXL, with its two texts and the sizes it is told.",
       .inputs = {Link("clip", "CLIP"), size_input("width", 1024).tip("The size the picture is said to have had."),
                  size_input("height", 1024), size_input("crop_w", 0), size_input("crop_h", 0),
                  size_input("target_width", 1024), size_input("target_height", 1024),
                  text_input("text_g").tip("For OpenCLIP bigG."), text_input("text_l").tip("For CLIP-L.")},
       .outputs = {{"CONDITIONING"}},
       .run = encode_sdxl,
       .foresee = foresee_text});
  table.add(
      {.name = "CLIPTextEncodeSDXLRefiner",
       .display = "CLIPTextEncodeSDXLRefiner",
       .category = "advanced/conditioning",
       .description = "Encodes a prompt for the SDXL refiner, with an aesthetic score.",
       .inputs = {Float("ascore")
                      .def(6.0)
                      .range(0.0, 1000.0)
                      .step(0.01)
                      .tip("6 is the usual for the positive prompt, 2.5 for the negative one."),
                  size_input("width", 1024), size_input("height", 1024), text_input("text"), Link("clip", "CLIP")},
       .outputs = {{"CONDITIONING"}},
       .run = encode_refiner,
       .foresee = foresee_text});
  table.add(
      {.name = "CLIPSetLastLayer",
       .display = "CLIP Set Last Layer",
       .category = "conditioning",
       .description = "Takes the text from an earlier layer of the encoder (clip skip: -2 leaves the last layer out).",
       .inputs = {Link("clip", "CLIP"), Int("stop_at_clip_layer").def(-1).range(-24, -1).step(1)},
       .outputs = {{"CLIP"}},
       .cheap = true,
       .run = set_last_layer});
}

}  // namespace easel::nodes
