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

// A declared node with its outside view.
struct TableEntry {
  Node node;
  workflow::NodeSpec spec;
};

class Table final : public workflow::NodeTable {
 public:
  // Throws Error(kInternal) when a declaration contradicts itself: an input declared twice, more outputs named than
  // made, a foresight of other types than the run's.
  template <class P>
  void add(NodeOf<P> node) {
    add(untyped(std::move(node)));
  }
  void add(Node node);

  std::vector<const workflow::NodeSpec*> forms(std::string_view class_type) const override;
  std::vector<const workflow::NodeSpec*> list() const override;
  // The model files that a text may name, as a prompt names its embeddings: what a node with such a text makes depends
  // on them. None until it is said how they are found.
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
