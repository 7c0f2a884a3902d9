// Lists on links: what runs once for each of their values.
#pragma once

#include <string>

#include "node_api/call.h"
#include "node_api/table.h"

namespace easel::nodes {

// Runs a node. Where lists come in to one that takes single values, it runs once for each place of the longest; of
// shorter lists the last value is repeated, and each output is a list of what the runs gave (execution.py's
// _map_node_over_list). A node that takes lists runs once. `ui` gets what all runs show. Throws what the node throws,
// and Error(kInvalid) when the lists are longer than 4096.
Outputs run_over_lists(Context& context, const TableEntry& entry, const std::string& id,
                       const Call::Arguments& arguments, Ui& ui);

}  // namespace easel::nodes
