#include "node_api/table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"

namespace easel::nodes {

namespace {

In hidden(std::string name, std::string type) {
  In in(std::move(name), std::move(type));
  in.spec().presence = workflow::Presence::kHidden;
  return in;
}

}  // namespace

void Table::add(Node node) {
  auto entry = std::make_unique<TableEntry>();
  workflow::NodeSpec& spec = entry->spec;
  spec.class_type = node.name;
  spec.display_name = node.display;
  spec.category = node.category;
  spec.description = node.description;
  spec.origin = node.origin;
  spec.output_node = node.output_node;
  spec.deprecated = node.deprecated;
  spec.experimental = node.experimental;
  std::set<std::string> names;
  const auto add_inputs = [&](const std::vector<In>& inputs, workflow::Presence presence) {
    for (const In& in : inputs) {
      if (in.spec().presence != presence) continue;
      if (!names.insert(in.spec().name).second)
        throw Error(Fault::kInternal, node.name + " declares the input '" + in.spec().name + "' twice");
      spec.inputs.push_back(in.spec());
    }
  };
  add_inputs(node.inputs, workflow::Presence::kRequired);
  add_inputs(node.inputs, workflow::Presence::kOptional);
  if (node.hidden_prompt)
    add_inputs({hidden("prompt", "PROMPT"), hidden("extra_pnginfo", "EXTRA_PNGINFO")}, workflow::Presence::kHidden);
  spec.outputs = node.outputs;
  entry->node = std::move(node);
  auto& forms = entries_[entry->node.name];
  const auto place = std::find_if(forms.begin(), forms.end(),
                                  [&](const auto& other) { return other->spec.deprecated && !entry->spec.deprecated; });
  forms.insert(place, std::move(entry));
}

std::vector<const workflow::NodeSpec*> Table::forms(std::string_view class_type) const {
  std::vector<const workflow::NodeSpec*> out;
  if (const auto it = entries_.find(class_type); it != entries_.end())
    for (const auto& entry : it->second) out.push_back(&entry->spec);
  return out;
}

std::vector<const workflow::NodeSpec*> Table::list() const {
  std::vector<const workflow::NodeSpec*> out;
  for (const auto& [name, forms] : entries_) out.push_back(&forms.front()->spec);
  return out;
}

std::vector<std::filesystem::path> Table::files_in_text(const library::Folders& folders, std::string_view text) const {
  return files_in_text_ ? files_in_text_(folders, text) : std::vector<std::filesystem::path>{};
}

const TableEntry& Table::entry(const workflow::NodeSpec& spec) const {
  if (const auto it = entries_.find(spec.class_type); it != entries_.end())
    for (const auto& entry : it->second)
      if (&entry->spec == &spec) return *entry;
  throw Error(Fault::kInternal, "node " + spec.class_type + " is not of this table");
}

}  // namespace easel::nodes
