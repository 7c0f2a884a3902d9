#include "nodes/node_list.h"

#include <map>
#include <vector>

namespace easel::nodes {

std::string names_by_origin(const Table& table) {
  std::map<std::string, std::vector<std::string>> by_origin;  // "" comes first
  for (const workflow::NodeSpec* node : table.list()) by_origin[node->origin].push_back(node->class_type);
  std::string out = "| origin | nodes |\n|---|---|\n";
  for (const auto& [origin, names] : by_origin) {
    out += "| `" + (origin.empty() ? "core" : origin) + "` | ";
    for (size_t i = 0; i < names.size(); ++i) {
      std::string name = names[i];
      for (size_t at = 0; (at = name.find('|', at)) != std::string::npos; at += 2) name.insert(at, 1, '\\');
      out.append(i ? ", `" : "`").append(name).append("`");
    }
    out += " |\n";
  }
  return out;
}

}  // namespace easel::nodes
