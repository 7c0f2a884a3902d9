// Nodes for PhotoMaker: a person in a prompt.
#include "models/vision/photo_maker.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/model_input.h"
#include "nodes/common/reference_picture.h"

namespace easel::nodes {

template <>
struct LinkType<models::PhotoMakerHandle> : ModelLink<models::PhotoMakerHandle> {
  static constexpr const char* kName = "PHOTOMAKER";
};

namespace {

using models::ClipHandle;
using models::Conditioning;
using models::PhotoMakerHandle;

struct Load {
  std::string photomaker_model_name;
};

Results<PhotoMakerHandle> load(const Load& in, Call& call) {
  const auto file = open_model(call, "photomaker", in.photomaker_model_name);
  return {models::load_photo_maker(call.context().residency, *file->tensors, call.context().compute, file->name())};
}

struct Encode {
  Linked<PhotoMakerHandle> photomaker;
  Linked<Image> image;
  Linked<ClipHandle> clip;
  std::string text = "photograph of photomaker";
};

Results<Conditioning> encode(const Encode& in, Call& call) {
  warn_of_crop(call, *in.image);
  if (in.image->dim(0) > 1) call.warn("PhotoMaker takes one picture; the others of the batch have no effect");
  std::vector<std::string> warnings;
  models::EncodedText text = models::encode_with_person(*in.photomaker, *in.clip, *in.image, in.text, &warnings);
  for (const std::string& warning : warnings) call.warn(warning);
  models::ConditioningEntry entry;
  entry.cond = std::move(text.cond);
  entry.pooled_output = std::move(text.pooled);
  return {Conditioning{std::move(entry)}};
}

Foreseen<Conditioning> foresee_encode(const Known<Encode>& in, Call& call) {
  warn_of_crop(call, in(&Encode::image));
  ForeseenConditioning known;
  const ClipHandle* clip = in(&Encode::clip);
  const PhotoMakerHandle* net = in(&Encode::photomaker);
  if (clip && net)
    if (const auto misfit = models::photo_maker_mismatch(*net, *clip)) throw Error(*misfit).at_input("clip");
  if (clip) {
    known.context_dim = clip->encoder->context_dim();
    known.text_file = clip->encoder->file();
  }
  return {std::move(known)};
}

}  // namespace

void register_photo_maker_nodes(Table& table) {
  table.add(NodeOf<Load>{
      .name = "PhotoMakerLoader",
      .category = "_for_testing/photomaker",
      .description = "Loads PhotoMaker's network, which puts a person from a photograph into a prompt for SDXL.",
      .inputs = {File("photomaker_model_name", &Load::photomaker_model_name, "photomaker")},
      .runs_when_checked = true,
      .run = load});
  table.add(NodeOf<Encode>{
      .name = "PhotoMakerEncode",
      .category = "_for_testing/photomaker",
      .description = "Encodes a prompt in which \"photomaker\" stands behind the word for the person on the picture.",
      .inputs = {Link("photomaker", &Encode::photomaker), Link("image", &Encode::image), Link("clip", &Encode::clip),
                 Text("text", &Encode::text).multiline().dynamic_prompts().names_embeddings()},
      .run = encode,
      .foresee = foresee_encode});
}

}  // namespace easel::nodes
