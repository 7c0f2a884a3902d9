#include "node_api/call.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace easel::nodes {
namespace {

// A literal as a number, or nothing if it is not one.
template <class To>
std::optional<To> as_number(const workflow::Literal& literal) {
  return std::visit(
      [](const auto& v) -> std::optional<To> {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(v)>>) return static_cast<To>(v);
        else return std::nullopt;
      },
      literal);
}

workflow::Literal as_literal(const Value& value) {
  if (const auto* v = value.get<int64_t>()) return *v;
  if (const auto* v = value.get<double>()) return *v;
  if (const auto* v = value.get<bool>()) return *v;
  if (const auto* v = value.get<std::string>()) return *v;
  return {};
}

// Validation checks only values in the workflow itself. As in ComfyUI, an integer that comes over a link may exceed the
// declared maximum, but not fall below the minimum or exceed the largest plausible size: a negative size is
// meaningless, and a huge one would exhaust memory.
void check_linked(const workflow::InputSpec& input, const workflow::Literal& literal) {
  constexpr int64_t kMost = 16384;
  const auto* value = std::get_if<int64_t>(&literal);
  if (!value || input.type != "INT") return;
  const auto min = as_number<int64_t>(input.min);
  const auto refuse = [&](const char* how, const std::string& limit) {
    throw Error(Fault::kInvalid, "the linked value " + std::to_string(*value) + " is " + how + limit)
        .at_input(input.name);
  };
  if (min && *value < *min) refuse("smaller than the min of ", std::to_string(*min));
  if (const auto max = as_number<uint64_t>(input.max); max && *value > 0) {
    const uint64_t most = std::max<uint64_t>(*max, kMost);
    if (static_cast<uint64_t>(*value) > most) refuse("bigger than the max of ", std::to_string(most));
  }
}

}  // namespace

Call::Call(Context& context, const workflow::NodeSpec& spec, std::string id, Arguments arguments)
    : context_(context), id_(std::move(id)), arguments_(std::move(arguments)) {
  // Widgets that were turned into inputs.
  for (const auto& [name, value] : arguments_.linked) {
    const workflow::InputSpec* input = spec.input(name);
    if (input && !value.empty() && (input->has_widget() || input->force_input)) {
      workflow::Literal literal = as_literal(value);
      check_linked(*input, literal);
      if (!std::holds_alternative<std::monostate>(literal)) arguments_.typed[name] = std::move(literal);
    }
  }
}

const workflow::Literal* Call::typed(std::string_view input) const {
  const auto it = arguments_.typed.find(input);
  return it == arguments_.typed.end() ? nullptr : &it->second;
}

const Value* Call::linked(std::string_view input) const {
  const auto it = arguments_.linked.find(input);
  return it == arguments_.linked.end() || it->second.empty() ? nullptr : &it->second;
}

void Call::show_text(std::string text) {
  UiFile shown;
  shown.text = std::move(text);
  show("text", std::move(shown));
}

bool Call::awaits(std::string_view input) const {
  const auto it = arguments_.linked.find(input);
  return it != arguments_.linked.end() && it->second.empty();
}

void Call::part_done(int done, int total) const {
  check_cancelled();
  if (total > 1) context_.events.progress(done, total);
}

void Call::warn(const std::string& message) const { context_.events.warn(message); }

}  // namespace easel::nodes
