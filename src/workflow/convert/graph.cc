#include "workflow/convert/graph.h"

#include <algorithm>
#include <array>

#include "base/error.h"
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

Graph parse_graph(const Json& json) {
  if (!looks_like_graph(json)) throw Error(Fault::kInvalid, "a graph must be an object with nodes and links");
  RawGraph raw = parse_raw_graph(json);
  if (const auto extra = json.find("extra");
      extra != json.end() && extra->is_object() && extra->contains("groupNodes")) {
    for (const GraphNode& node : raw.nodes)
      if (node.type.starts_with("workflow/") || node.type.starts_with("workflow>"))
        throw Error(Fault::kUnsupported, "group nodes are not understood")
            .at_node(node.id, node.type)
            .fix("Open the workflow in the editor, choose 'Convert to nodes' on it, and save again");
  }
  return flatten(std::move(raw), parse_subgraphs(json));
}

}  // namespace easel::workflow
