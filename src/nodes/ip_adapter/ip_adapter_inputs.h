// What the current IP-Adapter nodes have in common: parameters, inputs, and the way from pictures to a patched model.
#pragma once

#include <string>
#include <utility>

#include "models/vision/clip_vision.h"
#include "node_api/table.h"
#include "nodes/ip_adapter/ip_adapter_apply.h"

namespace easel::nodes::ip {

using models::ClipVisionHandle;
using models::IpCombine;
using models::ModelHandle;

// The parameters that all ways of applying an adapter share.
struct Application {
  Linked<ModelHandle> model;
  Linked<IpPipeline> ipadapter;
  NumberOrList weight{1.0};
  double start_at = 0.0, end_at = 1.0;
  std::string weight_type, embeds_scaling = {};
  MaybeLinked<Mask> attn_mask;
  MaybeLinked<ClipVisionHandle> clip_vision;
};

struct Pictures : Application {
  Linked<Image> image;
  MaybeLinked<Image> image_negative;
  // Nodes that let the user choose how pictures are combined do not warn that they are blended.
  IpCombine combine_embeds = IpCombine::kConcat;
};

// How an adapter is applied with these parameters. The weight is one number, or one for each picture of a batch.
// Without `unfold`, only the first is used.
IpApplication application(const Application& in, std::string weight_type, bool unfold);

// How pictures are encoded: as a whole, or also in tiles (ip_encode_with_tiles()).
struct Tiles {
  int64_t along_a_side = 1;  // 1: as a whole only
  double ratio = 1.0;
};

// The common part of the nodes that take pictures: checks, encodes, and applies the adapter. `negative` and
// `composition` may be undefined.
Results<ModelHandle> apply(const Application& in, Call& call, const Tensor& picture, const Tensor& negative,
                           const IpApplication& how, IpCombine combine, const Tensor& composition = {},
                           const Tiles& tiles = {});

// Whether adapter, encoder and model fit each other, as far as they are known; and what a person may not expect of the
// pictures.
Foreseen<ModelHandle> foresee_fit(const Known<Application>& in, const Call& call);
Foreseen<ModelHandle> foresee_pictures(const Known<Pictures>& in, Call& call, bool unfold);
Foreseen<ModelHandle> foresee_together(const Known<Pictures>& in, Call& call);

// --- Inputs ---

inline Input<Application> model_input() { return Link("model", &Application::model); }
inline Input<Application> adapter_input() { return Link("ipadapter", &Application::ipadapter); }
inline constexpr const char* kWeightTip =
    "How strong the effect of the picture is: 0.5 to 0.8 leaves room for the prompt.";
inline Input<Application> weight_input(double max) {
  return Float("weight", &Application::weight).range(-1.0, max).step(0.05).useful(0, 1.5, 0.05).tip(kWeightTip);
}
inline Input<Application> start_input() {
  return Float("start_at", &Application::start_at)
      .range(0.0, 1.0)
      .step(0.001)
      .tip("When the picture starts to have an effect; 0 is the start of the denoising.");
}
inline Input<Application> end_input() {
  return Float("end_at", &Application::end_at).range(0.0, 1.0).step(0.001).tip("When it stops; 1 is the end.");
}
inline Input<Application> weight_type_input() {
  const auto names = models::ip_weight_types();
  return Choice("weight_type", &Application::weight_type, {names.begin(), names.end()})
      .tip("How the weight is spread over the model's layers: all, only style, only composition.");
}
inline Input<Application> scaling_input() {
  return Choice("embeds_scaling", &Application::embeds_scaling,
                {"V only", "K+V", "K+V w/ C penalty", "K+mean(V) w/ C penalty"})
      .added_later()
      .tip("What the weight multiplies.");
}
template <class P>
Input<P> combine_input(IpCombine P::*member) {
  return Choice("combine_embeds", member,
                {{"concat", IpCombine::kConcat},
                 {"add", IpCombine::kAdd},
                 {"subtract", IpCombine::kSubtract},
                 {"average", IpCombine::kAverage},
                 {"norm average", IpCombine::kNormAverage}});
}
inline Input<Pictures> combine_input() {
  return combine_input(&Pictures::combine_embeds).tip("How several reference pictures are combined.");
}
template <class P>
Input<P> negative_input() {
  return Link("image_negative", &P::image_negative).tip("A picture that the result should not resemble.");
}
inline Input<Application> mask_input() {
  return Link("attn_mask", &Application::attn_mask).tip("Where the pictures have an effect.");
}
template <class P>
Input<P> vision_input() {
  return Link("clip_vision", &P::clip_vision)
      .tip("Needed with IPAdapterModelLoader; the unified loader brings its own.");
}
inline Input<Pictures> image_input() { return Link("image", &Pictures::image); }

}  // namespace easel::nodes::ip
