#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "workflow/convert/convert.h"
#include "workflow/convert/dynamic_text.h"
#include "workflow/convert/everywhere.h"
#include "workflow/convert/lora_lists.h"
#include "workflow/convert/switches.h"
#include "workflow/object_info.h"
#include "workflow/renames.h"

namespace easel::workflow {
namespace {

constexpr int kDeepest = 32;  // borders of nested subgraphs, one behind the other

// Nodes that pass on their input. The setting nodes of KJNodes and easy-use also do that.
bool is_set(const GraphNode& node) { return node.type == "SetNode" || node.type == "easy setNode"; }
bool is_get(const GraphNode& node) { return node.type == "GetNode" || node.type == "easy getNode"; }
bool passes_on(const GraphNode& node) {
  return node.type == "Reroute" || node.type == "Reroute (rgthree)" || node.type == "ReroutePrimitive|pysssss" ||
         is_set(node);
}

// The name under which a setting node keeps its link.
std::string set_name(const GraphNode& node) {
  if (node.widgets.is_array() && !node.widgets.empty() && node.widgets[0].is_string())
    return node.widgets[0].get<std::string>();
  return {};
}

// Nodes that exist in the editor only.
bool is_virtual(const GraphNode& node) {
  static constexpr std::array kTypes{"Note", "MarkdownNote", "PrimitiveNode",
                                     // rgthree-comfy's, which switch nodes and groups on and off in the editor
                                     "Fast Groups Muter (rgthree)", "Fast Groups Bypasser (rgthree)",
                                     "Fast Muter (rgthree)", "Fast Bypasser (rgthree)", "Fast Actions Button (rgthree)",
                                     "Mute / Bypass Relay (rgthree)", "Mute / Bypass Repeater (rgthree)",
                                     "Random Unmuter (rgthree)", "Node Collector (rgthree)", "Label (rgthree)",
                                     "Bookmark (rgthree)"};
  return passes_on(node) || is_get(node) || std::find(kTypes.begin(), kTypes.end(), node.type) != kTypes.end() ||
         (is_everywhere_node(node.type) && node.type != "Seed Everywhere");
}

bool is_skipped(const GraphNode& node) { return node.mode == NodeMode::kMuted || node.mode == NodeMode::kBypassed; }

class Converter {
 public:
  Converter(const Graph& graph, const NodeTable& table) : graph_(graph), table_(table) {
    for (const GraphNode& node : graph.nodes) by_id_.emplace(node.id, &node);
    for (const auto& [id, link] : graph.links) feeding_.insert(link.from);
    for (const GraphNode& node : graph.nodes)
      if (is_set(node)) sets_.emplace(std::pair{level_of(node.id), set_name(node)}, &node);
  }

  Prompt run() {
    Prompt prompt;
    std::set<std::string_view> ids;
    for (const GraphNode& node : graph_.nodes) {
      if (is_virtual(node) || is_skipped(node) || is_decoration(node)) continue;
      if (!ids.insert(node.id).second)  // links name ids, so nobody can tell which of them is meant
        throw Error(Fault::kInvalid, "two nodes of the graph have the id " + node.id)
            .fix("Open the workflow in the editor, which gives one of them another, and save it again");
      prompt.nodes.push_back(convert(node));
    }
    take_apart_lora_lists(prompt, table_);
    take_out_switches(prompt, table_);
    rewrite_texts(prompt, table_);
    return prompt;
  }

 private:
  // Notes, labels and switches of extensions that are not there: nothing flows into them or out of them.
  bool is_decoration(const GraphNode& node) const {
    return table_.forms(node.type).empty() && !feeding_.contains(node.id) &&
           std::all_of(node.inputs.begin(), node.inputs.end(), [](const GraphInput& i) { return i.link == kNoLink; });
  }

  PromptNode convert(const GraphNode& node) const {
    PromptNode out;
    out.id = node.id;
    out.class_type = node.type;
    out.title = node.title;
    add_inputs(node, out, true);
    return out;
  }

