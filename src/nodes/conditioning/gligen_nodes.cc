// Nodes for GLIGEN: things in their places.
#include <memory>

#include "models/gligen/gligen.h"
#include "models/text/text_encoder.h"
#include "node_api/files.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/model_input.h"
#include "nodes/common/sizes.h"
#include "text/prompt.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;
using models::GligenHandle;

constexpr int64_t kFactor = 8;  // pixels along a latent pixel, of every model that there is GLIGEN for

struct Load {
  std::string gligen_name;
};

Results<GligenHandle> load(const Load& in, Call& call) {
  const auto file = open_model(call, "gligen", in.gligen_name);
  return {models::load_gligen(call.context().residency, *file->tensors, call.context().compute, file->name())};
}

struct Apply {
  Linked<Conditioning> conditioning_to;
  Linked<ClipHandle> clip;
  Linked<GligenHandle> gligen_textbox_model;
  std::string text;
  int64_t width = 64, height = 64, x = 0, y = 0;
};

Results<Conditioning> apply(const Apply& in, Call& call) {
  const ClipHandle& clip = *in.clip;
  std::vector<std::string> warnings;
  const models::EncodedText text = models::encode_prompt(clip, in.text, &warnings);
  for (const std::string& warning : warnings) call.warn(warning);
  Conditioning list = *in.conditioning_to;
  for (auto& entry : list) {
    // Boxes that are there already go to the model given last, as in ComfyUI.
    models::GligenBoxes boxes{*in.gligen_textbox_model, {}};
    if (entry.gligen) boxes.boxes = entry.gligen->boxes;
    if (static_cast<int64_t>(boxes.boxes.size()) == models::kMostBoxes)
      throw Error(Fault::kInvalid,
                  "GLIGEN takes " + std::to_string(models::kMostBoxes) + " boxes, and there are as many")
          .fix("Leave a box out");
    boxes.boxes.push_back({.text = text.state,
                           .height = in.height / kFactor,
                           .width = in.width / kFactor,
                           .y = in.y / kFactor,
                           .x = in.x / kFactor});
    entry.gligen = std::make_shared<const models::GligenBoxes>(std::move(boxes));
  }
  return {std::move(list)};
}

Foreseen<Conditioning> foresee_apply(const Known<Apply>& in) {
  ForeseenConditioning known = known_or_empty(in(&Apply::conditioning_to));
  const GligenHandle* net = in(&Apply::gligen_textbox_model);
  try {
    const ClipHandle* clip = in(&Apply::clip);
    if (clip) clip->encoder->tokenize(in(&Apply::text), clip->embeddings.get(), nullptr);
    else text::parse_weights(in(&Apply::text));
  } catch (Error& e) {
    throw e.at_input("text");
  }
  if (const ClipHandle* clip = in(&Apply::clip); net && clip && clip->encoder->state_width() != net->text_width)
    throw Error(Fault::kMismatch, "the text encoder of " + base_name(clip->encoder->file()) + " sums a text up in " +
                                      std::to_string(clip->encoder->state_width()) + " numbers, but the GLIGEN model " +
                                      net->file + " takes " + std::to_string(net->text_width))
        .at_input("gligen_textbox_model")
        .fix("Use the CLIP of an SD 1.x checkpoint");
  if (net) known.gligens.push_back(*net);
  return {std::move(known)};
}

Input<Apply> side(const char* name, int64_t Apply::*member, int64_t least) {
  return Int(name, member).range(least, kMaxSide).step(kFactor).useful(least, 1024, 64);
}

}  // namespace

void register_gligen_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "GLIGENLoader",
                         .display = "GLIGENLoader",
                         .category = "loaders",
                         .description = "Loads a GLIGEN model, which puts things into their places.",
                         .inputs = {File("gligen_name", &Load::gligen_name, "gligen")},
                         .runs_when_checked = true,
                         .run = load});
  table.add(NodeOf<Apply>{
      .name = "GLIGENTextBoxApply",
      .display = "GLIGENTextBoxApply",
      .category = "conditioning/gligen",
      .description = "Says what is to be seen in a box of the picture; made for SD 1.x.",
      .inputs = {Link("conditioning_to", &Apply::conditioning_to), Link("clip", &Apply::clip),
                 Link("gligen_textbox_model", &Apply::gligen_textbox_model),
                 Text("text", &Apply::text).multiline().dynamic_prompts().names_embeddings().tip("What is in the box."),
                 side("width", &Apply::width, kFactor), side("height", &Apply::height, kFactor),
                 side("x", &Apply::x, 0), side("y", &Apply::y, 0)},
      .run = apply,
      .foresee = foresee_apply});
}

}  // namespace easel::nodes
