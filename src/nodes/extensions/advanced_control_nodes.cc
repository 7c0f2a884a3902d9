// Advanced-ControlNet (github.com/Kosinkadink/ComfyUI-Advanced-ControlNet) where nothing advanced is asked of it: then
// its nodes do what ComfyUI's do. Masks are not there, nor are keyframes and weights, which nodes of their own would
// make.
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ControlNetHandle;
using models::ModelHandle;

struct Load {
  std::string file;
};

Results<ControlNetHandle> load(const Load& in, Call& call) {
  return {Handed{Parts(call, Parts::Doing::kRun).make("ControlNetLoader", {{"control_net_name", in.file}}, {})[0]}};
}

struct Apply {
  Linked<Conditioning> positive, negative;
  Linked<ControlNetHandle> control_net;
  Linked<Image> image;
  double strength = 1.0, start_percent = 0.0, end_percent = 1.0;
  MaybeLinked<Mask> mask_optional;
  MaybeLinked<ModelHandle> model_optional;
};

void refuse_mask(const Call& call) {
  if (call.linked("mask_optional") || call.awaits("mask_optional"))
    throw Error(Fault::kUnsupported, "masks of ControlNets are not there")
        .at_input("mask_optional")
        .fix("Remove the link, or mask the conditioning with ConditioningSetMask");
}

Outputs applied(const Parts& parts, const Call& call, double strength, double start, double end) {
  refuse_mask(call);
  return parts.make("ControlNetApplyAdvanced", {{"strength", strength}, {"start_percent", start}, {"end_percent", end}},
                    {{"positive", value_of(call, "positive")},
                     {"negative", value_of(call, "negative")},
                     {"control_net", value_of(call, "control_net")},
                     {"image", value_of(call, "image")}});
}

Results<Conditioning, Conditioning, ModelHandle> apply(const Apply& in, Call& call) {
  Outputs out = applied(Parts(call, Parts::Doing::kRun), call, in.strength, in.start_percent, in.end_percent);
  return {Handed{out[0]}, Handed{out[1]}, in.model_optional};
}

Foreseen<Conditioning, Conditioning, ModelHandle> foresee(const Known<Apply>& in, Call& call) {
  Outputs out = applied(Parts(call, Parts::Doing::kForesee), call, in(&Apply::strength), in(&Apply::start_percent),
                        in(&Apply::end_percent));
  return {Handed{out[0]}, Handed{out[1]}, in(&Apply::model_optional)};
}

void add_apply(Table& table, const char* name, bool deprecated) {
  const auto percent = [](const char* input, double Apply::*member) {
    return Float(input, member).range(0.0, 1.0).step(0.001);
  };
  table.add(NodeOf<Apply>{
      .name = name,
      .display = "Apply Advanced ControlNet",
      .category = "Adv-ControlNet",
      .description = "Applies a ControlNet as ControlNetApplyAdvanced does, and hands a model on.",
      .origin = "advanced-controlnet",
      .inputs = {Link("positive", &Apply::positive), Link("negative", &Apply::negative),
                 Link("control_net", &Apply::control_net), Link("image", &Apply::image),
                 Float("strength", &Apply::strength).range(0.0, 10.0).step(0.01),
                 percent("start_percent", &Apply::start_percent), percent("end_percent", &Apply::end_percent),
                 Link("mask_optional", &Apply::mask_optional).tip("Not there: leave it unlinked."),
                 Link("model_optional", &Apply::model_optional)},
      .outputs = {{"positive"}, {"negative"}, {"model_opt"}},
      .deprecated = deprecated,
      .run = apply,
      .foresee = foresee});
}

}  // namespace

void register_advanced_control_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "ControlNetLoaderAdvanced",
                         .display = "Load Advanced ControlNet Model",
                         .category = "Adv-ControlNet",
                         .description = "Loads a ControlNet as ControlNetLoader does.",
                         .origin = "advanced-controlnet",
                         .inputs = {File("control_net_name", &Load::file, "controlnet")},
                         .runs_when_checked = true,
                         .run = load});
  add_apply(table, "ACN_AdvancedControlNetApply", true);
  add_apply(table, "ACN_AdvancedControlNetApply_v2", false);
}

}  // namespace easel::nodes
