#include "workflow/convert/graph.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "workflow/convert/everywhere.h"
#include "workflow/convert/group_nodes.h"
#include "workflow/convert/subgraph.h"

namespace easel::workflow {

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
  add_everywhere_links(top);
  for (auto& [id, subgraph] : subgraphs) add_everywhere_links(subgraph.content);
  return flatten(std::move(top), subgraphs);
}

}  // namespace easel::workflow
