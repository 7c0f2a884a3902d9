// Every node of Easel.
#pragma once

#include "node_api/table.h"

namespace easel::nodes {

// All nodes that the files src/nodes/*/*_nodes.cc register. Built on first use.
const Table& standard_table();

}  // namespace easel::nodes
