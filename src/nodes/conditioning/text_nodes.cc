// Nodes that turn text into conditioning.
#include "models/conditioning.h"
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sizes.h"
#include "text/prompt.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;

// The parameters that all nodes that encode text share.
struct WithClip {
  Linked<ClipHandle> clip;
};

// Encodes a tokenized text, reports the tokenizer's warnings, and adds the sizes that accompany the text.
Results<Conditioning> encode(Call& call, const ClipHandle& clip, const models::PromptTokens& tokens,
                             const std::vector<std::string>& warnings, const models::SizeHint& size) {
  for (const auto& warning : warnings) call.warn(warning);
  const auto encoded = [&](const models::TextEncoder& encoder) {
    models::EncodedText text = encoder.encode(tokens, clip.stop_at_layer);
    models::ConditioningEntry entry;
    entry.cond = std::move(text.cond);
    entry.pooled_output = std::move(text.pooled);
    entry.size = size;
    entry.hooks = clip.hooks;
    return entry;
  };
  if (clip.schedule.empty()) return {Conditioning{encoded(*clip.encoder)}};
  Conditioning list;
  for (const ClipHandle::Part& part : clip.schedule) {
    call.check_cancelled();
    list.push_back(encoded(*clip.encoder->patched(call.context().residency, part.patches)));
    list.back().text_start_percent = part.start_percent;
    list.back().text_end_percent = part.end_percent;
  }
  return {std::move(list)};
}

void warn_of_foreign_syntax(const Call& call, const std::string& text) {
  for (const std::string& warning : text::foreign_syntax(text)) call.warn(warning);
}

Results<Conditioning> encode(Call& call, const ClipHandle& clip, const std::string& text,
                             const models::SizeHint& size = {}) {
  warn_of_foreign_syntax(call, text);
  std::vector<std::string> warnings;
  const auto tokens = clip.encoder->tokenize(text, clip.embeddings.get(), &warnings);
  return encode(call, clip, tokens, warnings, size);
}

Foreseen<Conditioning> foresee_text(const Known<WithClip>& in) {
  ForeseenConditioning known;
  if (const ClipHandle* clip = in(&WithClip::clip)) {
    known.context_dim = clip->encoder->context_dim();
    known.text_file = clip->encoder->file();
  }
  return {std::move(known)};
}

struct Encode : WithClip {
  std::string text;
};

// Throws what encoding the text would throw, for example for brackets nested too deep or for a damaged embedding file.
void check_text(const Known<WithClip>& in, const std::string& text, const char* input) {
  try {
    if (const ClipHandle* clip = in(&WithClip::clip)) clip->encoder->tokenize(text, clip->embeddings.get(), nullptr);
    else text::parse_weights(text);
  } catch (Error& e) {
    throw e.at_input(input);
  }
}

// For nodes that encode a single text.
template <class P>
Foreseen<Conditioning> foresee_one_text(const Known<P>& in, Call& call) {
  check_text(in, in(&P::text), "text");
  warn_of_foreign_syntax(call, in(&P::text));
  return foresee_text(in);
}

struct EncodeSdxl : WithClip {
  int64_t width = 1024, height = 1024, crop_w = 0, crop_h = 0, target_width = 1024, target_height = 1024;
  std::string text_g, text_l;
};

Foreseen<Conditioning> foresee_sdxl(const Known<EncodeSdxl>& in, Call& call) {
  check_text(in, in(&EncodeSdxl::text_g), "text_g");
  check_text(in, in(&EncodeSdxl::text_l), "text_l");
  warn_of_foreign_syntax(call, in(&EncodeSdxl::text_g) + "\n" + in(&EncodeSdxl::text_l));
  return foresee_text(in);
}

Results<Conditioning> encode_sdxl(const EncodeSdxl& in, Call& call) {
  warn_of_foreign_syntax(call, in.text_g + "\n" + in.text_l);
  std::vector<std::string> warnings;
  const auto tokens = in.clip->encoder->tokenize_pair(in.text_g, in.text_l, in.clip->embeddings.get(), &warnings);
  models::SizeHint size;
  size.width = static_cast<float>(in.width);
  size.height = static_cast<float>(in.height);
  size.crop_w = static_cast<float>(in.crop_w);
  size.crop_h = static_cast<float>(in.crop_h);
  size.target_width = static_cast<float>(in.target_width);
  size.target_height = static_cast<float>(in.target_height);
  return encode(call, *in.clip, tokens, warnings, size);
}

