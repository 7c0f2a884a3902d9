#include "workflow/convert/group_nodes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "workflow/convert/graph.h"

namespace easel::workflow {
namespace {

constexpr const char* kPrefixes[] = {"workflow>", "workflow/"};
constexpr size_t kMaxInside = 1000;

std::string text_of(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// A widget of a group node, in the order in which the node keeps their values.
struct Held {
  size_t node = 0;                                    // inside
  std::string widget;                                 // empty: of a node that is not known, so it is passed over
  bool seed = false, choice = false, upload = false;  // extra values may follow
};

// An input slot of a group node, and the one inside that it feeds.
struct Slot {
  std::string name, type;
  size_t node = 0, input = 0;
  bool widget = false;
};

class Group {
 public:
  Group(const std::string& name, const Json& data, const NodeTable& table) : name_(name), data_(data), table_(table) {
    if (!data.is_object() || !data.contains("nodes") || !data["nodes"].is_array() || data["nodes"].size() > kMaxInside)
      throw Error(Fault::kInvalid, "the group node '" + name + "' is not defined by a list of nodes");
    read_nodes();
    read_links();
    newer_ = is_newer();
    for (size_t i = 0; i < nodes_.size(); ++i) add_node(i);
    for (const auto& [slot, held] : converted_) {
      if (linked_.contains({slot.node, slot.input})) continue;
      slots_.push_back(slot);
      held_.push_back(held);
    }
    for (size_t k = 0; k < slots_.size(); ++k) connect(k);
  }

  Json definition(const std::string& id) const {
    Json inputs = Json::array();
    for (const Slot& slot : slots_) inputs.push_back({{"name", slot.name}, {"type", slot.type}});
    return {{"id", id},
            {"name", name_},
            {"inputNode", {{"id", -10}}},
            {"outputNode", {{"id", -20}}},
            {"inputs", std::move(inputs)},
            {"outputs", outputs_},
            {"nodes", nodes_},
            {"links", links_}};
  }

  // Gives the inputs of a node of this group the subgraph's names, and its values the widgets they belong to.
  void rewrite(Json& node) const {
    if (const auto inputs = node.find("inputs"); inputs != node.end() && inputs->is_array()) name_inputs(*inputs);
    const auto values = node.find("widgets_values");
    if (values == node.end() || !values->is_array()) return;
    Json shown = Json::array(), placed = Json::array();
    size_t at = 0;
    for (const Held& held : held_) {
      if (at >= values->size()) break;
      const Json value = (*values)[at++];
      if (held.seed && at < values->size() && is_control_value((*values)[at])) {
        ++at;
        if (held.choice && at < values->size() && (*values)[at] == "") ++at;  // the filter of choices
      }
      if (held.upload && at < values->size() && (*values)[at] == "image") ++at;
      if (held.widget.empty()) continue;
      shown.push_back({std::to_string(held.node), held.widget});
      placed.push_back(value);
    }
    if (!node.contains("properties") || !node["properties"].is_object()) node["properties"] = Json::object();
    node["properties"]["proxyWidgets"] = std::move(shown);
    node["widgets_values"] = std::move(placed);
    node.erase("widgets_values_named");
  }

 private:
  using Place = std::pair<size_t, size_t>;  // a node inside, and one of its slots

  void read_nodes() {
    for (const Json& given : data_["nodes"]) {
      if (!given.is_object()) throw Error(Fault::kInvalid, "the group node '" + name_ + "' holds what is no node");
      Json node = given;
      node["id"] = nodes_.size();
      if (!node.contains("inputs") || !node["inputs"].is_array()) node["inputs"] = Json::array();
      for (Json& input : node["inputs"])
        if (input.is_object()) input["link"] = nullptr;
      nodes_.push_back(std::move(node));
    }
  }

  // Links are lists of source, its slot, target, its slot, an id and a type; those from outside have no source.
  void read_links() {
    if (const auto links = data_.find("links"); links != data_.end() && links->is_array())
      for (const Json& link : *links) {
        if (!link.is_array() || link.size() < 4) continue;
        if (!std::all_of(link.begin(), link.begin() + 4, [](const Json& v) { return v.is_number_unsigned(); }))
          continue;
        const Place from{link[0].get<size_t>(), link[1].get<size_t>()},
            to{link[2].get<size_t>(), link[3].get<size_t>()};
        if (from.first >= nodes_.size() || to.first >= nodes_.size() || to.second >= kMaxInside) continue;
        feeding_.insert(from);
        linked_.insert(to);
        add_link(from, to, link.size() > 5 && link[5].is_string() ? link[5].get<std::string>() : "*");
      }
    if (const auto external = data_.find("external"); external != data_.end() && external->is_array())
      for (const Json& end : *external)
        if (end.is_array() && end.size() >= 2 && end[0].is_number_unsigned() && end[1].is_number_unsigned())
          external_.insert({end[0].get<size_t>(), end[1].get<size_t>()});
  }

  void add_link(const Place& from, const Place& to, const std::string& type) {
    const size_t id = links_.size() + 1;
    links_.push_back({{"id", id},
                      {"origin_id", from.first},
                      {"origin_slot", from.second},
                      {"target_id", to.first},
                      {"target_slot", to.second},
                      {"type", type}});
    Json& inputs = nodes_[to.first]["inputs"];
    if (to.second < inputs.size() && inputs[to.second].is_object()) inputs[to.second]["link"] = id;
  }

  // What a person has set for an input or output in the group's dialog.
  Json configured(size_t node, const char* kind, const std::string& slot) const {
    Json at = data_.value("config", Json::object());
    for (const std::string& key : {std::to_string(node), std::string(kind), slot}) {
      if (!at.is_object() || !at.contains(key)) return Json::object();
      at = Json(at[key]);
    }
    return at.is_object() ? at : Json::object();
  }

  static bool flag(const Json& config, bool otherwise) {
    const auto it = config.find("visible");
    return it != config.end() && it->is_boolean() ? it->get<bool>() : otherwise;
  }

  // A second input of a name has its node's title before it.
  std::string unique_name(const std::string& name, const Json& node) {
    std::string out = name;
    const std::string title = text_of(node, "title");
    if (names_.contains(out)) out = (title.empty() ? text_of(node, "type") : title) + " " + name;
    for (int i = 1; names_.contains(out); ++i) out = text_of(node, "type") + " " + std::to_string(i) + " " + name;
    names_.insert(out);
    return out;
  }

  // The place of an input in the node's own list, where it is added when it is not there.
  size_t input_named(Json& node, const std::string& name, const std::string& type) {
    Json& inputs = node["inputs"];
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].is_object() && text_of(inputs[i], "name") == name) return i;
    inputs.push_back({{"name", name}, {"type", type}, {"link", nullptr}});
    return inputs.size() - 1;
  }

