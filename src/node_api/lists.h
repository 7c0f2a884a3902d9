// Lists on links: nodes run once for each of their values.
#pragma once

#include <string>

#include "node_api/call.h"
#include "node_api/table.h"

namespace easel::nodes {

// Runs a node. A node that takes single values runs once for each value of the longest list that it is given; the last
// value of shorter lists is repeated, and each output becomes a list with the values of all runs (execution.py's
// _map_node_over_list). A node that takes lists runs once. `ui` gets what all runs show. Throws what the node throws,
// and Error(kInvalid) if a list has more than 4096 values.
Outputs run_over_lists(Context& context, const TableEntry& entry, const std::string& id,
                       const Call::Arguments& arguments, Ui& ui);

}  // namespace easel::nodes
