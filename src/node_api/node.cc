#include "node_api/node.h"

#include <algorithm>

#include "node_api/text_length.h"

namespace easel::nodes::detail {
namespace {

void require_short(const Value& value) {
  if (const auto* text = value.get<std::string>()) require_length(text->size());
  if (const auto* list = value.get<ValueList>())
    for (const Value& item : list->items) require_short(item);
}

bool is_plain(const Value& value) {
  return value.get<int64_t>() || value.get<double>() || value.get<bool>() || value.get<std::string>() ||
         value.get<NumberList>();
}

}  // namespace

void complete(Node& node, std::vector<OutputLabel> labels, const std::vector<OutputType>& returned, Body run,
              const std::vector<OutputType>& foreseen, Body foresee, Body check) {
  const auto contradiction = [&](const std::string& what) {
    return Error(Fault::kInternal, "the declaration of " + node.name + " contradicts itself: " + what);
  };
  if (labels.size() > returned.size()) throw contradiction("more outputs are named than its run returns");
  if (foresee && foreseen != returned) throw contradiction("its foresight returns other types than its run");
  if (node.runs_when_checked) {
    if (foresee) throw contradiction("it runs when checked, so there is nothing to foresee");
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), [](const In& in) { return in.known_when_checked(); }) ||
        !std::all_of(returned.begin(), returned.end(), [](const OutputType& t) { return t.known_when_checked; }))
      throw contradiction("it runs when checked, but not all it takes and makes is what it will be by then");
  }
  labels.resize(returned.size());
  for (size_t i = 0; i < labels.size(); ++i)
    node.outputs.push_back(
        {returned[i].name, std::move(labels[i].name), std::move(labels[i].tip), returned[i].is_list});
  const auto inputs = std::make_shared<const std::vector<In>>(node.inputs);
  const auto all_known = [inputs](const Call& call) {
    return std::none_of(inputs->begin(), inputs->end(), [&](const In& in) { return in.is_awaited(call); });
  };
  node.check = [inputs, all_known, check](Call& call) {
    if (check && all_known(call)) check(*inputs, call);
  };
  node.run = [inputs, check, run = std::move(run)](Call& call) {
    if (check) check(*inputs, call);
    Outputs outputs = run(*inputs, call);
    for (const Value& output : outputs) require_short(output);
    return outputs;
  };
  if (!foresee) return;
  node.foresee = [inputs, all_known, count = returned.size(), foresee = std::move(foresee)](Call& call) {
    if (all_known(call)) return foresee(*inputs, call);
    // What was given for a value that is not known yet is its default: neither a refusal of it counts, nor a size or a
    // plain value that may follow from it.
    Outputs outputs;
    try {
      outputs = foresee(*inputs, call);
    } catch (const Error&) {
      return Outputs(count);
    }
    for (Value& output : outputs)
      if (output.bytes() > 0 || is_plain(output)) output = {};
    return outputs;
  };
}

}  // namespace easel::nodes::detail