  void add_slot(size_t i, const std::string& name, const std::string& type) {
    const size_t input = input_named(nodes_[i], name, type);
    if (linked_.contains({i, input}) || !flag(configured(i, "input", name), true)) return;
    const std::string label = text_of(nodes_[i]["inputs"][input], "label");
    slots_.push_back({unique_name(label.empty() ? name : label, nodes_[i]), type, i, input, false});
  }

  void add_node(size_t i) {
    const std::string type = text_of(nodes_[i], "type");
    if (type == "Note" || type == "MarkdownNote") return;
    if (type == "PrimitiveNode") return add_primitive(i);
    if (type == "Reroute") return add_reroute(i);
    const NodeSpec* spec = table_.NodeTable::find(type);
    if (!spec) return add_unknown(i);
    const bool all_listed = lists_all_widgets(nodes_[i], *spec);
    for (const InputSpec& input : spec->inputs) {
      if (input.presence == Presence::kHidden) continue;
      if (!input.has_widget()) {
        add_slot(i, input.name, input.type);
        continue;
      }
      const Held held{i, input.name, is_seed(input), false, input.image_upload};
      if (const auto at = listed_widget(nodes_[i], input.name); at && !all_listed)
        converted_.push_back({{unique_name(input.name, nodes_[i]), input.type, i, *at, true}, held});
      else held_.push_back(held);
    }
    for (size_t slot = 0; slot < spec->outputs.size(); ++slot)
      add_output({i, slot}, spec->outputs[slot].label(), spec->outputs[slot].type);
  }

