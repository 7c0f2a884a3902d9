// The API form of a workflow: what is to be run, nothing about how it looks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/json.h"

namespace easel::workflow {

// The other end of a linked input.
struct Link {
  std::string node;
  int64_t slot = 0;
  bool operator==(const Link&) const = default;
};

// The link that an input value stands for: a list of a node id and a slot number. Ids given as numbers are
// taken as their text.
std::optional<Link> as_link(const Json& value);

struct PromptNode {
  std::string id;
  std::string class_type;        // empty when the workflow names none
  std::string title;             // _meta.title, may be empty
  Json inputs = Json::object();  // name to value, or to [node id, slot]

  std::vector<std::string> input_names() const;
};

// Nodes in the order of the file.
struct Prompt {
  std::vector<PromptNode> nodes;

  const PromptNode* find(std::string_view id) const;
  PromptNode* find(std::string_view id);
};

// A typed input of a node that is named by its id, title or class, as text; nothing when it is linked or there is none.
std::optional<std::string> typed_input(const Prompt& prompt, std::string_view node, const std::string& input);

// Reads {id: {class_type, inputs, _meta}}; nodes by an old name get the one they have today. Throws Error(kInvalid)
// when a part has the wrong kind; a missing class_type is left for validation to report.
Prompt parse_prompt(const Json& json);

// The reverse. `titles` adds _meta to nodes that have a title.
Json to_json(const Prompt& prompt, bool titles = false);

}  // namespace easel::workflow
