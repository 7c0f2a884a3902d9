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

namespace detail {
template <class What>
Outputs with_call(const char* name, Typed typed, Links linked, What what) {
  const library::Folders folders;
  memory::Residency residency;
  library::ModelFiles files;
  artifacts::FolderStore store{artifacts::Directories()};
  Context context{folders, residency, files, store};
  const workflow::NodeSpec* spec = standard_table().find(name, {});
  Call call(context, *spec, "1", {std::move(typed), std::move(linked)});
  return what(standard_table().entry(*spec).node, call);
}
}  // namespace detail

// All its outputs. What it throws passes.
inline Outputs run_node_outputs(const char* name, Typed typed, Links linked = {}) {
  return detail::with_call(name, std::move(typed), std::move(linked),
                           [](const Node& node, Call& call) { return node.run(call); });
}

// Its first output.
inline Value run_node(const char* name, Typed typed, Links linked = {}) {
  return run_node_outputs(name, std::move(typed), std::move(linked)).at(0);
}

// What is known of its outputs ahead. A link with an empty value is one whose value is not known yet.
inline Outputs foresee_node(const char* name, Typed typed, Links linked) {
  return detail::with_call(name, std::move(typed), std::move(linked),
                           [](const Node& node, Call& call) { return node.foresee(call); });
}

}  // namespace easel::nodes
