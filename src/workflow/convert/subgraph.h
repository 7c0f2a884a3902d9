// Reading one level of an editor graph, and dissolving subgraph nodes into the graph that holds them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "workflow/convert/graph.h"

namespace easel::workflow {

// One level as it is in the file.
struct RawGraph {
  std::vector<GraphNode> nodes;
  std::unordered_map<int64_t, GraphLink> links;
};

// A reusable graph; nodes whose type is its id stand for a copy of it.
struct Subgraph {
  std::string name;
  RawGraph content;
  size_t inputs = 0, outputs = 0;
  std::string input_node, output_node;  // ids that the links at the border use
};
using Subgraphs = std::map<std::string, Subgraph>;

RawGraph parse_raw_graph(const Json& json);
Subgraphs parse_subgraphs(const Json& json);

// Copies every subgraph in place of the nodes that stand for it. A copy's nodes are called "outer:inner".
// Throws Error(kInvalid) when a subgraph contains itself or the result grows beyond all measure.
Graph flatten(RawGraph top, const Subgraphs& subgraphs);

}  // namespace easel::workflow
