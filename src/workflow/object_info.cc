#include "workflow/object_info.h"

#include <functional>
#include <map>

namespace easel::workflow {
namespace {

// What stands in the place of an input's choices.
using Choices = std::function<Json(const InputSpec&)>;

Choices listed(const ChoiceProvider& provider) {
  return [&provider](const InputSpec& input) { return Json(choices_of(input, provider)); };
}

Json config(const InputSpec& input, const Choices& choices, bool always_options) {
  Json options = Json::object();
  const auto option = [&](const char* key, const Literal& value) {
    if (!std::holds_alternative<std::monostate>(value)) options[key] = to_json(value);
  };
  option("default", input.default_value);
  option("min", input.min);
  option("max", input.max);
  option("step", input.step);
  option("round", input.round);
  if (input.multiline) options["multiline"] = true;
  if (input.dynamic_prompts) options["dynamicPrompts"] = true;
  if (input.names_embeddings) options["prompt_text"] = true;
  if (input.image_upload) options["image_upload"] = true;
  if (input.control_after_generate) options["control_after_generate"] = true;
  if (input.force_input) options["forceInput"] = true;
  if (!input.tooltip.empty()) options["tooltip"] = input.tooltip;
  if (!std::holds_alternative<std::monostate>(input.useful_min))
    options["useful"] = {
        {"min", to_json(input.useful_min)}, {"max", to_json(input.useful_max)}, {"step", to_json(input.useful_step)}};
  Json config = Json::array({input.is_combo() ? choices(input) : Json(input.type)});
  if (always_options || !options.empty()) config.push_back(std::move(options));
  return config;
}

Json info(const NodeSpec& node, const Choices& choices) {
  Json input = {{"required", Json::object()}}, order = {{"required", Json::array()}};
  for (const InputSpec& spec : node.inputs) {
    const char* group = spec.presence == Presence::kRequired   ? "required"
                        : spec.presence == Presence::kOptional ? "optional"
                                                               : "hidden";
    input[group][spec.name] = spec.presence == Presence::kHidden ? Json(spec.type) : config(spec, choices, false);
    order[group].push_back(spec.name);
  }
  Json types = Json::array(), lists = Json::array(), names = Json::array(), tips = Json::array();
  bool any_tip = false;
  for (const OutputSpec& output : node.outputs) {
    types.push_back(output.type);
    lists.push_back(output.is_list);
    names.push_back(output.label());
    tips.push_back(output.tooltip);
    any_tip = any_tip || !output.tooltip.empty();
  }
  Json out = {{"input", std::move(input)},
              {"input_order", std::move(order)},
              {"output", std::move(types)},
              {"output_is_list", std::move(lists)},
              {"output_name", std::move(names)},
              {"name", node.class_type},
              {"display_name", node.display_name.empty() ? node.class_type : node.display_name},
              {"description", node.description},
              {"python_module", node.origin.empty() ? "nodes" : "custom_nodes." + node.origin},
              {"category", node.category},
              {"output_node", node.output_node}};
  if (any_tip) out["output_tooltips"] = std::move(tips);
  if (node.deprecated) out["deprecated"] = true;
  if (node.experimental) out["experimental"] = true;
  return out;
}

// Lists of files as text, each made once: a mark stands for one, which no description has in it.
class ListTexts {
 public:
  explicit ListTexts(const ChoiceProvider& provider) : provider_(provider) {}

  Json mark(const InputSpec& input) {
    if (input.choices_from.empty()) return choices_of(input, provider_);
    const auto key = std::make_pair(input.choices_from, input.choices);
    auto at = places_.find(key);
    if (at == places_.end()) {
      at = places_.emplace(key, texts_.size()).first;
      texts_.push_back(dump_json(choices_of(input, provider_)));
    }
    return std::string(kMark) + std::to_string(at->second) + kMark;
  }

  void append(std::string& out, const std::string& text) const {
    static const std::string quoted = dump_json(kMark), mark = quoted.substr(1, quoted.size() - 2);
    size_t from = 0;
    for (size_t at; (at = text.find(mark, from)) != std::string::npos;) {
      out.append(text, from, at - 1 - from);  // but for the quote
      const size_t number = at + mark.size(), end = text.find(mark, number);
      out += texts_.at(std::stoul(text.substr(number, end - number)));
      from = end + mark.size() + 1;
    }
    out.append(text, from);
  }

 private:
  static constexpr const char* kMark = "\x01";
  const ChoiceProvider& provider_;
  std::map<std::pair<std::string, std::vector<std::string>>, size_t> places_;
  std::vector<std::string> texts_;
};

}  // namespace

Json to_json(const Literal& literal) {
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) return nullptr;
        else return value;
      },
      literal);
}

Json input_config(const InputSpec& input, const ChoiceProvider& provider, bool always_options) {
  return config(input, listed(provider), always_options);
}

Json object_info(const NodeSpec& node, const ChoiceProvider& provider) { return info(node, listed(provider)); }

Json object_info(const NodeTable& table, const ChoiceProvider& provider) {
  Json out = Json::object();
  for (const NodeSpec* node : table.list()) out[node->class_type] = object_info(*node, provider);
  return out;
}

std::string object_info_text(const NodeTable& table, const ChoiceProvider& provider) {
  ListTexts lists(provider);
  const Choices marks = [&](const InputSpec& input) { return lists.mark(input); };
  std::string out = "{";
  for (const NodeSpec* node : table.list()) {
    if (out.size() > 1) out += ',';
    lists.append(out, dump_json(node->class_type) + ':' + dump_json(info(*node, marks)));
  }
  return out += '}';
}

}  // namespace easel::workflow
