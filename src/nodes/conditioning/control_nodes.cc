// Nodes for ControlNets and T2I-Adapters, which guide a picture by edges or other hints.
#include <algorithm>
#include <utility>

#include "models/conditioning.h"
#include "models/control/controlnet.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/model_input.h"
#include "nodes/conditioning/controlled.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ControlLink;
using models::ControlNetHandle;

struct Load {
  std::string control_net_name;
};

Results<ControlNetHandle> load(const Load& in, Call& call) {
  const auto file = open_model(call, "controlnet", in.control_net_name);
  return {models::load_controlnet(*file, call.context().residency, call.context().compute)};
}

struct LoadBesideModel : Load {
  Linked<models::ModelHandle> model;
};

Results<ControlNetHandle> load_beside_model(const LoadBesideModel& in, Call& call) {
  const auto file = open_model(call, "controlnet", in.control_net_name);
  return {models::load_controlnet(*file, call.context().residency, call.context().compute, &*in.model)};
}

std::vector<std::string> hint_kinds() {
  std::vector<std::string> out{"auto"};
  out.insert(out.end(), std::begin(models::kHintKinds), std::end(models::kHintKinds));
  return out;
}

struct SetKind {
  Linked<ControlNetHandle> control_net;
  std::string type;
};

Results<ControlNetHandle> set_kind(const SetKind& in) {
  ControlNetHandle net = *in.control_net;
  const std::vector<std::string> kinds = hint_kinds();
  const int64_t kind = std::find(kinds.begin(), kinds.end(), in.type) - kinds.begin() - 1;
  if (net.hint_kinds > 0) {
    if (kind >= net.hint_kinds)
      throw Error(Fault::kMismatch, net.file + " knows " + std::to_string(net.hint_kinds) + " kinds of hints, and \"" +
                                        in.type + "\" is not among them")
          .at_input("type")
          .fix("Use the ProMax version of the network, or another kind");
    net.hint_kind = kind;
  }
  return {std::move(net)};
}

// The parameters that both ways of applying a network share.
struct Hint {
  Linked<ControlNetHandle> control_net;
  Linked<Image> image;
  double strength = 1.0;
};

ControlLink link_of(const Hint& in) {
  ControlLink link;
  link.net = *in.control_net;
  link.hint = *in.image;
  link.strength = static_cast<float>(in.strength);
  link.weighting = in.control_net->weighting;
  return link;
}

ForeseenConditioning foreseen_control(const Known<Hint>& in, const ForeseenConditioning* conditioning) {
  ForeseenConditioning known = known_or_empty(conditioning);
  const ControlNetHandle* net = in(&Hint::control_net);
  if (net && in(&Hint::strength) != 0.0) known.controls.push_back(*net);
  return known;
}

struct Apply : Hint {
  Linked<Conditioning> conditioning;
};

Results<Conditioning> apply(const Apply& in) {
  Conditioning list = *in.conditioning;
  ControlLink link = link_of(in);
  if (link.strength == 0.0f) return {in.conditioning};
  for (auto& entry : list) {
    link.previous = entry.control;
    entry.control = std::make_shared<const ControlLink>(link);
    entry.control_apply_to_uncond = true;
  }
  return {std::move(list)};
}

struct ApplyAdvanced : Hint {
  Linked<Conditioning> positive, negative;
  double start_percent = 0.0, end_percent = 1.0;
  MaybeLinked<models::VaeHandle> vae;
};

Results<Conditioning, Conditioning> apply_advanced(const ApplyAdvanced& in) {
  ControlLink link = link_of(in);
  if (link.strength == 0.0f) return {in.positive, in.negative};
  link.start_percent = in.start_percent;
  link.end_percent = in.end_percent;
  auto [positive, negative] = controlled(*in.positive, *in.negative, std::move(link), /*to_uncond=*/false);
  return {std::move(positive), std::move(negative)};
}

Input<Hint> net_input() { return Link("control_net", &Hint::control_net); }
Input<Hint> strength_input() {
  return Float("strength", &Hint::strength)
      .range(0.0, 10.0)
      .step(0.01)
      .useful(0, 2, 0.05)
      .tip("How strictly the hint is followed.");
}

}  // namespace

void register_control_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "ControlNetLoader",
                         .display = "Load ControlNet Model",
                         .category = "loaders",
                         .description = "Loads a ControlNet or a T2I-Adapter, in the original or the diffusers layout.",
                         .inputs = {File("control_net_name", &Load::control_net_name, "controlnet")},
                         .runs_when_checked = true,
                         .run = load});
  table.add(
      NodeOf<LoadBesideModel>{.name = "DiffControlNetLoader",
                              .display = "Load ControlNet Model (diff)",
                              .category = "loaders",
                              .description = "Loads a ControlNet that may be stored as the difference from a model.",
                              .inputs = {Link("model", &LoadBesideModel::model),
                                         File("control_net_name", &Load::control_net_name, "controlnet")},
                              .runs_when_checked = true,
                              .run = load_beside_model});
  table.add(NodeOf<SetKind>{
      .name = "SetUnionControlNetType",
      .category = "conditioning/controlnet",
      .description = "Tells a ControlNet for several kinds of hints which kind it gets. Other networks ignore it.",
      .inputs = {Link("control_net", &SetKind::control_net),
                 Choice("type", &SetKind::type, hint_kinds()).tip("auto: the network is not told.")},
      .runs_when_checked = true,
      .run = set_kind});
  table.add(NodeOf<Apply>{
      .name = "ControlNetApply",
      .display = "Apply ControlNet (OLD)",
      .category = "conditioning/controlnet",
      .description = "Holds the picture to a hint, such as edges. Acts on the positive and the negative side.",
      .inputs = {Link("conditioning", &Apply::conditioning), net_input(),
                 Link("image", &Hint::image).tip("The hint: edges for a Canny ControlNet."), strength_input()},
      .deprecated = true,
      .run = apply,
      .foresee = [](const Known<Apply>& in) -> Foreseen<Conditioning> {
        return {foreseen_control(in, in(&Apply::conditioning))};
      }});
  table.add(NodeOf<ApplyAdvanced>{
      .name = "ControlNetApplyAdvanced",
      .display = "Apply ControlNet",
      .category = "conditioning/controlnet",
      .description = "Holds the picture to a hint during part of the denoising.",
      .inputs = {Link("positive", &ApplyAdvanced::positive), Link("negative", &ApplyAdvanced::negative), net_input(),
                 Link("image", &Hint::image), strength_input(),
                 Float("start_percent", &ApplyAdvanced::start_percent).range(0.0, 1.0).step(0.001),
                 Float("end_percent", &ApplyAdvanced::end_percent).range(0.0, 1.0).step(0.001),
                 Link("vae", &ApplyAdvanced::vae)},
      .outputs = {{"positive"}, {"negative"}},
      .run = apply_advanced,
      .foresee = [](const Known<ApplyAdvanced>& in) -> Foreseen<Conditioning, Conditioning> {
        return {foreseen_control(in, in(&ApplyAdvanced::positive)), foreseen_control(in, in(&ApplyAdvanced::negative))};
      }});
}

}  // namespace easel::nodes
