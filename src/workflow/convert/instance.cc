#include "workflow/convert/instance.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"

namespace easel::workflow {
namespace {

// The id that stands for the subgraph itself in a list of promoted widgets.
constexpr const char* kOwnInput = "-1";
constexpr size_t kMaxPromoted = 1000;  // widgets on one node
constexpr size_t kLongestName = 1000;  // that is taken apart

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_number_integer() ? value.dump() : std::string();
}

// One widget shown on the node: one that an input of the subgraph feeds, or any other inside.
struct Shown {
  std::optional<size_t> input;  // of the subgraph
  std::string node, widget, source;
};

// "12: seed" was written for the widget "seed" of node 12, in some versions once for each level of nesting.
struct Prefixed {
  std::string node, rest;
};
std::optional<Prefixed> prefixed(const std::string& name) {
  const size_t colon = name.find(':');
  if (colon == std::string::npos || colon == 0 || name.size() > kLongestName ||
      name.find_first_not_of("0123456789", 0) != colon)
    return std::nullopt;
  const size_t rest = name.find_first_not_of(' ', colon + 1);
  if (rest == std::string::npos) return std::nullopt;
  return Prefixed{name.substr(0, colon), name.substr(rest)};
}

// Whether a widget of this type can hold the value. Types of links, and lists of choices, hold any text or number.
bool fits(const std::string& type, const Json& value) {
  if (value.is_null()) return true;
  if (type == "INT" || type == "FLOAT") return value.is_number();
  if (type == "STRING") return value.is_string();
  if (type == "BOOLEAN") return value.is_boolean();
  if (type == "COMBO") return value.is_string() || value.is_number() || value.is_boolean();
  return true;
}

class Reader {
 public:
  Reader(const GraphNode& node, const Subgraph& subgraph) : node_(node), subgraph_(subgraph) {}

  Instance run() {
    out_.inputs.assign(subgraph_.inputs.size(), nullptr);
    out_.values.assign(subgraph_.inputs.size(), nullptr);
    match_inputs();
    promoted_ = promoted();
    take_overrides();
    take_own_values();
    return std::move(out_);
  }

 private:
  // By name and type, else by name: the order, and which of them are listed at all, differ between editors.
  void match_inputs() {
    std::set<const GraphInput*> matched;
    for (const bool same_type : {true, false})
      for (const GraphInput& input : node_.inputs) {
        const auto named = subgraph_.inputs_by_name.find(input.name);
        if (named == subgraph_.inputs_by_name.end() || matched.contains(&input)) continue;
        for (const size_t i : named->second) {
          if (out_.inputs[i] || (same_type && subgraph_.inputs[i].type != input.type)) continue;
          out_.inputs[i] = &input;
          matched.insert(&input);
          break;
        }
      }
  }

  bool is_widget(size_t i) const {
    return !subgraph_.inputs[i].widget.empty() || (out_.inputs[i] && !out_.inputs[i]->widget.empty());
  }

  std::optional<size_t> input_named(const std::string& name) const {
    const auto named = subgraph_.inputs_by_name.find(name);
    if (named == subgraph_.inputs_by_name.end()) return std::nullopt;
    return named->second.front();
  }

  // The input that feeds this widget; `node` empty: of any node.
  std::optional<size_t> input_feeding(const std::string& node, const std::string& widget) const {
    const auto feeding = subgraph_.inputs_by_widget.find(widget);
    if (feeding == subgraph_.inputs_by_widget.end()) return std::nullopt;
    for (const size_t i : feeding->second)
      if (node.empty() || subgraph_.inputs[i].target == node) return i;
    return std::nullopt;
  }

  const GraphNode* inside(const std::string& id) const {
    const auto found = subgraph_.nodes_by_id.find(id);
    return found == subgraph_.nodes_by_id.end() ? nullptr : &subgraph_.content.nodes[found->second];
  }

