#include "nodes/common/composed.h"

#include <utility>

#include "node_api/table.h"
#include "nodes/standard_table.h"

namespace easel::nodes {

Outputs Parts::make(const char* class_type, Typed typed, Links linked) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : typed) names.push_back(name);
  for (const auto& [name, value] : linked) names.push_back(name);
  const workflow::NodeSpec* spec = standard_table().find(class_type, names);
  if (!spec) throw Error(Fault::kInternal, std::string("there is no node ") + class_type);
  const Node& node = standard_table().entry(*spec).node;
  bool complete = true;
  for (auto it = linked.begin(); it != linked.end();) {
    complete = complete && !it->second.empty();
    it = runs() && it->second.empty() ? linked.erase(it) : std::next(it);
  }
  Call call(call_.context(), *spec, call_.id(), {std::move(typed), std::move(linked)});
  Outputs out;
  if (runs()) out = node.run(call);
  else if (node.foresee) out = node.foresee(call);
  else if (node.runs_when_checked && complete) out = node.run(call);
  out.resize(node.outputs.size());
  for (const auto& [list, files] : call.ui())
    for (const UiFile& file : files) call_.show(list, file);
  return out;
}

}  // namespace easel::nodes