  // Where the node lists a widget among its inputs.
  static std::optional<size_t> listed_widget(const Json& node, const std::string& name) {
    const Json& inputs = node["inputs"];
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].is_object() && text_of(inputs[i], "name") == name && inputs[i].contains("widget")) return i;
    return std::nullopt;
  }

  struct Listed {
    size_t widgets = 0, listed = 0;
    bool all() const { return listed == widgets; }
  };
  static Listed count_widgets(const Json& node, const NodeSpec& spec) {
    Listed out;
    for (const InputSpec& input : spec.inputs) {
      if (!input.has_widget() || input.presence == Presence::kHidden) continue;
      ++out.widgets;
      out.listed += listed_widget(node, input.name).has_value();
    }
    return out;
  }

  // Newer editors list all widgets among the inputs, older ones those that a person has turned into inputs. A node with
  // one widget looks the same in both cases, so that the others decide.
  bool is_newer() const {
    bool all = false;
    for (const Json& node : nodes_) {
      const NodeSpec* spec = table_.NodeTable::find(text_of(node, "type"));
      const Listed count = spec ? count_widgets(node, *spec) : Listed();
      if (!count.all()) return false;
      all = all || count.widgets > 1;
    }
    return all;
  }

  bool lists_all_widgets(const Json& node, const NodeSpec& spec) const {
    const Listed count = count_widgets(node, spec);
    return count.all() && (newer_ || count.widgets > 1);
  }

  void add_primitive(size_t i) {
    if (!feeding_.contains({i, 0})) return;
    bool choice = false;
    for (const Json& link : links_) choice = choice || (link["origin_id"] == i && link["type"] == "COMBO");
    held_.push_back({i, "value", true, choice, false});
    if (external_.contains({i, 0})) add_output({i, 0}, "value", "*");
  }

  void add_reroute(size_t i) {
    const bool in = linked_.contains({i, 0}), out = feeding_.contains({i, 0});
    if (in && out && !external_.contains({i, 0})) return;
    std::string type = "*";
    for (const Json& link : links_)
      if (type == "*" && (link["origin_id"] == i || link["target_id"] == i)) type = link["type"];
    if (!in) {
      if (nodes_[i]["inputs"].empty()) nodes_[i]["inputs"].push_back({{"name", ""}, {"type", "*"}, {"link", nullptr}});
      slots_.push_back({unique_name(type, nodes_[i]), type, i, 0, false});
    }
    add_output({i, 0}, type, type);
  }

  void add_unknown(size_t i) {
    Json& node = nodes_[i];
    size_t listed = 0;
    for (size_t k = 0; k < node["inputs"].size(); ++k) {
      if (!node["inputs"][k].is_object()) continue;
      const Json input = node["inputs"][k];
      if (input.contains("widget")) ++listed;
      else add_slot(i, text_of(input, "name"), text_of(input, "type"));
    }
    const auto values = node.find("widgets_values");
    if (values != node.end() && values->is_array())
      for (size_t k = 0; k < values->size(); ++k) held_.push_back({i, "", false, false, false});
    if (const auto outputs = node.find("outputs"); outputs != node.end() && outputs->is_array())
      for (size_t slot = 0; slot < outputs->size(); ++slot)
        if ((*outputs)[slot].is_object())
          add_output({i, slot}, text_of((*outputs)[slot], "name"), text_of((*outputs)[slot], "type"));
  }

  void add_output(const Place& from, const std::string& name, const std::string& type) {
    const bool inside_only = feeding_.contains(from) && !external_.contains(from);
    if (!flag(configured(from.first, "output", std::to_string(from.second)), !inside_only)) return;
    links_.push_back({{"id", links_.size() + 1},
                      {"origin_id", from.first},
                      {"origin_slot", from.second},
                      {"target_id", -20},
                      {"target_slot", outputs_.size()},
                      {"type", type}});
    outputs_.push_back({{"name", name}, {"type", type}});
  }

  void connect(size_t k) {
    const Slot& slot = slots_[k];
    const size_t id = links_.size() + 1;
    links_.push_back({{"id", id},
                      {"origin_id", -10},
                      {"origin_slot", k},
                      {"target_id", slot.node},
                      {"target_slot", slot.input},
                      {"type", slot.type}});
    nodes_[slot.node]["inputs"][slot.input]["link"] = id;
  }

  // The editor goes by the order of the slots. Newer ones list widgets among them, which do not count.
  void name_inputs(Json& inputs) const {
    const size_t plain =
        static_cast<size_t>(std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.widget; }));
    const bool all = inputs.size() == slots_.size();
    size_t k = 0;
    const size_t without_widgets = static_cast<size_t>(std::count_if(
        inputs.begin(), inputs.end(), [](const Json& i) { return i.is_object() && !i.contains("widget"); }));
    if (!all && without_widgets != plain) return;
    for (Json& input : inputs) {
      if (!input.is_object() || k >= slots_.size() || (!all && input.contains("widget"))) continue;
      input["name"] = slots_[k].name;
      input["type"] = slots_[k].type;
      ++k;
    }
  }

  std::string name_;
  const Json& data_;
  const NodeTable& table_;
  bool newer_ = false;  // written by an editor that lists all widgets among the inputs
  Json nodes_ = Json::array(), links_ = Json::array(), outputs_ = Json::array();
  std::set<Place> feeding_, linked_, external_;
  std::set<std::string> names_;
  std::vector<Slot> slots_;
  std::vector<Held> held_;
  std::vector<std::pair<Slot, Held>> converted_;
};

