#include "workflow/convert/graph.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "workflow/convert/everywhere.h"
#include "workflow/convert/group_nodes.h"
#include "workflow/convert/subgraph.h"

namespace easel::workflow {
namespace {

// Scripts write nodes without their inputs, and only the links between them. The slots of these are then the links that
// the class declares, in order, as a node has them that was just made.
void give_undeclared_inputs(RawGraph& level, const NodeTable& table) {
  std::unordered_map<std::string, GraphNode*> bare;
  for (GraphNode& node : level.nodes)
    if (node.inputs.empty()) bare.emplace(node.id, &node);
  if (bare.empty()) return;
  std::unordered_set<int64_t> taken;
  for (const GraphNode& node : level.nodes)
    for (const GraphInput& input : node.inputs) taken.insert(input.link);
  for (const auto& [id, link] : level.links) {
    const auto found = bare.find(link.to);
    if (found == bare.end() || link.to_slot < 0 || taken.contains(id)) continue;
    GraphNode& node = *found->second;
    const auto forms = table.forms(node.type);
    if (node.inputs.empty() && !forms.empty())
      for (const InputSpec& input : forms.front()->inputs)
        if (input.presence != Presence::kHidden && !input.has_widget())
          node.inputs.push_back({input.name, input.type, kNoLink, {}});
    if (link.to_slot >= std::ssize(node.inputs)) continue;
    GraphInput& input = node.inputs[static_cast<size_t>(link.to_slot)];
    if (input.link == kNoLink && (link.type.empty() || types_match(link.type, input.type))) input.link = id;
  }
}

}  // namespace

const GraphNode* Graph::find(std::string_view id) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(), [&](const GraphNode& n) { return n.id == id; });
  return it == nodes.end() ? nullptr : &*it;
}

bool is_control_value(const Json& value) {
  static constexpr std::array kWords{"fixed", "increment", "decrement", "randomize", "increment-wrap"};
  return value.is_string() &&
         std::find(kWords.begin(), kWords.end(), value.get_ref<const std::string&>()) != kWords.end();
}

bool looks_like_graph(const Json& json) {
  if (!json.is_object()) return false;
  const auto nodes = json.find("nodes");
  return nodes != json.end() && nodes->is_array() && (json.contains("links") || json.contains("version"));
}

Graph parse_graph(const Json& given, const NodeTable& table) {
  if (!looks_like_graph(given)) throw Error(Fault::kInvalid, "a graph must be an object with nodes and links");
  const Json json = with_groups_as_subgraphs(given, table);
  RawGraph top = parse_raw_graph(json);
  Subgraphs subgraphs = parse_subgraphs(json);
  give_undeclared_inputs(top, table);
  add_everywhere_links(top);
  for (auto& [id, subgraph] : subgraphs) {
    give_undeclared_inputs(subgraph.content, table);
    add_everywhere_links(subgraph.content);
  }
  return flatten(std::move(top), subgraphs);
}

}  // namespace easel::workflow
