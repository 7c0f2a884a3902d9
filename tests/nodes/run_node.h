// A node of the standard table, run by itself.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "models/folders.h"
#include "models/resident.h"
#include "nodes/table.h"

namespace easel::nodes {

using Typed = std::map<std::string, workflow::Literal, std::less<>>;
using Linked = std::map<std::string, Value, std::less<>>;

// Its first output. What it throws passes.
inline Value run_node(const char* name, Typed typed, Linked linked = {}) {
  const models::Folders folders;
  models::Residency residency;
  ModelFiles files;
  Context context{folders, residency, files};
  const workflow::NodeSpec* spec = Table::standard().find(name, {});
  Call call(context, *spec, "1", {std::move(typed), std::move(linked)});
  return Table::standard().entry(*spec).node.run(call).at(0);
}

}  // namespace easel::nodes