  // With `links`, linked inputs are links; else all widgets have the values typed in.
  void add_inputs(const GraphNode& node, PromptNode& out, bool links) const {
    if (const NodeSpec* spec = find_form(node)) add_known(node, *spec, out, links);
    else add_unknown(node, out, links);
  }

  // Among forms that share a name, the one whose links and widgets fit what the graph shows of the node.
  const NodeSpec* find_form(const GraphNode& node) const {
    const auto forms = table_.forms(node.type);
    if (forms.size() < 2) return forms.empty() ? nullptr : forms.front();
    std::vector<std::string> names;
    for (const GraphInput& input : node.inputs) names.push_back(input.name);
    if (node.widgets.is_object())
      for (const auto& item : node.widgets.items()) names.push_back(item.key());
    const auto misfit = [&](const NodeSpec& form) {
      size_t count = 0;
      for (const std::string& name : names) count += form.input(name) == nullptr;
      for (const InputSpec& input : form.inputs)
        if (!input.has_widget() && input.presence == Presence::kRequired)
          count += std::find(names.begin(), names.end(), input.name) == names.end();
      return count;
    };
    const auto rank = [&](const NodeSpec* form) { return std::pair(misfit(*form), begins_otherwise(*form, node)); };
    return *std::min_element(forms.begin(), forms.end(),
                             [&](const NodeSpec* a, const NodeSpec* b) { return rank(a) < rank(b); });
  }

  // Whether the first typed value is a text where the form has a number, or the other way round.
  static bool begins_otherwise(const NodeSpec& form, const GraphNode& node) {
    if (!node.widgets.is_array() || node.widgets.empty()) return false;
    const auto first =
        std::find_if(form.inputs.begin(), form.inputs.end(), [](const InputSpec& input) { return input.has_widget(); });
    if (first == form.inputs.end()) return false;
    const bool number = first->type == "INT" || first->type == "FLOAT";
    return number ? node.widgets.front().is_string() : node.widgets.front().is_number();
  }

  void add_known(const GraphNode& node, const NodeSpec& spec, PromptNode& out, bool links) const {
    std::vector<const InputSpec*> widgets;
    for (const InputSpec& input : spec.inputs)
      if (input.presence != Presence::kHidden && input.has_widget()) widgets.push_back(&input);
    const bool last_seed = keeps_last_seed(node, widgets.size());
    widgets.push_back(nullptr);
    size_t next = 0, widget = 0;  // of the values, and of the widgets
    for (const InputSpec& input : spec.inputs) {
      if (input.presence == Presence::kHidden) continue;
      if (input.has_widget()) {
        Json value = take_widget(node, input, widgets[++widget], last_seed, next);
        if (const Json* given = given_from_outside(node, input.name)) value = wrapped(*given);
        if (!value.is_null()) out.inputs[input.name] = std::move(value);
      }
      if (links) add_link(node, input.name, out);
    }
    use_todays_values(out);
    if (!links) return;
    // Inputs the node has in this graph beyond its declaration (nodes that grow inputs).
    for (const GraphInput& input : node.inputs)
      if (!spec.input(input.name)) add_link(node, input.name, out);
  }

  // Whether a value is the one that the editor keeps after a seed. In spring 2023 that was true for "randomize" and
  // false for "fixed". `after` is the widget after the seed, nullptr when there is none.
  static bool follows_seed(const Json& value, const InputSpec* after) {
    return is_control_value(value) || (value.is_boolean() && after && after->type != "BOOLEAN");
  }

  // Whether a node keeps its last seed after the seed, a number or null, as efficiency-nodes' samplers do.
  static bool keeps_last_seed(const GraphNode& node, size_t widgets) {
    return node.type.find("(Eff") != std::string::npos && node.widgets.is_array() && node.widgets.size() > widgets;
  }

