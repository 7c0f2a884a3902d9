#include "node_api/lists.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"

namespace easel::nodes {
namespace {

constexpr size_t kMostRuns = 4096;
constexpr size_t kMostText = size_t{64} << 20;  // of all runs together

size_t bytes_of_text(const Value& value) {
  if (const auto* text = value.get<std::string>()) return text->size();
  size_t sum = 0;
  if (const auto* list = value.get<ValueList>())
    for (const Value& item : list->items) sum += bytes_of_text(item);
  return sum;
}

// The values of the i-th run: from each list its i-th value, or its last one if it is shorter.
Call::Arguments nth(const Call::Arguments& all, size_t i, const Node& node) {
  Call::Arguments out{all.typed, {}};
  for (const auto& [name, value] : all.linked) {
    const auto* list = value.get<ValueList>();
    const bool whole = std::any_of(node.inputs.begin(), node.inputs.end(),
                                   [&name = name](const In& in) { return in.takes_list() && in.spec().name == name; });
    out.linked.emplace(name, list && !whole ? list->items[std::min(i, list->items.size() - 1)] : value);
  }
  return out;
}

void append(Ui& to, const Ui& from) {
  for (const auto& [list, files] : from) to[list].insert(to[list].end(), files.begin(), files.end());
}

}  // namespace

Outputs run_over_lists(Context& context, const TableEntry& entry, const std::string& id,
                       const Call::Arguments& arguments, Ui& ui) {
  const Node& node = entry.node;
  size_t runs = 0;
  if (!node.takes_lists())
    for (const auto& [name, value] : arguments.linked)
      if (const auto* list = value.get<ValueList>()) runs = std::max(runs, list->items.size());
  if (runs > kMostRuns)
    throw Error(Fault::kInvalid, "a list of " + std::to_string(runs) + " values comes in")
        .fix("Use lists of at most " + std::to_string(kMostRuns));
  const auto run = [&](size_t i) {
    Call call(context, entry.spec, id, nth(arguments, i, node));
    Outputs out = node.run(call);
    append(ui, call.ui());
    return out;
  };
  if (runs == 0) return run(0);
  std::vector<std::vector<Value>> gathered(node.outputs.size());
  size_t text_bytes = 0;
  for (size_t i = 0; i < runs; ++i) {
    context.cancel.check();
    Outputs made = run(i);
    made.resize(gathered.size());
    for (const Value& value : made) text_bytes += bytes_of_text(value);
    if (text_bytes > kMostText)
      throw Error(Fault::kMemory, "makes texts of more than " + std::to_string(kMostText >> 20) + " MiB for a list");
    for (size_t slot = 0; slot < made.size(); ++slot) {
      if (const auto* list = made[slot].get<ValueList>())
        std::copy(list->items.begin(), list->items.end(), std::back_inserter(gathered[slot]));
      else gathered[slot].push_back(std::move(made[slot]));
    }
  }
  Outputs out;
  for (size_t slot = 0; slot < gathered.size(); ++slot)
    out.push_back(list_of(node.outputs[slot].type.c_str(), std::move(gathered[slot])));
  return out;
}

}  // namespace easel::nodes
