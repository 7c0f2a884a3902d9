// Reading one level of an editor graph, and dissolving subgraph nodes into the graph that holds them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "workflow/convert/graph.h"

namespace easel::workflow {

// A frame around nodes.
struct GraphGroup {
  std::string title;
  double x = 0, y = 0, width = 0, height = 0;
};

// One level as it is in the file.
struct RawGraph {
  std::vector<GraphNode> nodes;
  std::unordered_map<int64_t, GraphLink> links;
  std::vector<GraphGroup> groups;
  std::vector<GraphLink> written_links;  // extra.ue_links: those that broadcasting nodes made when it was saved
};

// An input of a subgraph. The widget it feeds, if it feeds one, shows on the node that stands for the subgraph.
struct SubgraphInput {
  std::string name, type;
  std::vector<int64_t> links;  // inside, in the editor's order
  std::string target, widget;  // the first node inside whose widget it feeds, and that widget; empty: only links
};

// A reusable graph; nodes whose type is its id stand for a copy of it.
struct Subgraph {
  std::string name;
  RawGraph content;
  std::vector<SubgraphInput> inputs;
  size_t outputs = 0;
  std::string input_node, output_node;  // ids that the links at the border use

  // Look-up, by parse_subgraphs(): nodes by id, inputs by name and by the name of the widget they feed.
  std::unordered_map<std::string, size_t> nodes_by_id;
  std::unordered_map<std::string, std::vector<size_t>> inputs_by_name, inputs_by_widget;
};
using Subgraphs = std::map<std::string, Subgraph>;

RawGraph parse_raw_graph(const Json& json);
Subgraphs parse_subgraphs(const Json& json);

// Copies every subgraph in place of the nodes that stand for it. A copy's nodes are called "outer:inner".
// Throws Error(kInvalid) if a subgraph contains itself, or if the result exceeds the limits on nodes and links.
Graph flatten(RawGraph top, const Subgraphs& subgraphs);

}  // namespace easel::workflow
