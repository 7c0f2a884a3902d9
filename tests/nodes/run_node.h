// A node of the standard table, run by itself.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "artifacts/folder_store.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "node_api/table.h"
#include "nodes/standard_table.h"

namespace easel::nodes {

using Typed = std::map<std::string, workflow::Literal, std::less<>>;
using Links = std::map<std::string, Value, std::less<>>;

// What it throws passes.
inline Outputs run_node_outputs(const char* name, Typed typed, Links linked = {}) {
  const library::Folders folders;
  memory::Residency residency;
  library::ModelFiles files;
  artifacts::FolderStore store{artifacts::Directories()};
  Context context{folders, residency, files, store};
  const workflow::NodeSpec* spec = standard_table().find(name, {});
  Call call(context, *spec, "1", {std::move(typed), std::move(linked)});
  return standard_table().entry(*spec).node.run(call);
}

// Its first output.
inline Value run_node(const char* name, Typed typed, Links linked = {}) {
  return run_node_outputs(name, std::move(typed), std::move(linked)).at(0);
}

}  // namespace easel::nodes
