// Group nodes: what the editor had before subgraphs. They are read as subgraphs.
#pragma once

#include "workflow/json.h"
#include "workflow/schema.h"

namespace easel::workflow {

// The graph with each of its group nodes ("workflow>NAME", "workflow/NAME", defined in extra.groupNodes) as a node that
// stands for a subgraph; `graph` itself when it has none. The table says which inputs of the nodes inside are widgets,
// which the definitions do not. Throws Error(kInvalid) for a definition that is no group of nodes.
Json with_groups_as_subgraphs(const Json& graph, const NodeTable& table);

}  // namespace easel::workflow
