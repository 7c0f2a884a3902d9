#include "workflow/prompt.h"

#include <algorithm>

#include "base/error.h"
#include "workflow/renames.h"

namespace easel::workflow {

std::optional<Link> as_link(const Json& value) {
  if (!value.is_array() || value.size() != 2) return std::nullopt;
  const Json &node = value[0], &slot = value[1];
  Link link;
  if (node.is_string()) link.node = node.get<std::string>();
  else if (node.is_number_integer()) link.node = node.dump();
  else return std::nullopt;
  if (slot.is_number_unsigned() && slot.get<uint64_t>() > 1u << 20) return std::nullopt;
  if (slot.is_number_integer()) link.slot = slot.get<int64_t>();
  else if (slot.is_number_float() && slot.get<double>() >= 0 && slot.get<double>() < 1 << 20)
    link.slot = static_cast<int64_t>(slot.get<double>());
  else return std::nullopt;
  return link;
}

std::vector<std::string> PromptNode::input_names() const {
  std::vector<std::string> out;
  for (const auto& item : inputs.items()) out.push_back(item.key());
  return out;
}

const PromptNode* Prompt::find(std::string_view id) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(), [&](const PromptNode& n) { return n.id == id; });
  return it == nodes.end() ? nullptr : &*it;
}

PromptNode* Prompt::find(std::string_view id) {
  return const_cast<PromptNode*>(static_cast<const Prompt*>(this)->find(id));
}

std::optional<std::string> typed_input(const Prompt& prompt, std::string_view node, const std::string& input) {
  for (const PromptNode& n : prompt.nodes) {
    if (n.id != node && n.title != node && n.class_type != node) continue;
    if (const auto it = n.inputs.find(input); it != n.inputs.end() && !it->is_array()) return python_str(*it);
  }
  return std::nullopt;
}

Prompt parse_prompt(const Json& json) {
  if (!json.is_object())
    throw Error(Fault::kInvalid,
                "a prompt must be an object of nodes by their id, this is " + std::string(json.type_name()));
  Prompt prompt;
  for (const auto& [id, node] : json.items()) {
    if (!node.is_object())
      throw Error(Fault::kInvalid,
                  "must be an object with class_type and inputs, this is " + std::string(node.type_name()))
          .at_node(id);
    PromptNode out;
    out.id = id;
    if (const auto it = node.find("class_type"); it != node.end()) {
      if (!it->is_string()) throw Error(Fault::kInvalid, "class_type must be a string").at_node(id);
      out.class_type = it->get<std::string>();
    }
    if (const auto it = node.find("inputs"); it != node.end() && !it->is_null()) {
      if (!it->is_object()) throw Error(Fault::kInvalid, "inputs must be an object").at_node(id, out.class_type);
      out.inputs = *it;
    }
    if (const auto meta = node.find("_meta"); meta != node.end() && meta->is_object())
      if (const auto title = meta->find("title"); title != meta->end() && title->is_string())
        out.title = title->get<std::string>();
    use_todays_names(out);
    use_todays_values(out);
    prompt.nodes.push_back(std::move(out));
  }
  return prompt;
}

Json to_json(const Prompt& prompt, bool titles) {
  Json out = Json::object();
  for (const PromptNode& node : prompt.nodes) {
    Json item = {{"class_type", node.class_type}, {"inputs", node.inputs}};
    if (titles && !node.title.empty()) item["_meta"] = {{"title", node.title}};
    out.push_back({node.id, std::move(item)});
  }
  return out;
}

}  // namespace easel::workflow