  // The widget's value; null when there is none. `after` is the widget after it, nullptr when there is none.
  Json take_widget(const GraphNode& node, const InputSpec& input, const InputSpec* after, bool last_seed,
                   size_t& next) const {
    if (node.widgets.is_object()) {
      const auto it = node.widgets.find(input.name);
      if (it != node.widgets.end()) return wrapped(*it);
    } else if (node.widgets.is_array() && next < node.widgets.size()) {
      Json value = node.widgets[next++];
      if (is_seed(input) && next < node.widgets.size()) {
        const Json& kept = node.widgets[next];
        if (follows_seed(kept, after) || (last_seed && (kept.is_number() || kept.is_null()))) ++next;
      }
      return wrapped(std::move(value));
    }
    return input.presence == Presence::kRequired && !input.added_later ? fallback(input) : Json(nullptr);
  }

  // The value that a subgraph's node gives to a widget inside; null if it gives none. The outermost node comes first.
  static const Json* given_from_outside(const GraphNode& node, const std::string& widget) {
    for (const WidgetOverride& given : node.overrides)
      if (given.name == widget) return &given.value;
    return nullptr;
  }

  // A list among the widgets is a value, not a link.
  static Json wrapped(Json value) { return value.is_array() ? Json{{"__value__", std::move(value)}} : value; }

  // The value that the editor shows for a widget that is missing in the graph.
  static Json fallback(const InputSpec& input) {
    if (input.is_combo() && std::holds_alternative<std::monostate>(input.default_value))
      return input.choices.empty() ? Json(nullptr) : Json(input.choices.front());
    return to_json(input.default_value);
  }

  // A class that is not in the table: names come from the inputs that were made from widgets, where the
  // graph lists them.
  void add_unknown(const GraphNode& node, PromptNode& out, bool links) const {
    if (node.widgets.is_object()) {
      for (const auto& [name, value] : node.widgets.items()) out.inputs[name] = wrapped(value);
    } else if (node.widgets.is_array()) {
      size_t next = 0;
      for (const GraphInput& input : node.inputs) {
        if (input.widget.empty() || next >= node.widgets.size()) continue;
        out.inputs[input.name] = wrapped(node.widgets[next++]);
        if (is_seed_name(input.widget) && next < node.widgets.size() && is_control_value(node.widgets[next])) ++next;
      }
    }
    // Nodes that hold nothing but a seed keep it first.
    const bool seed = node.type == "Seed (rgthree)" || node.type == "Seed Everywhere";
    if (seed && !out.inputs.contains("seed") && node.widgets.is_array() && !node.widgets.empty())
      out.inputs["seed"] = wrapped(node.widgets[0]);
    add_lora_list(node, out);
    for (const WidgetOverride& given : node.overrides)
      if (given_from_outside(node, given.name) == &given.value) out.inputs[given.name] = wrapped(given.value);
    if (!links) return;
    for (const GraphInput& input : node.inputs) add_link(node, input.name, out);
  }

  void add_link(const GraphNode& node, const std::string& name, PromptNode& out) const {
    for (const GraphInput& input : node.inputs) {
      if (input.name != name || input.link == kNoLink) continue;
      const auto origin = trace(input);
      if (!origin) return;
      if (origin->value) out.inputs[name] = *origin->value;
      else out.inputs[name] = Json::array({origin->link.node, origin->link.slot});
      return;
    }
  }

  // The real source of an input's data: a node's output, or a value typed into a primitive.
  struct Origin {
    Link link;
    std::optional<Json> value;
  };

