// All nodes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "node_api/node.h"
#include "workflow/schema.h"

namespace easel::library {
class Folders;
}

namespace easel::nodes {

// A declared node, and its description for everyone else.
struct TableEntry {
  Node node;
  workflow::NodeSpec spec;
};

class Table final : public workflow::NodeTable {
 public:
  // Throws Error(kInternal) if a declaration contradicts itself: it declares an input twice, names more outputs than
  // the run returns, or foresees other types than the run returns.
  template <class P>
  void add(NodeOf<P> node) {
    add(untyped(std::move(node)));
  }
  void add(Node node);

  std::vector<const workflow::NodeSpec*> forms(std::string_view class_type) const override;
  std::vector<const workflow::NodeSpec*> list() const override;
  // Sets how to find the model files that a text names, as a prompt names its embeddings: the results of a node with
  // such a text depend on them. Until then no text names any.
  using FilesInText = std::vector<std::filesystem::path> (*)(const library::Folders& folders, std::string_view text);
  void set_files_in_text(FilesInText how) { files_in_text_ = how; }
  std::vector<std::filesystem::path> files_in_text(const library::Folders& folders, std::string_view text) const;

  // The entry a spec of this table belongs to.
  const TableEntry& entry(const workflow::NodeSpec& spec) const;

 private:
  std::map<std::string, std::vector<std::unique_ptr<TableEntry>>, std::less<>> entries_;
  FilesInText files_in_text_ = nullptr;
};

}  // namespace easel::nodes
