#include "node_api/call.h"

#include <algorithm>
#include <utility>

namespace easel::nodes {
namespace {

[[noreturn]] void wrong_type(std::string_view name) {
  throw Error(Fault::kInternal, "input '" + std::string(name) + "' is not of the type it was asked for");
}

// A literal, or what a link of a plain type carries, as a number.
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

// Validation sees typed values only. As in ComfyUI a linked whole number may pass the declared maximum, but neither the
// minimum nor what any size or count can be: a negative size makes no sense, and a huge one takes all memory.
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
    : context_(context), spec_(spec), id_(std::move(id)), arguments_(std::move(arguments)) {
  // Widgets that were turned into inputs.
  for (const auto& [name, value] : arguments_.linked) {
    const workflow::InputSpec* input = spec_.input(name);
    if (input && !value.empty() && (input->has_widget() || input->force_input)) {
      workflow::Literal literal = as_literal(value);
      check_linked(*input, literal);
      if (!std::holds_alternative<std::monostate>(literal)) arguments_.typed[name] = std::move(literal);
    }
  }
}

const workflow::Literal& Call::literal(std::string_view name) const {
  if (const auto it = arguments_.typed.find(name); it != arguments_.typed.end()) return it->second;
  const workflow::InputSpec* input = spec_.input(name);
  if (!input) throw Error(Fault::kInternal, "the node has no input '" + std::string(name) + "'");
  return input->default_value;
}

int64_t Call::integer(std::string_view name) const {
  if (const auto v = as_number<int64_t>(literal(name))) return *v;
  wrong_type(name);
}

uint64_t Call::seed(std::string_view name) const {
  if (const auto v = as_number<uint64_t>(literal(name))) return *v;
  wrong_type(name);
}

double Call::number(std::string_view name) const {
  if (const auto v = as_number<double>(literal(name))) return *v;
  wrong_type(name);
}

bool Call::flag(std::string_view name) const {
  if (const auto v = as_number<bool>(literal(name))) return *v;
  wrong_type(name);
}

const std::string& Call::text(std::string_view name) const {
  if (const auto* v = std::get_if<std::string>(&literal(name))) return *v;
  // A list of choices without a default begins with the usual one.
  const workflow::InputSpec* input = spec_.input(name);
  if (input->is_combo() && !input->choices.empty()) return input->choices.front();
  wrong_type(name);
}

bool Call::has(std::string_view name) const {
  const auto it = arguments_.linked.find(name);
  return arguments_.typed.find(name) != arguments_.typed.end() ||
         (it != arguments_.linked.end() && !it->second.empty());
}

const Value& Call::linked(std::string_view name) const {
  const auto it = arguments_.linked.find(name);
  if (it == arguments_.linked.end() || it->second.empty())
    throw Error(Fault::kInvalid, "nothing comes in").at_input(std::string(name));
  return it->second;
}

void Call::part_done(int done, int total) const {
  check_cancelled();
  if (total > 1) context_.events.progress(done, total);
}

void Call::warn(const std::string& message) const { context_.events.warn(message); }

}  // namespace easel::nodes
