// All nodes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node_api/node.h"
#include "workflow/schema.h"

namespace easel::nodes {

// A declared node with its outside view.
struct TableEntry {
  Node node;
  workflow::NodeSpec spec;
};

class Table final : public workflow::NodeTable {
 public:
  // Throws Error(kInternal) when an input is declared twice.
  void add(Node node);

  std::vector<const workflow::NodeSpec*> forms(std::string_view class_type) const override;
  std::vector<const workflow::NodeSpec*> list() const override;
  // The entry a spec of this table belongs to.
  const TableEntry& entry(const workflow::NodeSpec& spec) const;

 private:
  std::map<std::string, std::vector<std::unique_ptr<TableEntry>>, std::less<>> entries_;
};

}  // namespace easel::nodes
