// Texts as the editor rewrites them when it queues a graph.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

// Numbers to draw with, the same on every machine for the same beginning (splitmix64).
class Draw {
 public:
  explicit Draw(uint64_t seed) : state_(seed) {}
  // One of 0 .. count - 1; count is at least 1.
  size_t below(size_t count);

 private:
  uint64_t state_;
};

// The beginning that belongs to a name, such as a node's id.
uint64_t draw_start(std::string_view name);

// Takes out comments ("// ..." to the end of the line, but not in "http://", and "/* ... */"), picks one of the choices
// of each "{a|b|{c|d}}", and takes the backslash from "\{", "\|" and "\}".
std::string rewritten_text(std::string_view text, Draw& draw);

// Rewrites every text typed into an input that the table marks for it (dynamic_prompts). What is picked follows from
// the first seed in the prompt and the input's place, so that the same workflow always gives the same texts.
void rewrite_texts(Prompt& prompt, const NodeTable& table);

// The same for one input of a node of the prompt; nothing happens to inputs that are not marked.
void rewrite_text(Prompt& prompt, const NodeTable& table, const std::string& node, const InputSpec& input);

}  // namespace easel::workflow
