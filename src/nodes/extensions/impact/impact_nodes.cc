// Nodes of ComfyUI-Impact-Pack (github.com/ltdrdata/ComfyUI-Impact-Pack): pipes, a switch, plain values.
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"
#include "nodes/extensions/impact/basic_pipe.h"
#include "workflow/json.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kOrigin = "impact";

// --- Pipes ---

struct Join {
  Linked<ModelHandle> model;
  Linked<ClipHandle> clip;
  Linked<VaeHandle> vae;
  Linked<Conditioning> positive, negative;
};
struct Part {
  Linked<BasicPipe> basic_pipe;
};
struct Edit {
  Linked<BasicPipe> basic_pipe;
  MaybeLinked<ModelHandle> model;
  MaybeLinked<ClipHandle> clip;
  MaybeLinked<VaeHandle> vae;
  MaybeLinked<Conditioning> positive, negative;
};

BasicPipe joined(const Call& call) {
  return {value_of(call, "model"), value_of(call, "clip"), value_of(call, "vae"), value_of(call, "positive"),
          value_of(call, "negative")};
}

BasicPipe edited(BasicPipe pipe, const Call& call) {
  const BasicPipe other = joined(call);
  if (!other.model.empty()) pipe.model = other.model;
  if (!other.clip.empty()) pipe.clip = other.clip;
  if (!other.vae.empty()) pipe.vae = other.vae;
  if (!other.positive.empty()) pipe.positive = other.positive;
  if (!other.negative.empty()) pipe.negative = other.negative;
  return pipe;
}

using Parted = Results<ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning>;
using ForeseenParted = Foreseen<ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning>;

Parted parted(const Part& in) {
  const BasicPipe& pipe = *in.basic_pipe;
  return {Handed{pipe.model}, Handed{pipe.clip}, Handed{pipe.vae}, Handed{pipe.positive}, Handed{pipe.negative}};
}

ForeseenParted foresee_parted(const Known<Part>& in) {
  const BasicPipe* known_pipe = in(&Part::basic_pipe);
  const BasicPipe pipe = known_pipe ? *known_pipe : BasicPipe();
  return {Handed{pipe.model}, Handed{pipe.clip}, Handed{pipe.vae}, Handed{pipe.positive}, Handed{pipe.negative}};
}

using PartedWithPipe = Results<BasicPipe, ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning>;
using ForeseenPartedWithPipe = Foreseen<BasicPipe, ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning>;

PartedWithPipe parted_with_pipe(const Part& in) {
  const BasicPipe& pipe = *in.basic_pipe;
  return {in.basic_pipe,    Handed{pipe.model},    Handed{pipe.clip},
          Handed{pipe.vae}, Handed{pipe.positive}, Handed{pipe.negative}};
}

ForeseenPartedWithPipe foresee_parted_with_pipe(const Known<Part>& in) {
  const BasicPipe* known_pipe = in(&Part::basic_pipe);
  const BasicPipe pipe = known_pipe ? *known_pipe : BasicPipe();
  return {known_pipe,       Handed{pipe.model},    Handed{pipe.clip},
          Handed{pipe.vae}, Handed{pipe.positive}, Handed{pipe.negative}};
}

void add_pipes(Table& table) {
  constexpr const char* kCategory = "ImpactPack/Pipe";
  table.add(
      NodeOf<Join>{.name = "ToBasicPipe",
                   .category = kCategory,
                   .description = "Bundles a model, its text encoder, a VAE and two conditionings into a pipe.",
                   .origin = kOrigin,
                   .inputs = {Link("model", &Join::model), Link("clip", &Join::clip), Link("vae", &Join::vae),
                              Link("positive", &Join::positive), Link("negative", &Join::negative)},
                   .outputs = {{"basic_pipe"}},
                   .run = [](const Join&, Call& call) -> Results<BasicPipe> { return {joined(call)}; },
                   .foresee = [](const Known<Join>&, Call& call) -> Foreseen<BasicPipe> { return {joined(call)}; }});
  table.add(NodeOf<Part>{.name = "FromBasicPipe",
                         .category = kCategory,
                         .description = "Gives the values of a pipe one by one.",
                         .origin = kOrigin,
                         .inputs = {Link("basic_pipe", &Part::basic_pipe)},
                         .outputs = {{"model"}, {"clip"}, {"vae"}, {"positive"}, {"negative"}},
                         .run = parted,
                         .foresee = foresee_parted});
  table.add(NodeOf<Part>{.name = "FromBasicPipe_v2",
                         .category = kCategory,
                         .description = "Gives the values of a pipe one by one, and the pipe itself.",
                         .origin = kOrigin,
                         .inputs = {Link("basic_pipe", &Part::basic_pipe)},
                         .outputs = {{"basic_pipe"}, {"model"}, {"clip"}, {"vae"}, {"positive"}, {"negative"}},
                         .run = parted_with_pipe,
                         .foresee = foresee_parted_with_pipe});
  table.add(NodeOf<Edit>{
      .name = "EditBasicPipe",
      .category = kCategory,
      .description = "Replaces some of the values of a pipe.",
      .origin = kOrigin,
      .inputs = {Link("basic_pipe", &Edit::basic_pipe), Link("model", &Edit::model), Link("clip", &Edit::clip),
                 Link("vae", &Edit::vae), Link("positive", &Edit::positive), Link("negative", &Edit::negative)},
      .outputs = {{"basic_pipe"}},
      .run = [](const Edit& in, Call& call) -> Results<BasicPipe> { return {edited(*in.basic_pipe, call)}; }});
}

