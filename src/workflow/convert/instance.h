// Reads a node that stands for a subgraph: which of its inputs are which inputs of the subgraph, and to which widgets
// its values belong. Editors have written this in several ways since 2025; all of them are read.
#pragma once

#include <string>
#include <vector>

#include "workflow/convert/subgraph.h"

namespace easel::workflow {

struct Instance {
  // By input of the subgraph: the node's input of that name, nullptr where the node lists none.
  std::vector<const GraphInput*> inputs;
  // By input of the subgraph: the value typed in, null where the subgraph's own value stands.
  std::vector<Json> values;
  // Values for widgets inside the subgraph that none of its inputs feeds.
  struct Inner {
    std::string node;  // its id inside the subgraph, "7:3" for one deeper
    WidgetOverride value;
  };
  std::vector<Inner> inner;
};

// Reads `node`, whose type is the subgraph's id. Values in `node.overrides` win over the node's own. The result points
// into `node`. Throws Error(kInvalid) if the list of promoted widgets cannot be read.
Instance read_instance(const GraphNode& node, const Subgraph& subgraph);

}  // namespace easel::workflow