struct EncodeRefiner : WithClip {
  double ascore = 6.0;
  int64_t width = 1024, height = 1024;
  std::string text;
};

Results<Conditioning> encode_refiner(const EncodeRefiner& in, Call& call) {
  models::SizeHint size;
  size.width = static_cast<float>(in.width);
  size.height = static_cast<float>(in.height);
  size.aesthetic_score = static_cast<float>(in.ascore);
  return encode(call, *in.clip, in.text, size);
}

struct SetLastLayer : WithClip {
  int64_t stop_at_clip_layer = -1;
};

Results<ClipHandle> set_last_layer(const SetLastLayer& in) {
  ClipHandle clip = *in.clip;
  clip.stop_at_layer = static_cast<int>(in.stop_at_clip_layer);
  return {std::move(clip)};
}

Input<WithClip> clip_input() { return Link("clip", &WithClip::clip); }
template <class P>
Input<P> prompt_input(const char* name, std::string P::*member) {
  return Text(name, member).multiline().dynamic_prompts().names_embeddings();
}
template <class P>
Input<P> size_input(const char* name, int64_t P::*member) {
  return Int(name, member).range(0, kMaxSide);
}

}  // namespace

void register_text_nodes(Table& table) {
  table.add(NodeOf<Encode>{
      .name = "CLIPTextEncode",
      .display = "CLIP Text Encode (Prompt)",
      .category = "conditioning",
      .description = "Encodes a prompt with a CLIP text encoder. (word:1.2) weighs words, embedding:name "
                     "inserts a textual inversion.",
      .inputs = {prompt_input("text", &Encode::text).tip("The prompt."), clip_input().tip("The text encoder.")},
      .outputs = {{.tip = "The prompt as the model reads it."}},
      .run = [](const Encode& in, Call& call) { return encode(call, *in.clip, in.text); },
      .foresee = foresee_one_text<Encode>});
  table.add(NodeOf<EncodeSdxl>{
      .name = "CLIPTextEncodeSDXL",
      .display = "CLIPTextEncodeSDXL",
      .category = "advanced/conditioning",
      .description = "Encodes a prompt for SDXL: a text for each encoder, and the picture sizes that SDXL is told.",
      .inputs = {clip_input(),
                 size_input("width", &EncodeSdxl::width)
                     .useful(128, 1280, 64)
                     .tip("The picture's original size, as the model is told."),
                 size_input("height", &EncodeSdxl::height).useful(128, 1280, 64),
                 size_input("crop_w", &EncodeSdxl::crop_w), size_input("crop_h", &EncodeSdxl::crop_h),
                 size_input("target_width", &EncodeSdxl::target_width),
                 size_input("target_height", &EncodeSdxl::target_height),
                 prompt_input("text_g", &EncodeSdxl::text_g).tip("The text for OpenCLIP bigG."),
                 prompt_input("text_l", &EncodeSdxl::text_l).tip("The text for CLIP-L.")},
      .run = encode_sdxl,
      .foresee = foresee_sdxl});
  table.add(
      NodeOf<EncodeRefiner>{.name = "CLIPTextEncodeSDXLRefiner",
                            .display = "CLIPTextEncodeSDXLRefiner",
                            .category = "advanced/conditioning",
                            .description = "Encodes a prompt for the SDXL refiner, with an aesthetic score.",
                            .inputs = {Float("ascore", &EncodeRefiner::ascore)
                                           .range(0.0, 1000.0)
                                           .step(0.01)
                                           .tip("Usually 6 for the positive prompt and 2.5 for the negative one."),
                                       size_input("width", &EncodeRefiner::width).useful(128, 1280, 64),
                                       size_input("height", &EncodeRefiner::height).useful(128, 1280, 64),
                                       prompt_input("text", &EncodeRefiner::text), clip_input()},
                            .run = encode_refiner,
                            .foresee = foresee_one_text<EncodeRefiner>});
  table.add(NodeOf<SetLastLayer>{
      .name = "CLIPSetLastLayer",
      .display = "CLIP Set Last Layer",
      .category = "conditioning",
      .description =
          "Uses the output of an earlier layer of the text encoder (clip skip: -2 leaves the last layer out).",
      .inputs = {clip_input(), Int("stop_at_clip_layer", &SetLastLayer::stop_at_clip_layer).range(-24, -1).step(1)},
      .runs_when_checked = true,
      .run = set_last_layer});
}

}  // namespace easel::nodes
