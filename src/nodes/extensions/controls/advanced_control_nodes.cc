// Advanced-ControlNet (github.com/Kosinkadink/ComfyUI-Advanced-ControlNet): control networks whose strength has
// weights, masks and a schedule.
#include <type_traits>
#include <utility>

#include "image/edit/pictures.h"
#include "models/control/controlnet.h"
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/model_input.h"
#include "nodes/conditioning/controlled.h"
#include "nodes/extensions/controls/weighting_links.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ControlKeyframesPtr;
using models::ControlNetHandle;
using models::ControlWeighting;
using models::ModelHandle;

constexpr const char* kOrigin = "advanced-controlnet";
constexpr const char* kCategory = "Adv-ControlNet";

// --- Loading ---

struct Load {
  std::string file;
  MaybeLinked<ControlKeyframesPtr> keyframes;
};
struct LoadBesideModel : Load {
  Linked<ModelHandle> model;
};

// The keyframes that a network brings along are those of every link that is made with it.
void bring(ControlNetHandle& net, const Load& in, const char* input) {
  if (!in.keyframes) return;
  ControlWeighting weighting;
  weighting.keyframes = *in.keyframes;
  if (auto misfit = models::weighting_mismatch(weighting, net)) throw misfit->at_input(input);
  net.weighting = std::make_shared<const ControlWeighting>(std::move(weighting));
}

// `model`: for a network that is stored as the difference from one.
Results<ControlNetHandle> load(const Load& in, Call& call, const char* keyframes, const ModelHandle* model) {
  const auto file = open_model(call, "controlnet", in.file);
  ControlNetHandle net = models::load_controlnet(*file, call.context().residency, call.context().compute, model);
  bring(net, in, keyframes);
  return {std::move(net)};
}

// With keyframes, which are known late, the network is known late as well: it has to be the one that a run gives.
template <class P>
Foreseen<ControlNetHandle> foresee_load(const Known<P>& known, Call& call, const char* name, const char* keyframes) {
  const ModelHandle* model = nullptr;
  if constexpr (std::is_same_v<P, LoadBesideModel>) {
    model = known(&LoadBesideModel::model);
    if (!model) return {};
  }
  if (call.awaits(name) || call.awaits(keyframes) || call.linked(keyframes)) return {};
  const std::string file = known(&Load::file);
  const auto opened = open_model(call, "controlnet", file);
  return {models::load_controlnet(*opened, call.context().residency, call.context().compute, model)};
}

// --- Applying ---

struct Weighted {
  Linked<ControlNetHandle> control_net;
  Linked<Image> image;
  double strength = 1.0, start_percent = 0.0, end_percent = 1.0;
  MaybeLinked<Mask> mask_optional;
  MaybeLinked<ControlKeyframesPtr> timestep_kf;
  MaybeLinked<models::LatentKeyframesPtr> latent_kf_override;
  MaybeLinked<models::ControlWeightsPtr> weights_override;
  MaybeLinked<ModelHandle> model_optional;
  MaybeLinked<models::VaeHandle> vae_optional;
};
struct Apply : Weighted {
  Linked<Conditioning> positive, negative;
};
struct ApplyOne : Weighted {
  Linked<Conditioning> conditioning;
};

models::ControlLink link_of(const Weighted& in) {
  models::ControlLink link;
  link.net = *in.control_net;
  link.hint = *in.image;
  link.strength = static_cast<float>(in.strength);
  link.start_percent = in.start_percent;
  link.end_percent = in.end_percent;
  link.weighting = in.control_net->weighting;
  if (in.mask_optional || in.timestep_kf || in.latent_kf_override || in.weights_override) {
    ControlWeighting weighting = link.weighting ? *link.weighting : ControlWeighting();
    if (in.timestep_kf) weighting.keyframes = *in.timestep_kf;
    if (in.latent_kf_override) weighting.latents = *in.latent_kf_override;
    if (in.weights_override) weighting.weights = *in.weights_override;
    weighting.mask = in.mask_optional.value_or_empty();
    if (auto misfit = models::weighting_mismatch(weighting, link.net))
      throw misfit->at_input(in.weights_override ? "weights_override" : "timestep_kf");
    link.weighting = std::make_shared<const ControlWeighting>(std::move(weighting));
  }
  return link;
}

Results<Conditioning, Conditioning, ModelHandle> apply(const Apply& in) {
  if (in.strength == 0) return {in.positive, in.negative, in.model_optional};
  auto [positive, negative] = controlled(*in.positive, *in.negative, link_of(in), /*to_uncond=*/false);
  return {std::move(positive), std::move(negative), in.model_optional};
}

Results<Conditioning, ModelHandle> apply_one(const ApplyOne& in) {
  if (in.strength == 0) return {in.conditioning, in.model_optional};
  return {controlled(*in.conditioning, {}, link_of(in), /*to_uncond=*/true).first, in.model_optional};
}

ForeseenConditioning foreseen_control(const Known<Weighted>& in, const ForeseenConditioning* conditioning) {
  ForeseenConditioning known = known_or_empty(conditioning);
  const ControlNetHandle* net = in(&Weighted::control_net);
  if (net && in(&Weighted::strength) != 0.0) known.controls.push_back(*net);
  return known;
}

