// The names of all nodes, as docs/compatibility.md lists them.
#pragma once

#include <string>

#include "node_api/table.h"

namespace easel::nodes {

// A table in Markdown: whose nodes (ComfyUI's own first, then the extensions in the order of their names), and their
// classes in the order of theirs.
std::string names_by_origin(const Table& table);

}  // namespace easel::nodes
