#include "workflow/schema.h"

#include <algorithm>
#include <utility>

namespace easel::workflow {
namespace {

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::string> members(std::string_view list) {
  std::vector<std::string> out;
  for (;;) {
    const size_t comma = list.find(',');
    out.push_back(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) return out;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

bool InputSpec::has_widget() const {
  return !force_input && (is_combo() || type == "INT" || type == "FLOAT" || type == "STRING" || type == "BOOLEAN");
}

const InputSpec* NodeSpec::input(std::string_view name) const {
  const auto it = std::find_if(inputs.begin(), inputs.end(), [&](const InputSpec& i) { return i.name == name; });
  return it == inputs.end() ? nullptr : &*it;
}

const NodeSpec* NodeTable::find(std::string_view class_type) const {
  const auto all = forms(class_type);
  return all.empty() ? nullptr : all.front();
}

const NodeSpec* NodeTable::find(std::string_view class_type, const std::vector<std::string>& given) const {
  const NodeSpec* best = nullptr;
  std::pair<size_t, size_t> best_misfit;
  for (const NodeSpec* form : forms(class_type)) {
    std::pair<size_t, size_t> misfit{0, 0};
    for (const std::string& name : given) misfit.first += form->input(name) == nullptr;
    for (const InputSpec& input : form->inputs)
      if (input.presence == Presence::kRequired && !input.added_later)
        misfit.second += std::find(given.begin(), given.end(), input.name) == given.end();
    if (!best || misfit < best_misfit) {
      best = form;
      best_misfit = misfit;
    }
  }
  return best;
}

std::vector<std::string> choices_of(const InputSpec& input, const ChoiceProvider& provider) {
  std::vector<std::string> out = input.choices;
  if (!input.choices_from.empty())
    for (std::string& name : provider.choices(input.choices_from))
      if (std::find(input.choices.begin(), input.choices.end(), name) == input.choices.end())
        out.push_back(std::move(name));
  return out;
}

bool types_match(std::string_view from, std::string_view to) {
  if (from == to || from == "*" || to == "*") return true;
  const auto a = members(from), b = members(to);
  return std::any_of(a.begin(), a.end(),
                     [&](const std::string& t) { return t == "*" || std::find(b.begin(), b.end(), t) != b.end(); }) ||
         std::find(b.begin(), b.end(), "*") != b.end();
}

}  // namespace easel::workflow
