#include "workflow/edit.h"

#include "base/error.h"
#include "workflow/coerce.h"
#include "workflow/convert/dynamic_text.h"
#include "workflow/convert/graph.h"

namespace easel::workflow {
namespace {

std::string list_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// The only node for which `key` gives `name`, or nullptr; throws when there are several.
template <class Key>
const PromptNode* unique_node(const Prompt& prompt, const std::string& name, const char* what, Key key) {
  const PromptNode* found = nullptr;
  std::vector<std::string> ids;
  for (const PromptNode& node : prompt.nodes)
    if (key(node) == name) {
      found = &node;
      ids.push_back(node.id);
    }
  if (ids.size() > 1)
    throw Error(Fault::kUsage, "several nodes have the " + std::string(what) + " '" + name + "'")
        .fix("Name one by its id: " + list_names(ids));
  return found;
}

}  // namespace

Assignment parse_assignment(const std::string& text) {
  const size_t equals = text.find('=');
  const size_t dot = equals == std::string::npos ? equals : text.rfind('.', equals);
  if (dot == std::string::npos || dot == 0 || dot + 1 == equals)
    throw Error(Fault::kUsage, "'" + text + "' is not of the form NODE.INPUT=VALUE")
        .fix("For instance --set 3.seed=42 or --set KSampler.steps=20");
  return {text.substr(0, dot), text.substr(dot + 1, equals - dot - 1), text.substr(equals + 1)};
}

const PromptNode& find_node(const Prompt& prompt, const std::string& name) {
  if (const PromptNode* node = prompt.find(name)) return *node;
  if (const auto* node = unique_node(prompt, name, "title", [](const PromptNode& n) { return n.title; })) return *node;
  if (const auto* node = unique_node(prompt, name, "class", [](const PromptNode& n) { return n.class_type; }))
    return *node;
  std::vector<std::string> names;
  for (const PromptNode& node : prompt.nodes) names.push_back(node.id + " (" + node.class_type + ")");
  throw Error(Fault::kUsage, "the workflow has no node '" + name + "'").fix("It has " + list_names(names));
}

void assign(Prompt& prompt, const NodeTable& table, const Assignment& assignment) {
  PromptNode& node = *prompt.find(find_node(prompt, assignment.node).id);
  std::vector<std::string> given = node.input_names();
  const NodeSpec* spec = table.find(node.class_type, given);
  if (!spec) throw Error(Fault::kUsage, "its class is not known").at_node(node.id, node.class_type);
  const InputSpec* input = spec->input(assignment.input);
  if (!input || input->presence == Presence::kHidden) {
    std::vector<std::string> names;
    for (const InputSpec& i : spec->inputs)
      if (i.has_widget()) names.push_back(i.name);
    throw Error(Fault::kUsage, "has no input '" + assignment.input + "'")
        .at_node(node.id, node.class_type)
        .fix(names.empty() ? "None of its inputs can be set" : "These can be set: " + list_names(names));
  }
  if (!input->has_widget())
    throw Error(Fault::kUsage, "takes a link of type " + input->type + " and cannot be set to a value")
        .at_node(node.id, node.class_type)
        .at_input(input->name);
  try {
    node.inputs[input->name] = parse_value(*input, assignment.value);
  } catch (Error& e) {
    throw e.at_node(node.id, node.class_type);
  }
  rewrite_text(prompt, table, node.id, *input);
}

void assign(Prompt& prompt, const NodeTable& table, const std::vector<std::string>& assignments) {
  std::vector<Assignment> parsed;
  for (const std::string& text : assignments) parsed.push_back(parse_assignment(text));
  std::stable_partition(parsed.begin(), parsed.end(), [](const Assignment& a) { return is_seed_name(a.input); });
  for (const Assignment& assignment : parsed) assign(prompt, table, assignment);
}

void offset_seeds(Prompt& prompt, const NodeTable& table, int64_t offset) {
  for (PromptNode& node : prompt.nodes) {
    const NodeSpec* spec = table.find(node.class_type, node.input_names());
    if (!spec) continue;
    for (const InputSpec& input : spec->inputs) {
      if (input.type != "INT" || !input.control_after_generate) continue;
      const auto value = node.inputs.find(input.name);
      if (value == node.inputs.end() || !value->is_number_integer()) continue;
      const uint64_t seed =
          value->is_number_unsigned() ? value->get<uint64_t>() : static_cast<uint64_t>(value->get<int64_t>());
      *value = seed + static_cast<uint64_t>(offset);
    }
  }
}

}  // namespace easel::workflow
