// Finding every fault of a prompt before anything is computed, in the words clients of ComfyUI know.
#pragma once

#include <string>
#include <vector>

#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

// One fault of one node. `type` is one of
//   required_input_missing  bad_linked_input  return_type_mismatch  invalid_input_type  value_smaller_than_min
//   value_bigger_than_max  value_not_in_list  custom_validation_failed  missing_node_type  dependency_cycle
struct NodeFault {
  std::string type, message, details;
  Json extra_info = Json::object();  // "fault": its fault_name(), where it is not a fault of the workflow itself
};

struct FaultyNode {
  std::string id, class_type;
  std::vector<NodeFault> faults;
  std::vector<std::string> dependent_outputs;  // output nodes that cannot run because of it
};

// Something a person should know although nothing is wrong: a picture that will be cropped, for example.
struct Notice {
  std::string node, class_type, text;
};

struct Validation {
  // {type, message, details, extra_info}, or null when something can be run. type is one of
  //   invalid_prompt  prompt_no_outputs  prompt_outputs_failed_validation
  Json error = nullptr;
  std::vector<FaultyNode> faulty;    // may hold entries although `error` is null: other outputs are fine
  std::vector<std::string> outputs;  // output nodes that can be run, in the prompt's order
  Prompt prompt;                     // values converted to their inputs' types
  std::vector<Notice> notices;       // what nodes that could be foreseen had to say

  // For each output node that cannot be run although others can, why not.
  std::vector<Notice> left_out() const;

  bool runnable() const { return error.is_null(); }
  bool flawless() const { return error.is_null() && faulty.empty(); }
  // {id: {errors, dependent_outputs, class_type}}, as POST /prompt answers it.
  Json node_errors() const;
  // A line per fault, for people.
  std::string text() const;
  // All faults as one Error, of the kind that all of them are (extra_info's "fault": a file that is missing, models
  // that do not fit, ...), else kInvalid; call when not flawless().
  [[noreturn]] void raise() const;
};

// Checks the nodes that outputs depend on. `only` restricts which output nodes count; empty: all.
Validation validate(const Prompt& prompt, const NodeTable& table, const ChoiceProvider& provider,
                    const std::vector<std::string>& only = {});

}  // namespace easel::workflow