  // Follows reroutes and bypassed nodes upwards; nothing when the way ends at a muted or missing node.
  std::optional<Origin> trace(const GraphInput& consumer) const {
    int64_t link_id = consumer.link;
    std::set<int64_t> seen;  // a chain of reroutes may bite its tail
    while (link_id != kNoLink && seen.insert(link_id).second) {
      const auto link = graph_.links.find(link_id);
      if (link == graph_.links.end()) return std::nullopt;
      const auto found = by_id_.find(link->second.from);
      if (found == by_id_.end()) return Origin{{link->second.from, link->second.from_slot}, {}};
      const GraphNode& node = *found->second;
      // Reroutes and primitives do their work muted, too: they often sit in a group that is switched off as a whole.
      if (node.mode == NodeMode::kMuted && !is_virtual(node)) return std::nullopt;
      if (node.type == "PrimitiveNode") {
        if (!node.overrides.empty()) return Origin{{}, wrapped(node.overrides.front().value)};
        if (node.widgets.is_array() && !node.widgets.empty()) return Origin{{}, wrapped(node.widgets[0])};
        return std::nullopt;
      }
      if (!node.shared_node.empty() && node.inputs.empty()) return shared_value(node);
      if (is_get(node)) {
        const GraphNode* set = set_for(node);
        link_id = !set || set->inputs.empty() ? kNoLink : set->inputs.front().link;
      } else if (passes_on(node)) link_id = node.inputs.empty() ? kNoLink : node.inputs.front().link;
      else if (is_virtual(node)) return std::nullopt;
      else if (node.mode == NodeMode::kBypassed) link_id = bypass(node, link->second.from_slot, consumer.type);
      else return Origin{{node.id, link->second.from_slot}, {}};
    }
    return std::nullopt;
  }

  // "7:3:" of "7:3:12".
  static std::string level_of(const std::string& id) {
    const size_t colon = id.rfind(':');
    return colon == std::string::npos ? "" : id.substr(0, colon + 1);
  }

  // The node that sets what a getting node gets: in its own graph, else in those around it.
  const GraphNode* set_for(const GraphNode& node) const {
    for (std::string level = level_of(node.id);; level = level_of(level.substr(0, level.size() - 1))) {
      const auto found = sets_.find({level, set_name(node)});
      if (found != sets_.end()) return found->second;
      if (level.empty()) return nullptr;
    }
  }

  // What stands in the widget that the border of a subgraph has its value from.
  std::optional<Origin> shared_value(const GraphNode& border) const {
    const GraphNode* at = &border;
    std::string widget;
    for (int depth = 0; depth < kDeepest && !at->shared_node.empty(); ++depth) {
      widget = at->shared_widget;
      const auto next = by_id_.find(at->shared_node);
      if (next == by_id_.end()) return std::nullopt;
      at = next->second;
      if (!is_virtual(*at)) break;
      if (at->widgets.is_array() && !at->widgets.empty()) return Origin{{}, wrapped(at->widgets[0])};
    }
    if (is_virtual(*at)) return std::nullopt;
    PromptNode node;
    add_inputs(*at, node, false);
    const auto value = node.inputs.find(widget);
    if (value == node.inputs.end()) return std::nullopt;
    return Origin{{}, *value};
  }

  // The link that a bypassed node passes on for an output: its input of the same place if the type fits,
  // else its first input of that type.
  int64_t bypass(const GraphNode& node, int64_t slot, const std::string& type) const {
    const std::string& wanted = (type.empty() || type == "*") && slot >= 0 && slot < std::ssize(node.outputs)
                                    ? node.outputs[static_cast<size_t>(slot)].type
                                    : type;
    if (slot >= 0 && slot < std::ssize(node.inputs) && node.inputs[static_cast<size_t>(slot)].type == wanted)
      return node.inputs[static_cast<size_t>(slot)].link;
    for (const GraphInput& input : node.inputs)
      if (input.type == wanted) return input.link;
    // Types with several members, and those that anything fits.
    for (const GraphInput& input : node.inputs)
      if (input.widget.empty() && types_match(input.type, wanted)) return input.link;
    return kNoLink;
  }

  const Graph& graph_;
  const NodeTable& table_;
  std::unordered_map<std::string, const GraphNode*> by_id_;
  std::set<std::string> feeding_;                                         // nodes that a link comes from
  std::map<std::pair<std::string, std::string>, const GraphNode*> sets_;  // by level and name
};

}  // namespace

Prompt to_prompt(const Graph& graph, const NodeTable& table) { return Converter(graph, table).run(); }

}  // namespace easel::workflow
