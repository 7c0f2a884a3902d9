// What a node that stands for a subgraph says: which of its inputs is which of the subgraph's, and what the values
// typed into it belong to. Editors have written this in several ways since 2025; all of them are read.
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

// Reads `node`, whose type is the subgraph's id. What `node.overrides` gives wins over what the node says itself. The
// result points into `node`. Throws Error(kInvalid) when the list of promoted widgets cannot be read.
Instance read_instance(const GraphNode& node, const Subgraph& subgraph);

}  // namespace easel::workflow
