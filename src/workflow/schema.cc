#include "workflow/schema.h"

#include <algorithm>
#include <cctype>
#include <tuple>

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

// Names longer than this are compared by their first characters only, to bound the work.
constexpr size_t kComparedLength = 160;

std::string folded(std::string_view text) {
  std::string out(text.substr(0, kComparedLength));
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
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
      if (input.presence == Presence::kRequired)
        misfit.second += std::find(given.begin(), given.end(), input.name) == given.end();
    if (!best || misfit < best_misfit) best = form, best_misfit = misfit;
  }
  return best;
}

std::vector<std::string> choices_of(const InputSpec& input, const ChoiceProvider& provider) {
  return input.choices_from.empty() ? input.choices : provider.choices(input.choices_from);
}

bool types_match(std::string_view from, std::string_view to) {
  if (from == to || from == "*" || to == "*") return true;
  const auto a = members(from), b = members(to);
  return std::any_of(a.begin(), a.end(),
                     [&](const std::string& t) { return t == "*" || std::find(b.begin(), b.end(), t) != b.end(); }) ||
         std::find(b.begin(), b.end(), "*") != b.end();
}

std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       size_t limit) {
  const std::string wanted = folded(name);
  std::vector<std::pair<size_t, const std::string*>> ranked;
  for (const std::string& candidate : candidates) {
    const std::string other = folded(candidate);
    size_t distance = edit_distance(wanted, other);
    // A name that contains the other is near, however long its rest ("sd15" and "sd15-pruned.safetensors").
    if (wanted.size() >= 3 && other.size() >= 3 &&
        (other.find(wanted) != std::string::npos || wanted.find(other) != std::string::npos))
      distance = std::min<size_t>(distance, 3);
    if (distance * 2 <= std::max(wanted.size(), other.size())) ranked.emplace_back(distance, &candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> out;
  for (size_t i = 0; i < ranked.size() && i < limit; ++i) out.push_back(*ranked[i].second);
  return out;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const auto near = nearest_names(name, candidates);
  std::string out;
  for (size_t i = 0; i < near.size(); ++i)
    out += (i == 0 ? "did you mean '" : i + 1 == near.size() ? " or '" : ", '") + near[i] + "'";
  return out.empty() ? out : out + "?";
}

}  // namespace easel::workflow
