// Nodes of the standard table, run one by one on the small model files of the tests.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include <unistd.h>

#include "artifacts/folder_store.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "node_api/table.h"
#include "nodes/standard_table.h"
#include "support/tiny_models.h"

namespace easel::nodes {

class TinyRunner {
 public:
  using Typed = std::map<std::string, workflow::Literal, std::less<>>;
  using Links = std::map<std::string, Value, std::less<>>;

  ~TinyRunner() { std::filesystem::remove_all(root_); }

  // All outputs. Inputs that are left out have their defaults.
  Outputs operator()(const char* name, Typed typed, Links linked = {}) {
    return with_call(name, std::move(typed), std::move(linked), [](const Node& node, Call& call) {
      if (node.check) node.check(call);
      return node.run(call);
    });
  }
  // What is known of them before the node runs.
  Outputs foreseen(const char* name, Typed typed, Links linked = {}) {
    return with_call(name, std::move(typed), std::move(linked),
                     [](const Node& node, Call& call) { return node.foresee(call); });
  }

 private:
  template <class Do>
  Outputs with_call(const char* name, Typed typed, Links linked, const Do& use) {
    std::vector<std::string> given;
    for (const auto& [input, value] : typed) given.push_back(input);
    for (const auto& [input, value] : linked) given.push_back(input);
    const workflow::NodeSpec* spec = standard_table().find(name, given);
    if (!spec) throw Error(Fault::kInternal, std::string("there is no node ") + name);
    Call call(context_, *spec, "1", {std::move(typed), std::move(linked)});
    return use(standard_table().entry(*spec).node, call);
  }

  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("easel-tiny-runner-" + std::to_string(getpid()));
  library::Folders folders_{testing::tiny_models_dir()};
  memory::Residency residency_;
  library::ModelFiles files_;
  artifacts::FolderStore store_{{root_ / "input", root_ / "output", root_ / "temp"}};
  Context context_{.folders = folders_, .residency = residency_, .files = files_, .artifacts = store_};
};

inline workflow::Literal words(const char* text) { return std::string(text); }

}  // namespace easel::nodes