  // What an entry [node, widget, source] of the list of promoted widgets means.
  Shown resolve(const std::string& node, const std::string& widget, const std::string& source) const {
    if (node == kOwnInput) return {input_named(widget), "", widget, source};
    if (const auto input = input_feeding(node, widget)) return {input, node, widget, source};
    if (const auto prefix = prefixed(widget); prefix && inside(node)) {
      // The number says again which node it is, or which one inside of it.
      if (prefix->node == node) return resolve(node, prefix->rest, source);
      if (const auto input = input_feeding(node, prefix->rest)) return {input, node, prefix->rest, prefix->node};
    }
    return {std::nullopt, node, widget, source};
  }

  // What the level above gives for a widget that this node shows.
  Shown resolve_override(const WidgetOverride& given) const {
    if (!given.inside.empty()) return resolve(given.inside, given.name, given.source);
    if (!given.source.empty())
      if (const auto input = input_feeding(given.source, given.name)) return {input, "", given.name, ""};
    if (const auto input = input_named(given.name)) return {input, "", given.name, ""};
    if (const auto prefix = prefixed(given.name); prefix && inside(prefix->node))
      return resolve(prefix->node, prefix->rest, given.source);
    if (const auto input = input_feeding("", given.name)) return {input, "", given.name, ""};
    for (const Shown& shown : promoted_)
      if (shown.widget == given.name) return shown;
    return {std::nullopt, "", given.name, ""};
  }

  void take_overrides() {
    for (const WidgetOverride& given : node_.overrides) give(resolve_override(given), given.value);
  }

  // The first to give a value is the outermost, which wins.
  void give(const Shown& shown, const Json& value) {
    if (value.is_null()) return;
    if (shown.input) {
      if (out_.values[*shown.input].is_null()) out_.values[*shown.input] = value;
    } else if (!shown.node.empty() && !shown.widget.starts_with("$$") &&  // "$$..." are previews
               shown.widget != "control_after_generate") {
      out_.inner.push_back({shown.node, {shown.widget, value, shown.source, {}}});
    }
  }

  // properties.proxyWidgets: lists of a node's id and a widget's name, or that as JSON text.
  std::vector<Shown> promoted() const {
    std::vector<Shown> out;
    if (!node_.properties.is_object()) return out;
    const auto given = node_.properties.find("proxyWidgets");
    if (given == node_.properties.end()) return out;
    const Json list = given->is_string() ? parse_json(given->get_ref<const std::string&>()) : *given;
    if (!list.is_array()) return out;
    if (list.size() > kMaxPromoted)
      throw Error(Fault::kInvalid, "shows more than the " + std::to_string(kMaxPromoted) + " widgets allowed")
          .at_node(node_.id, node_.type);
    for (const Json& entry : list) {
      if (!entry.is_array() || entry.size() < 2 || text_of(entry[0]).empty() || !entry[1].is_string())
        throw Error(Fault::kInvalid, "has a proxyWidgets entry that is no pair of a node's id and a widget's name")
            .at_node(node_.id, node_.type)
            .fix("Open the workflow in the editor and save it again");
      out.push_back(resolve(text_of(entry[0]), entry[1].get<std::string>(), entry.size() > 2 ? text_of(entry[2]) : ""));
    }
    return out;
  }

  // Values that a newer editor could not place any more, which it keeps with the name of their input.
  void take_kept_values() {
    if (!node_.properties.is_object()) return;
    const auto list = node_.properties.find("proxyWidgetErrorQuarantine");
    if (list == node_.properties.end() || !list->is_array()) return;
    for (const Json& kept : *list) {
      if (!kept.is_object() || !kept.contains("originalEntry") || !kept.contains("hostValue")) continue;
      const Json& entry = kept["originalEntry"];
      if (!entry.is_array() || entry.size() < 2 || text_of(entry[0]) != kOwnInput || !entry[1].is_string()) continue;
      if (const auto input = input_named(entry[1].get<std::string>())) give({input, "", "", ""}, kept["hostValue"]);
    }
  }

  void take_named(const Json& values) {
    for (const auto& [name, value] : values.items())
      if (const auto input = input_named(name)) give({input, "", "", ""}, value);
  }

