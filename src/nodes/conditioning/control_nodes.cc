// Nodes that hold a picture to edges or other hints: ControlNets and T2I-Adapters.
#include <algorithm>
#include <map>

#include "models/control/controlnet.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/model_input.h"
#include "sampling/guidance/conditioning.h"

namespace easel::nodes {
namespace {

using sampling::Conditioning;
using sampling::ControlLink;
using sampling::ControlLinkPtr;

Outputs load(Call& call) {
  const auto file = open_model(call, "controlnet", call.text("control_net_name"));
  return {Value("CONTROL_NET", models::load_controlnet(*file, call.context().residency, call.context().compute))};
}

std::vector<std::string> hint_kinds() {
  std::vector<std::string> out{"auto"};
  out.insert(out.end(), std::begin(models::kHintKinds), std::end(models::kHintKinds));
  return out;
}

Outputs set_kind(Call& call) {
  models::ControlNetHandle net = call.link<models::ControlNetHandle>("control_net");
  const std::vector<std::string> kinds = hint_kinds();
  const auto chosen = std::find(kinds.begin(), kinds.end(), call.text("type"));
  const int64_t kind = chosen - kinds.begin() - 1;
  if (net.hint_kinds > 0) {
    if (kind >= net.hint_kinds)
      throw Error(Fault::kMismatch, net.file + " knows " + std::to_string(net.hint_kinds) + " kinds of hints, and \"" +
                                        *chosen + "\" is not among them")
          .at_input("type")
          .fix("Use the ProMax version of the network, or another kind");
    net.hint_kind = kind;
  }
  return {Value("CONTROL_NET", std::move(net))};
}

ControlLink link_of(Call& call) {
  ControlLink link;
  link.net = call.link<models::ControlNetHandle>("control_net");
  link.hint = call.tensor("image");
  link.strength = static_cast<float>(call.number("strength"));
  return link;
}

Value wrap(Conditioning list) { return Value("CONDITIONING", std::move(list)); }

Outputs apply(Call& call) {
  Conditioning list = call.link<Conditioning>("conditioning");
  ControlLink link = link_of(call);
  if (link.strength == 0.0f) return {wrap(std::move(list))};
  for (auto& entry : list) {
    link.previous = entry.control;
    entry.control = std::make_shared<const ControlLink>(link);
    entry.control_apply_to_uncond = true;
  }
  return {wrap(std::move(list))};
}

Outputs apply_advanced(Call& call) {
  Conditioning positive = call.link<Conditioning>("positive"), negative = call.link<Conditioning>("negative");
  ControlLink link = link_of(call);
  if (link.strength == 0.0f) return {wrap(std::move(positive)), wrap(std::move(negative))};
  link.start_percent = call.number("start_percent");
  link.end_percent = call.number("end_percent");
  // Entries with the same chain before share the new link as well, so that they can be evaluated together.
  std::map<const ControlLink*, ControlLinkPtr> made;
  for (Conditioning* list : {&positive, &negative}) {
    for (auto& entry : *list) {
      ControlLinkPtr& next = made[entry.control.get()];
      if (!next) {
        link.previous = entry.control;
        next = std::make_shared<const ControlLink>(link);
      }
      entry.control = next;
      entry.control_apply_to_uncond = false;
    }
  }
  return {wrap(std::move(positive)), wrap(std::move(negative))};
}

Value foreseen_control(Call& call, std::string_view input) {
  ForeseenConditioning known = foreseen_conditioning(call, input);
  const auto* net = call.peek<models::ControlNetHandle>("control_net");
  if (net && call.number("strength") != 0.0) known.controls.push_back(*net);
  return foreseen(std::move(known));
}

In strength_input() {
  return Float("strength").def(1.0).range(0.0, 10.0).step(0.01).tip("How strictly the hint is followed.");
}

}  // namespace

void register_control_nodes(Table& table) {
  table.add({.name = "ControlNetLoader",
             .display = "Load ControlNet Model",
             .category = "loaders",
             .description = "Loads a ControlNet or a T2I-Adapter, in the original or the diffusers layout.",
             .inputs = {File("control_net_name", "controlnet")},
             .outputs = {{"CONTROL_NET"}},
             .cheap = true,
             .run = load});
  table.add({.name = "DiffControlNetLoader",
             .display = "Load ControlNet Model (diff)",
             .category = "loaders",
             .description = "Loads a ControlNet; the model is only there for workflows that link it.",
             .inputs = {Link("model", "MODEL"), File("control_net_name", "controlnet")},
             .outputs = {{"CONTROL_NET"}},
             .cheap = true,
             .run = load});
  table.add(
      {.name = "SetUnionControlNetType",
       .category = "conditioning/controlnet",
       .description = "Tells a ControlNet for several kinds of hints which kind its picture is. Others ignore it.",
       .inputs = {Link("control_net", "CONTROL_NET"),
                  Choice("type", hint_kinds()).tip("auto does not tell the network.")},
       .outputs = {{"CONTROL_NET"}},
       .cheap = true,
       .run = set_kind});
  table.add({.name = "ControlNetApply",
             .display = "Apply ControlNet (OLD)",
             .category = "conditioning/controlnet",
             .description = "Holds the picture to a hint, such as edges. Acts on the positive and the negative side.",
             .inputs = {Link("conditioning", "CONDITIONING"), Link("control_net", "CONTROL_NET"),
                        Link("image", "IMAGE").tip("The hint: edges for a Canny ControlNet."), strength_input()},
             .outputs = {{"CONDITIONING"}},
             .deprecated = true,
             .run = apply,
             .foresee = [](Call& call) { return Outputs{foreseen_control(call, "conditioning")}; }});
  table.add({.name = "ControlNetApplyAdvanced",
             .display = "Apply ControlNet",
             .category = "conditioning/controlnet",
             .description = "Holds the picture to a hint during part of the denoising.",
             .inputs = {Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"),
                        Link("control_net", "CONTROL_NET"), Link("image", "IMAGE"), strength_input(),
                        Float("start_percent").def(0.0).range(0.0, 1.0).step(0.001),
                        Float("end_percent").def(1.0).range(0.0, 1.0).step(0.001), Link("vae", "VAE").optional()},
             .outputs = {{"CONDITIONING", "positive"}, {"CONDITIONING", "negative"}},
             .run = apply_advanced,
             .foresee = [](Call& call) {
               return Outputs{foreseen_control(call, "positive"), foreseen_control(call, "negative")};
             }});
}

}  // namespace easel::nodes
