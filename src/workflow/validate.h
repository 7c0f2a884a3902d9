// Finding every fault of a prompt before anything is computed, in the words clients of ComfyUI know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workflow/fault.h"
#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

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
  std::optional<PromptFault> error;  // nothing when something can be run
  std::vector<FaultyNode> faulty;    // may hold entries although there is no `error`: other outputs are fine
  std::vector<std::string> outputs;  // output nodes that can be run, in the prompt's order
  Prompt prompt;                     // values converted to their inputs' types
  std::vector<Notice> notices;       // what nodes that could be foreseen had to say

  // For each output node that cannot be run although others can, why not.
  std::vector<Notice> left_out() const;

  bool runnable() const { return !error; }
  bool flawless() const { return !error && faulty.empty(); }
  // {id: {errors, dependent_outputs, class_type}}, as POST /prompt answers it.
  Json node_errors() const;
  // A line per fault, for people.
  std::string text() const;
  // All faults as one Error, of the kind that all of them are (a file that is missing, models that do not fit, ...),
  // else kInvalid; call when not flawless().
  [[noreturn]] void raise() const;
};

// The fault that no output can be made; `details` says why, in a line for each fault.
PromptFault nothing_runs(std::string details);

// Checks the nodes that outputs depend on. `only` restricts which output nodes count; empty: all.
Validation validate(const Prompt& prompt, const NodeTable& table, const ChoiceProvider& provider,
                    const std::vector<std::string>& only = {});

}  // namespace easel::workflow
