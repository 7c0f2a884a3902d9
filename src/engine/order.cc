#include "engine/order.h"

#include <unordered_map>
#include <unordered_set>

#include "base/error.h"

namespace easel::engine {

std::vector<workflow::Link> links(const workflow::PromptNode& node, const workflow::NodeTable& table) {
  std::vector<workflow::Link> out;
  const workflow::NodeSpec* spec = table.find(node.class_type, node.input_names());
  if (!spec) throw Error(Fault::kInternal, "its class is not known").at_node(node.id, node.class_type);
  for (const workflow::InputSpec& input : spec->inputs)
    if (const auto it = node.inputs.find(input.name); it != node.inputs.end())
      if (const auto link = workflow::as_link(*it)) out.push_back(*link);
  return out;
}

std::vector<std::string> upstream(const workflow::PromptNode& node, const workflow::NodeTable& table) {
  std::vector<std::string> out;
  for (const workflow::Link& link : links(node, table)) out.push_back(link.node);
  return out;
}

std::vector<std::string> dependency_order(const workflow::Prompt& prompt, const workflow::NodeTable& table,
                                          const std::vector<std::string>& outputs) {
  std::unordered_map<std::string, const workflow::PromptNode*> by_id;
  for (const auto& node : prompt.nodes) by_id.emplace(node.id, &node);
  std::vector<std::string> order;
  std::unordered_set<std::string> placed, open;
  std::vector<std::pair<std::string, bool>> stack;
  for (auto it = outputs.rbegin(); it != outputs.rend(); ++it) stack.emplace_back(*it, false);
  while (!stack.empty()) {
    const auto [id, ready] = stack.back();
    stack.pop_back();
    if (placed.count(id)) continue;
    if (ready) {
      placed.insert(id);
      order.push_back(id);
      continue;
    }
    const auto node = by_id.find(id);
    if (node == by_id.end()) throw Error(Fault::kInternal, "node " + id + " is not in the prompt");
    if (!open.insert(id).second) throw Error(Fault::kInternal, "node " + id + " depends on itself");
    stack.emplace_back(id, true);
    const auto before = upstream(*node->second, table);
    for (auto up = before.rbegin(); up != before.rend(); ++up)
      if (!placed.count(*up)) stack.emplace_back(*up, false);
  }
  return order;
}

}  // namespace easel::engine