// --- The switch ---

constexpr size_t kMostInputs = 40;

struct Switch {
  int64_t select = 1;
  bool sel_mode = false;
};

// The label that the user gave the input, if the workflow that will be written into the picture has one.
std::string label_of(const Call& call, const std::string& input) {
  for (const auto& [name, text] : call.context().picture_text) {
    if (name != "workflow") continue;
    try {
      const workflow::Json graph = workflow::parse_json(text);
      for (const workflow::Json& node : graph.value("nodes", workflow::Json::array())) {
        if (!node.is_object() || workflow::python_str(node.value("id", workflow::Json())) != call.id()) continue;
        for (const workflow::Json& slot : node.value("inputs", workflow::Json::array()))
          if (slot.is_object() && slot.value("name", "") == input && slot.contains("label") &&
              slot["label"].is_string())
            return slot["label"].get<std::string>();
      }
    } catch (const std::exception&) {  // the client's text, which has not been checked
      return input;
    }
  }
  return input;
}

Results<Anything, std::string, int64_t> choose(const Switch& in, Call& call) {
  const std::string input = "input" + std::to_string(in.select);
  const Value* value = call.linked(input);
  if (!value) return {std::nullopt, std::string(), in.select};
  return {*value, label_of(call, input), in.select};
}

Foreseen<Anything, std::string, int64_t> foresee_choice(const Known<Switch>&, Call& call) {
  const workflow::Literal* select = call.typed("select");
  const auto* number = select ? std::get_if<int64_t>(select) : nullptr;
  if (!number) return {};
  return {call.linked("input" + std::to_string(*number)), std::nullopt, *number};
}

Inputs<Switch> switch_inputs() {
  Inputs<Switch> out{Int("select", &Switch::select).range(1, 999999).step(1),
                     Bool("sel_mode", &Switch::sel_mode).added_later()};
  for (size_t i = 0; i < kMostInputs; ++i) {
    // Bound to no member: run() asks the call for the input that was selected.
    Input<Switch> one("input" + std::to_string(i + 1), "*", In::Member::kNone, &blank<Switch>());
    one.set_known_when_checked(false);
    out.push_back(std::move(one).optional());
  }
  return out;
}

// --- Values ---

struct WholeNumber {
  int64_t value = 0;
};
struct Number {
  double value = 1.0;
};
struct YesOrNo {
  bool value = false;
};

void add_values(Table& table) {
  constexpr const char* kCategory = "ImpactPack/Logic";
  table.add(NodeOf<WholeNumber>{.name = "ImpactInt",
                                .category = kCategory,
                                .description = "A whole number.",
                                .origin = kOrigin,
                                .inputs = {Int("value", &WholeNumber::value).range(0, INT64_MAX).step(1)},
                                .run = [](const WholeNumber& in) -> Results<int64_t> { return {in.value}; }});
  table.add(NodeOf<Number>{.name = "ImpactFloat",
                           .category = kCategory,
                           .description = "A number.",
                           .origin = kOrigin,
                           .inputs = {Float("value", &Number::value).range(-3.402823466e38, 3.402823466e38)},
                           .run = [](const Number& in) -> Results<double> { return {in.value}; }});
  table.add(NodeOf<YesOrNo>{.name = "ImpactBoolean",
                            .category = kCategory,
                            .description = "Yes or no.",
                            .origin = kOrigin,
                            .inputs = {Bool("value", &YesOrNo::value)},
                            .run = [](const YesOrNo& in) -> Results<bool> { return {in.value}; }});
}

}  // namespace

void register_impact_nodes(Table& table) {
  add_pipes(table);
  add_values(table);
  table.add(NodeOf<Switch>{.name = "ImpactSwitch",
                           .display = "Switch (Any)",
                           .category = "ImpactPack/Util",
                           .description = "Passes on the input with the selected number.",
                           .origin = kOrigin,
                           .inputs = switch_inputs(),
                           .outputs = {{"selected_value"}, {"selected_label"}, {"selected_index"}},
                           .run = choose,
                           .foresee = foresee_choice});
}

}  // namespace easel::nodes
