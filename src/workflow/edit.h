// Small changes to a prompt before it runs: --set and --seed-offset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

// NODE.INPUT=VALUE taken apart. Throws Error(kUsage) when it does not have that form.
struct Assignment {
  std::string node, input, value;
};
Assignment parse_assignment(const std::string& text);

// Which node a name means: its id, else its title, else its class, the latter two only when unique.
// Throws Error(kUsage) listing the candidates.
const PromptNode& find_node(const Prompt& prompt, const std::string& name);

// Puts a value into an input, converted to the input's type. A value that was linked is replaced. A text is rewritten
// as the editor rewrites one that is typed into it (convert/dynamic_text.h). Throws Error(kUsage) naming the inputs
// there are when there is none of that name, or when it can only be linked.
void assign(Prompt& prompt, const NodeTable& table, const Assignment& assignment);

// Several, written as NODE.INPUT=VALUE: seeds first, from which it follows what is picked in texts.
void assign(Prompt& prompt, const NodeTable& table, const std::vector<std::string>& assignments);

// Adds to every seed typed into a node, modulo 2^64.
void offset_seeds(Prompt& prompt, const NodeTable& table, int64_t offset);

}  // namespace easel::workflow
