#include "nodes/standard_table.h"

namespace easel::nodes {

// Generated from the list of files (nodes.cmake).
void register_all(Table& table);

const Table& standard_table() {
  static const Table table = [] {
    Table t;
    register_all(t);
    return t;
  }();
  return table;
}

}  // namespace easel::nodes
