// The order in which nodes run.
#pragma once

#include <string>
#include <vector>

#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::engine {

// A node's linked inputs, in the order its inputs are declared.
std::vector<workflow::Link> links(const workflow::PromptNode& node, const workflow::NodeTable& table);
// The ids of the nodes they come from.
std::vector<std::string> upstream(const workflow::PromptNode& node, const workflow::NodeTable& table);

// Everything the outputs depend on and they themselves, each node after those it depends on: outputs in the given
// order, depth first, inputs in the order of their declaration. The prompt must have passed validation.
std::vector<std::string> dependency_order(const workflow::Prompt& prompt, const workflow::NodeTable& table,
                                          const std::vector<std::string>& outputs);

}  // namespace easel::engine
