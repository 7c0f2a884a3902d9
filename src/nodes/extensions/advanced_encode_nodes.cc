// Advanced CLIP Text Encode (github.com/BlenderNeko/ComfyUI_ADV_CLIP_emb): other ways to weigh words. Weights spread
// over the lengths of words, and the interpretations that encode masked prompts, are not there.
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"
#include "text/tokenizer.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;

struct Encode {
  std::string text;
  Linked<ClipHandle> clip;
  std::string token_normalization, weight_interpretation, affect_pooled = "disable";
};

void check_encode(const Encode& in) {
  if (in.token_normalization.starts_with("length"))
    throw Error(Fault::kInvalid, "weights spread over the lengths of words are not there")
        .at_input("token_normalization")
        .fix("Choose none or mean");
  if (in.weight_interpretation != "comfy" && in.weight_interpretation != "A1111")
    throw Error(Fault::kInvalid, in.weight_interpretation + " is not there")
        .at_input("weight_interpretation")
        .fix("Choose comfy or A1111");
}

// f(token) of all tokens of words: those between the first of a chunk and the end of its text.
template <class F>
void for_words(std::vector<text::Chunk>& chunks, const F& f) {
  for (text::Chunk& chunk : chunks)
    for (size_t i = 1; i < chunk.size() && chunk[i].id != text::Tokenizer::kEndToken; ++i) f(chunk[i]);
}

// Brings the mean weight of words to 1.
void shift_to_mean(std::vector<text::Chunk>& chunks) {
  double sum = 0;
  int64_t count = 0;
  for_words(chunks, [&](const text::Token& token) {
    sum += static_cast<double>(token.weight);
    ++count;
  });
  if (count == 0) return;
  const double shift = 1.0 - sum / static_cast<double>(count);
  for_words(chunks,
            [&](text::Token& token) { token.weight = static_cast<float>(static_cast<double>(token.weight) + shift); });
}

// The text encoded without weights, each row times its weight, and all brought back to the mean that they had.
models::EncodedText encode_from_zero(const ClipHandle& clip, models::PromptTokens tokens) {
  std::vector<text::Chunk>& chunks = !tokens.l.empty() ? tokens.l : !tokens.h.empty() ? tokens.h : tokens.g;
  if (!tokens.l.empty() && !tokens.g.empty())
    throw Error(Fault::kMismatch,
                "A1111's weights are there for one text encoder, and " + clip.encoder->file() + " has two")
        .at_input("weight_interpretation")
        .fix("Choose comfy for SDXL");
  std::vector<float> weights;
  for (text::Chunk& chunk : chunks)
    for (text::Token& token : chunk) {
      weights.push_back(token.weight);
      token.weight = 1.0f;
    }
  models::EncodedText out = clip.encoder->encode(tokens, clip.stop_at_layer);
  const auto mean = [](const Tensor& t) { return ops::item(ops::reduce(t, ops::Reduction::kMean, 0, -1)); };
  const float before = mean(out.cond);
  out.cond = ops::mul(out.cond, Tensor::of(Shape{1, static_cast<int64_t>(weights.size()), 1}, weights));
  out.cond = ops::affine(out.cond, before / mean(out.cond));
  return out;
}

Results<Conditioning> encode(const Encode& in, Call& call) {
  const ClipHandle& clip = *in.clip;
  models::require_one_encoding(clip);
  std::vector<std::string> warnings;
  models::PromptTokens tokens = clip.encoder->tokenize(in.text, clip.embeddings.get(), &warnings);
  for (const std::string& warning : warnings) call.warn(warning);
  if (in.token_normalization == "mean")
    for (std::vector<text::Chunk>* chunks : {&tokens.l, &tokens.h, &tokens.g}) shift_to_mean(*chunks);
  const bool two = !tokens.l.empty() && !tokens.g.empty();
  const models::EncodedText encoded = in.weight_interpretation == "comfy"
                                          ? clip.encoder->encode(tokens, clip.stop_at_layer)
                                          : encode_from_zero(clip, tokens);
  models::ConditioningEntry entry;
  entry.cond = encoded.cond;
  // As in the original, there is a pooled text for SDXL only.
  if (two || tokens.l.empty()) entry.pooled_output = encoded.pooled;
  return {Conditioning{std::move(entry)}};
}

Foreseen<Conditioning> foresee(const Known<Encode>&, Call& call) {
  return {Handed{Parts(call, Parts::Doing::kForesee)
                     .make("CLIPTextEncode", {{"text", std::string()}}, {{"clip", value_of(call, "clip")}})[0]}};
}

}  // namespace

void register_advanced_encode_nodes(Table& table) {
  table.add(NodeOf<Encode>{
      .name = "BNK_CLIPTextEncodeAdvanced",
      .display = "CLIP Text Encode (Advanced)",
      .category = "conditioning/advanced",
      .description = "Encodes a prompt, its weights brought to a mean of 1 or used as another program does.",
      .origin = "advanced-clip",
      .inputs = {Text("text", &Encode::text).multiline().dynamic_prompts().names_embeddings(),
                 Link("clip", &Encode::clip),
                 Choice("token_normalization", &Encode::token_normalization, {"none", "mean", "length", "length+mean"}),
                 Choice("weight_interpretation", &Encode::weight_interpretation,
                        {"comfy", "A1111", "compel", "comfy++", "down_weight"}),
                 Choice("affect_pooled", &Encode::affect_pooled, {"disable", "enable"})
                     .optional()
                     .tip("Has no effect with the interpretations that are there.")},
      .run = encode,
      .check = check_encode,
      .foresee = foresee});
}

}  // namespace easel::nodes