  void take_own_values() {
    take_kept_values();
    if (node_.widgets.is_object()) return take_named(node_.widgets);
    if (!node_.widgets.is_array() || node_.widgets.empty()) {
      if (node_.named_widgets.is_object()) take_named(node_.named_widgets);
      return;
    }
    if (named_agree()) return take_named(node_.named_widgets);
    const std::vector<Shown> order = order_of_values();
    for (size_t i = 0; i < order.size() && i < node_.widgets.size(); ++i) give(order[i], node_.widgets[i]);
  }

  // The editor reads the list, so the names count only where they say the same.
  bool named_agree() const {
    if (!node_.named_widgets.is_object() || node_.named_widgets.size() != node_.widgets.size()) return false;
    return std::equal(node_.widgets.begin(), node_.widgets.end(), node_.named_widgets.begin());
  }

  // Which widget each of the values belongs to. Where the file does not say it in so many words, the first reading
  // is taken in which the values are of the widgets' types.
  std::vector<Shown> order_of_values() const {
    const std::vector<Shown>& listed = promoted_;
    std::vector<Shown> own;  // fed by inputs, in the subgraph's order
    for (size_t i = 0; i < subgraph_.inputs.size(); ++i)
      if (is_widget(i)) own.push_back({i, "", "", ""});
    const size_t values = node_.widgets.size();
    std::vector<std::vector<Shown>> readings;
    if (!listed.empty()) {
      // The first editor with such a list kept only the values of widgets that inputs feed, and listed the others.
      const bool feeds = std::any_of(listed.begin(), listed.end(), [](const Shown& s) { return s.input.has_value(); });
      if (!feeds && values == own.size() && values != listed.size()) readings.push_back(own);
      readings.push_back(listed);
      if (!feeds) {
        readings.push_back(own);
        readings.push_back(own);
        readings.back().insert(readings.back().end(), listed.begin(), listed.end());
      }
    } else {
      if (values > own.size()) readings.push_back(with_control_values(own));
      readings.push_back(own);
      readings.push_back(as_listed_on_node());
    }
    for (const auto& reading : readings)
      if (well_typed(reading)) return reading;
    return readings.front();
  }

  // Some editors keep the value after a seed here as they do in an ordinary node.
  std::vector<Shown> with_control_values(const std::vector<Shown>& own) const {
    std::vector<Shown> out;
    size_t next = 0;
    for (const Shown& shown : own) {
      out.push_back(shown);
      ++next;
      const bool seed = subgraph_.inputs[*shown.input].type == "INT";
      if (seed && next < node_.widgets.size() && is_control_value(node_.widgets[next])) {
        out.push_back({std::nullopt, "", "", ""});
        ++next;
      }
    }
    return out;
  }

  std::vector<Shown> as_listed_on_node() const {
    std::vector<Shown> out;
    for (const GraphInput& input : node_.inputs)
      for (size_t i = 0; i < out_.inputs.size(); ++i)
        if (out_.inputs[i] == &input && is_widget(i)) out.push_back({i, "", "", ""});
    return out;
  }

  bool well_typed(const std::vector<Shown>& order) const {
    for (size_t i = 0; i < node_.widgets.size(); ++i) {
      if (i >= order.size()) return false;
      if (!fits(type_of(order[i]), node_.widgets[i])) return false;
    }
    return true;
  }

  // The type of a widget as far as the file says it, else empty.
  std::string type_of(const Shown& shown) const {
    if (shown.input) return subgraph_.inputs[*shown.input].type;
    if (const GraphNode* node = inside(shown.node))
      for (const GraphInput& input : node->inputs)
        if (input.widget == shown.widget) return input.type;
    return {};
  }

  const GraphNode& node_;
  const Subgraph& subgraph_;
  std::vector<Shown> promoted_;
  Instance out_;
};

}  // namespace

Instance read_instance(const GraphNode& node, const Subgraph& subgraph) { return Reader(node, subgraph).run(); }

}  // namespace easel::workflow