template <class P>
Inputs<P> weighted_inputs(Inputs<P> inputs) {
  const auto percent = [](const char* name, double Weighted::*member) {
    return Float(name, member).range(0.0, 1.0).step(0.001);
  };
  return std::move(inputs).and_then(
      {Link("control_net", &Weighted::control_net), Link("image", &Weighted::image),
       Float("strength", &Weighted::strength).range(0.0, 10.0).step(0.01),
       percent("start_percent", &Weighted::start_percent), percent("end_percent", &Weighted::end_percent),
       Link("mask_optional", &Weighted::mask_optional).tip("Where the network acts, and how much."),
       Link("timestep_kf", &Weighted::timestep_kf).tip("How it acts in the course of the sampling."),
       Link("latent_kf_override", &Weighted::latent_kf_override)
           .tip("On which pictures of a batch, in place of what the keyframes say."),
       Link("weights_override", &Weighted::weights_override)
           .tip("On which blocks, in place of what the keyframes say."),
       Link("model_optional", &Weighted::model_optional),
       Link("vae_optional", &Weighted::vae_optional).tip("Not used by the networks that are here.")});
}

void add_apply(Table& table, const char* name, bool deprecated) {
  table.add(NodeOf<Apply>{
      .name = name,
      .display = "Apply Advanced ControlNet",
      .category = kCategory,
      .description = "Applies a ControlNet in parts of the picture, of the sampling or of a batch. Hands a model on.",
      .origin = kOrigin,
      .inputs = weighted_inputs<Apply>({Link("positive", &Apply::positive), Link("negative", &Apply::negative)}),
      .outputs = {{"positive"}, {"negative"}, {"model_opt"}},
      .deprecated = deprecated,
      .run = apply,
      .foresee = [](const Known<Apply>& in) -> Foreseen<Conditioning, Conditioning, ModelHandle> {
        return {foreseen_control(in, in(&Apply::positive)), foreseen_control(in, in(&Apply::negative)),
                in(&Weighted::model_optional)};
      }});
}

void add_apply_one(Table& table, const char* name, bool deprecated) {
  table.add(NodeOf<ApplyOne>{
      .name = name,
      .display = "Apply Advanced ControlNet(1)",
      .category = kCategory,
      .description = "The same for one conditioning; acts on the negative side as well where that has no ControlNet.",
      .origin = kOrigin,
      .inputs = weighted_inputs<ApplyOne>({Link("conditioning", &ApplyOne::conditioning)}),
      .outputs = {{.name = "CONDITIONING"}, {.name = "model_opt"}},
      .deprecated = deprecated,
      .run = apply_one,
      .foresee = [](const Known<ApplyOne>& in) -> Foreseen<Conditioning, ModelHandle> {
        return {foreseen_control(in, in(&ApplyOne::conditioning)), in(&Weighted::model_optional)};
      }});
}

void add_loader(Table& table, const char* name, const char* file, const char* keyframes, bool deprecated) {
  table.add(NodeOf<Load>{
      .name = name,
      .display = "Load Advanced ControlNet Model",
      .category = kCategory,
      .description = "Loads a ControlNet, which may bring keyframes along.",
      .origin = kOrigin,
      .inputs = {File(file, &Load::file, "controlnet"), Link(keyframes, &Load::keyframes)},
      .deprecated = deprecated,
      .run = [keyframes](const Load& in, Call& call) { return load(in, call, keyframes, nullptr); },
      .foresee = [=](const Known<Load>& in, Call& call) { return foresee_load(in, call, file, keyframes); }});
}

void add_loader_beside_model(Table& table, const char* name, const char* file, const char* keyframes, bool deprecated) {
  table.add(NodeOf<LoadBesideModel>{
      .name = name,
      .display = "Load Advanced ControlNet Model (diff)",
      .category = kCategory,
      .description = "Loads a ControlNet as DiffControlNetLoader does. It may bring keyframes along.",
      .origin = kOrigin,
      .inputs = {Link("model", &LoadBesideModel::model), File(file, &Load::file, "controlnet"),
                 Link(keyframes, &Load::keyframes)},
      .deprecated = deprecated,
      .run = [keyframes](const LoadBesideModel& in, Call& call) { return load(in, call, keyframes, &*in.model); },
      .foresee = [=](const Known<LoadBesideModel>& in,
                     Call& call) { return foresee_load(in, call, file, keyframes); }});
}

}  // namespace

void register_advanced_control_nodes(Table& table) {
  add_loader(table, "ControlNetLoaderAdvanced", "control_net_name", "tk_optional", true);
  add_loader(table, "ACN_ControlNetLoaderAdvanced", "cnet", "_tk_opt", false);
  add_loader_beside_model(table, "DiffControlNetLoaderAdvanced", "control_net_name", "tk_optional", true);
  add_loader_beside_model(table, "ACN_DiffControlNetLoaderAdvanced", "cnet", "_tk_opt", false);
  add_apply(table, "ACN_AdvancedControlNetApply", true);
  add_apply(table, "ACN_AdvancedControlNetApply_v2", false);
  add_apply_one(table, "ACN_AdvancedControlNetApplySingle", true);
  add_apply_one(table, "ACN_AdvancedControlNetApplySingle_v2", false);
}

}  // namespace easel::nodes