void rewrite_nodes(Json& level, const std::map<std::string, Group>& groups) {
  const auto nodes = level.find("nodes");
  if (nodes == level.end() || !nodes->is_array()) return;
  for (Json& node : *nodes) {
    if (!node.is_object()) continue;
    const auto group = groups.find(text_of(node, "type"));
    if (group != groups.end()) group->second.rewrite(node);
  }
}

}  // namespace

Json with_groups_as_subgraphs(const Json& graph, const NodeTable& table) {
  const auto extra = graph.find("extra");
  if (extra == graph.end() || !extra->is_object()) return graph;
  const auto defined = extra->find("groupNodes");
  if (defined == extra->end() || !defined->is_object() || defined->empty()) return graph;
  Json out = graph;
  if (!out.contains("definitions") || !out["definitions"].is_object()) out["definitions"] = Json::object();
  Json& subgraphs = out["definitions"]["subgraphs"];
  if (!subgraphs.is_array()) subgraphs = Json::array();
  std::map<std::string, Group> groups;
  for (const auto& [name, data] : defined->items())
    for (const char* prefix : kPrefixes) groups.try_emplace(prefix + name, name, data, table);
  for (Json& subgraph : subgraphs)
    if (subgraph.is_object()) rewrite_nodes(subgraph, groups);
  for (const auto& [id, group] : groups) {
    Json definition = group.definition(id);
    rewrite_nodes(definition, groups);
    subgraphs.push_back(std::move(definition));
  }
  rewrite_nodes(out, groups);
  return out;
}

}  // namespace easel::workflow
