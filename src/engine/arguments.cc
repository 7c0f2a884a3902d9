#include "engine/arguments.h"

namespace easel::engine {
namespace {

workflow::Literal as_literal(const workflow::Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_unsigned()) {
    const auto v = value.get<uint64_t>();
    if (v > INT64_MAX) return v;
    return static_cast<int64_t>(v);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  return {};
}

}  // namespace

nodes::Call::Arguments make_arguments(const workflow::PromptNode& node, const workflow::NodeSpec& spec,
                                      const FollowLink& follow) {
  nodes::Call::Arguments out;
  for (const workflow::InputSpec& input : spec.inputs) {
    const auto it = node.inputs.find(input.name);
    if (it == node.inputs.end() || input.presence == workflow::Presence::kHidden) continue;
    if (const auto link = workflow::as_link(*it)) out.linked.emplace(input.name, follow(*link));
    else out.typed.emplace(input.name, as_literal(*it));
  }
  return out;
}

}  // namespace easel::engine
