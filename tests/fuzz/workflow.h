// What is done to every workflow.
#pragma once

#include "fuzz/fuzz.h"
#include "nodes/standard_table.h"
#include "workflow/convert/convert.h"
#include "workflow/load.h"
#include "workflow/validate.h"

namespace easel::fuzz {

// One file of each kind.
class Choices final : public workflow::ChoiceProvider {
 public:
  std::vector<std::string> choices(const std::string&) const override { return {"a.safetensors"}; }
  bool has_own_check(const std::string&) const override { return false; }
  std::optional<Error> check(const std::string&, const std::string&) const override { return std::nullopt; }
};

// Reads a workflow in this form, finds its faults, and writes it in both forms.
inline void read_workflow(std::string_view text, workflow::Form form) {
  const workflow::NodeTable& table = nodes::standard_table();
  const workflow::Workflow flow = workflow::read_workflow(text, table, form);
  const workflow::Validation checked = workflow::validate(flow.prompt, table, Choices());
  require(checked.runnable() || !checked.text().empty());
  (void)checked.node_errors();
  const std::string written = workflow::dump_json(workflow::to_json(flow.prompt, true));
  require(workflow::parse_prompt(workflow::parse_json(written)).nodes.size() == flow.prompt.nodes.size());
  (void)workflow::dump_json(workflow::to_graph(flow.prompt, table));
}

}  // namespace easel::fuzz
