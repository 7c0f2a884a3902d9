#include "workflow/convert/subgraph.h"

#include <algorithm>

#include "base/error.h"
#include "workflow/convert/instance.h"
#include "workflow/renames.h"

namespace easel::workflow {
namespace {

constexpr size_t kMaxNodes = 20000;
constexpr size_t kMaxLinks = 200000;
constexpr size_t kMaxInputs = 1000;  // of a subgraph
constexpr size_t kMaxOverrides = 200000;
constexpr int kMaxDepth = 16;

Error too_large(const char* what, size_t limit) {
  return Error(Fault::kInvalid, "the workflow has more than the " + std::to_string(limit) + " " + what + " allowed");
}

std::string text_of(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Ids are numbers in old files and may be text in new ones.
std::string id_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  throw Error(Fault::kInvalid, "an id must be a number or text, not " + std::string(value.type_name()));
}

int64_t slot_of(const Json& value) {
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) return static_cast<int64_t>(std::clamp(value.get<double>(), -1.0, 1e6));
  if (value.is_string())
    if (const auto text = value.get<std::string>();
        !text.empty() && text.size() < 7 &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return std::stoll(text);
  throw Error(Fault::kInvalid, "a link's slot must be a number");
}

int64_t link_id_of(const Json& value) {
  if (value.is_null()) return kNoLink;
  if (!value.is_number_integer()) throw Error(Fault::kInvalid, "a link's id must be a number");
  return value.get<int64_t>();
}

// Types are text, sometimes a list of choices, -1 or 0 (events, wildcards).
std::string type_of(const Json& json) {
  const auto it = json.find("type");
  if (it == json.end()) return "*";
  if (it->is_string()) return it->get<std::string>();
  if (it->is_array()) return "COMBO";
  return "*";
}

GraphInput parse_input(const Json& json) {
  if (!json.is_object()) throw Error(Fault::kInvalid, "an input must be an object");
  GraphInput input{text_of(json, "name"), type_of(json), kNoLink, {}};
  if (const auto link = json.find("link"); link != json.end()) input.link = link_id_of(*link);
  if (const auto widget = json.find("widget"); widget != json.end() && widget->is_object())
    input.widget = text_of(*widget, "name");
  input.label = text_of(json, "label");
  input.lists_widgets = json.contains("localized_name");
  return input;
}

// Two numbers, in a list or in an object by "0" and "1".
void read_pair(const Json& json, const char* key, double& x, double& y) {
  const auto it = json.find(key);
  if (it == json.end()) return;
  if (it->is_array() && it->size() >= 2 && (*it)[0].is_number() && (*it)[1].is_number()) {
    x = (*it)[0].get<double>();
    y = (*it)[1].get<double>();
  } else if (it->is_object() && it->contains("0") && it->contains("1") && (*it)["0"].is_number() &&
             (*it)["1"].is_number()) {
    x = (*it)["0"].get<double>();
    y = (*it)["1"].get<double>();
  }
}

GraphNode parse_node(const Json& json) {
  if (!json.is_object() || !json.contains("id")) throw Error(Fault::kInvalid, "a node must be an object with an id");
  GraphNode node;
  node.id = id_of(json["id"]);
  try {
    node.type = text_of(json, "type");
    if (node.type.empty()) throw Error(Fault::kInvalid, "has no type");
    node.title = text_of(json, "title");
    if (const auto mode = json.find("mode"); mode != json.end() && mode->is_number_integer())
      node.mode = static_cast<NodeMode>(std::clamp<int64_t>(mode->get<int64_t>(), 0, 4));
    if (const auto inputs = json.find("inputs"); inputs != json.end() && inputs->is_array())
      for (const Json& input : *inputs) node.inputs.push_back(parse_input(input));
    if (const auto outputs = json.find("outputs"); outputs != json.end() && outputs->is_array())
      for (const Json& output : *outputs) node.outputs.push_back({text_of(output, "name"), type_of(output)});
    if (const auto widgets = json.find("widgets_values"); widgets != json.end()) node.widgets = *widgets;
    if (const auto named = json.find("widgets_values_named"); named != json.end() && named->is_object())
      node.named_widgets = *named;
    if (const auto properties = json.find("properties"); properties != json.end() && properties->is_object())
      node.properties = *properties;
    node.color = text_of(json, "color");
    read_pair(json, "pos", node.x, node.y);
    read_pair(json, "size", node.width, node.height);
    use_todays_names(node);
  } catch (Error& e) {
    throw e.at_node(node.id, node.type);
  }
  return node;
}

// A link that has lost its node or slot, as files made by scripts have it: the editor drops it.
bool dangles(const Json& end) { return end.is_null(); }

void parse_link(const Json& json, RawGraph& graph) {
  if (json.is_null()) return;
  int64_t id = kNoLink;
  GraphLink link;
  if (json.is_array()) {
    if (json.size() < 5) throw Error(Fault::kInvalid, "a link must have an id, two nodes and two slots");
    if (std::any_of(json.begin() + 1, json.begin() + 5, dangles)) return;
    id = link_id_of(json[0]);
    link = {id_of(json[1]), slot_of(json[2]), id_of(json[3]), slot_of(json[4]), {}};
    if (json.size() > 5 && json[5].is_string()) link.type = json[5].get<std::string>();
  } else if (json.is_object()) {
    for (const char* key : {"id", "origin_id", "origin_slot", "target_id", "target_slot"})
      if (!json.contains(key)) throw Error(Fault::kInvalid, std::string("a link lacks its ") + key);
    for (const char* key : {"origin_id", "origin_slot", "target_id", "target_slot"})
      if (dangles(json[key])) return;
    id = link_id_of(json["id"]);
    link = {id_of(json["origin_id"]), slot_of(json["origin_slot"]), id_of(json["target_id"]),
            slot_of(json["target_slot"]), text_of(json, "type")};
  } else {
    throw Error(Fault::kInvalid, "a link must be a list or an object");
  }
  graph.links[id] = std::move(link);
}

void parse_group(const Json& json, RawGraph& graph) {
  if (!json.is_object()) return;
  const auto bounds = json.find("bounding");
  if (bounds == json.end() || !bounds->is_array() || bounds->size() < 4) return;
  if (!std::all_of(bounds->begin(), bounds->end(), [](const Json& v) { return v.is_number(); })) return;
  const Json& b = *bounds;
  graph.groups.push_back(
      {text_of(json, "title"), b[0].get<double>(), b[1].get<double>(), b[2].get<double>(), b[3].get<double>()});
}

// What an extension wrote is taken where it makes sense and passed over where it does not.
void parse_written_link(const Json& json, RawGraph& graph) {
  if (!json.is_object()) return;
  for (const char* key : {"upstream", "upstream_slot", "downstream", "downstream_slot"})
    if (!json.contains(key) || json[key].is_null()) return;
  try {
    graph.written_links.push_back({id_of(json["upstream"]), slot_of(json["upstream_slot"]), id_of(json["downstream"]),
                                   slot_of(json["downstream_slot"]), text_of(json, "type")});
  } catch (const Error&) {
    // Another version of the extension; its rules are followed instead.
  }
}

// Copies all levels into one graph. The border of a subgraph becomes Reroute nodes, which only pass data on; a value
// typed into the node of the subgraph becomes a PrimitiveNode.
class Flattener {
 public:
  Flattener(const Subgraphs& subgraphs, Graph& out) : subgraphs_(subgraphs), out_(out) {}

  // Values for the widgets of one level's nodes, by the node's id in that level.
  using Overrides = std::unordered_map<std::string, std::vector<WidgetOverride>>;

  void add(const RawGraph& level, const std::string& prefix, NodeMode mode, const Subgraph* definition,
           const Overrides& given, int depth) {
    if (depth > kMaxDepth)
      throw Error(Fault::kInvalid,
                  "subgraphs are nested more than " + std::to_string(kMaxDepth) + " deep, or one contains itself");
    if (out_.links.size() + level.links.size() > kMaxLinks) throw too_large("links", kMaxLinks);
    std::unordered_map<int64_t, int64_t> renamed;  // this level's link ids to those of the flat graph
    std::unordered_map<std::string, const Subgraph*> dissolved;
    for (const auto& [id, link] : level.links) renamed[id] = next_link_++;
    for (const GraphNode& node : level.nodes) {
      if (const Subgraph* inner = stands_for(node)) dissolved[node.id] = inner;
      const auto values = given.find(node.id);
      add_node(node, prefix, mode, renamed, values == given.end() ? nullptr : &values->second, depth);
    }
    for (const auto& [id, link] : level.links) {
      GraphLink& copy = out_.links[renamed.at(id)] = link;
      copy.from = prefix + link.from;
      copy.to = prefix + link.to;
      const auto inner = dissolved.find(link.from);
      if (definition && link.from == definition->input_node) {
        copy.from += "." + std::to_string(link.from_slot);
        copy.from_slot = 0;
      } else if (inner != dissolved.end()) {
        copy.from += ":" + inner->second->output_node + "." + std::to_string(link.from_slot);
        copy.from_slot = 0;
      }
    }
    if (definition) add_outputs(*definition, prefix, renamed);
  }

 private:
  // A node standing for a subgraph that is to be dissolved: a bypassed one is skipped as a whole.
  const Subgraph* stands_for(const GraphNode& node) const {
    const auto it = subgraphs_.find(node.type);
    return it == subgraphs_.end() || node.mode == NodeMode::kBypassed ? nullptr : &it->second;
  }

  void add_node(const GraphNode& node, const std::string& prefix, NodeMode mode,
                const std::unordered_map<int64_t, int64_t>& renamed, const std::vector<WidgetOverride>* values,
                int depth) {
    GraphNode copy = node;
    if (values) {
      copy.overrides = *values;
      overrides_ += values->size();
    }
    if (overrides_ > kMaxOverrides) throw too_large("values for widgets inside of subgraphs", kMaxOverrides);
    if (mode == NodeMode::kMuted) copy.mode = mode;
    const Subgraph* definition = stands_for(node);
    const Instance instance = definition ? read_instance(copy, *definition) : Instance();
    copy.id = prefix + node.id;
    for (GraphInput& input : copy.inputs) {
      const auto it = renamed.find(input.link);
      input.link = it == renamed.end() ? kNoLink : it->second;
    }
    if (!definition) return push(std::move(copy));
    add_inputs(*definition, instance, copy.id);
    add(definition->content, copy.id + ":", copy.mode, definition, overrides_in(instance), depth + 1);
  }

  static Overrides overrides_in(const Instance& instance) {
    Overrides out;
    for (const Instance::Inner& inner : instance.inner) {
      const size_t colon = inner.node.find(':');
      WidgetOverride value = inner.value;
      if (colon != std::string::npos) value.inside = inner.node.substr(colon + 1);
      out[inner.node.substr(0, colon)].push_back(std::move(value));
    }
    return out;
  }

  // One node per input of the subgraph: a Reroute of what is linked, or the value typed in.
  void add_inputs(const Subgraph& definition, const Instance& instance, const std::string& id) {
    for (size_t slot = 0; slot < definition.inputs.size(); ++slot) {
      GraphNode border;
      border.id = id + ":" + definition.input_node + "." + std::to_string(slot);
      border.type = "Reroute";
      const GraphInput* input = instance.inputs[slot];
      if (!instance.values[slot].is_null()) border.widgets = Json::array({instance.values[slot]});
      if (input && input->link != kNoLink) border.inputs.push_back({"", "*", input->link, ""});
      else if (!border.widgets.is_null()) border.type = "PrimitiveNode";
      share(definition, definition.inputs[slot], id + ":", border);
      push(std::move(border));
    }
  }

  // Sets the source of a border's value for the case that neither a link nor the subgraph's node gives one.
  void share(const Subgraph& definition, const SubgraphInput& input, const std::string& prefix, GraphNode& border) {
    const auto at = definition.nodes_by_id.find(input.target);
    if (at == definition.nodes_by_id.end()) return;
    const GraphNode& target = definition.content.nodes[at->second];
    border.shared_node = prefix + target.id;
    border.shared_widget = input.widget;
    const Subgraph* inner = stands_for(target);
    if (!inner) return;
    const auto named = inner->inputs_by_name.find(input.widget);
    if (named == inner->inputs_by_name.end()) border.shared_node.clear();
    else border.shared_node += ":" + inner->input_node + "." + std::to_string(named->second.front());
  }

  // One Reroute per output, fed by what is linked to it inside.
  void add_outputs(const Subgraph& definition, const std::string& prefix,
                   const std::unordered_map<int64_t, int64_t>& renamed) {
    std::unordered_map<int64_t, int64_t> feeding;
    for (const auto& [id, link] : definition.content.links)
      if (link.to == definition.output_node) feeding[link.to_slot] = renamed.at(id);
    for (size_t slot = 0; slot < definition.outputs; ++slot) {
      GraphNode border;
      border.id = prefix + definition.output_node + "." + std::to_string(slot);
      border.type = "Reroute";
      if (const auto it = feeding.find(static_cast<int64_t>(slot)); it != feeding.end())
        border.inputs = {{"", "*", it->second, ""}};
      push(std::move(border));
    }
  }

  void push(GraphNode node) {
    if (out_.nodes.size() >= kMaxNodes) throw too_large("nodes", kMaxNodes);
    out_.nodes.push_back(std::move(node));
  }

  const Subgraphs& subgraphs_;
  Graph& out_;
  int64_t next_link_ = 0;
  size_t overrides_ = 0;
};

}  // namespace

RawGraph parse_raw_graph(const Json& json) {
  RawGraph graph;
  if (const auto nodes = json.find("nodes"); nodes != json.end() && nodes->is_array())
    for (const Json& node : *nodes) graph.nodes.push_back(parse_node(node));
  if (const auto links = json.find("links"); links != json.end() && links->is_array())
    for (const Json& link : *links) parse_link(link, graph);
  // Extensions take the links away that they made, but leave their ids in the inputs; another link may get such an id.
  for (GraphNode& node : graph.nodes)
    for (GraphInput& input : node.inputs)
      if (!graph.links.contains(input.link)) input.link = kNoLink;
  if (const auto groups = json.find("groups"); groups != json.end() && groups->is_array())
    for (const Json& group : *groups) parse_group(group, graph);
  if (const auto extra = json.find("extra"); extra != json.end() && extra->is_object())
    if (const auto links = extra->find("ue_links"); links != extra->end() && links->is_array())
      for (const Json& link : *links) parse_written_link(link, graph);
  return graph;
}

namespace {

// Where the links from each of a subgraph's inputs end, in the order in which the editor looks at them.
struct End {
  const GraphNode* node;
  const GraphInput* input;
};
std::vector<std::vector<End>> ends_of_inputs(const Subgraph& sub) {
  std::vector<std::vector<End>> out(sub.inputs.size());
  std::unordered_map<int64_t, End> by_link;
  for (const GraphNode& node : sub.content.nodes)
    for (const GraphInput& input : node.inputs) {
      const auto link = sub.content.links.find(input.link);
      if (link == sub.content.links.end() || link->second.from != sub.input_node) continue;
      const int64_t slot = link->second.from_slot;
      if (slot >= 0 && slot < std::ssize(out) && by_link.emplace(input.link, End{&node, &input}).second)
        out[static_cast<size_t>(slot)].push_back({&node, &input});
    }
  for (size_t slot = 0; slot < out.size(); ++slot) {
    const std::vector<int64_t>& order = sub.inputs[slot].links;
    const auto place = [&](const End& end) { return std::find(order.begin(), order.end(), end.input->link); };
    if (order.size() <= 64)  // any more are no editor's
      std::stable_sort(out[slot].begin(), out[slot].end(),
                       [&](const End& a, const End& b) { return place(a) < place(b); });
  }
  return out;
}

// Whether an input of a node that stands for a subgraph shows a widget, as far as that is known yet.
bool shows_widget(const End& end, const Subgraphs& all) {
  if (!end.input->widget.empty()) return true;
  const auto inner = all.find(end.node->type);
  if (inner == all.end()) return false;
  const auto named = inner->second.inputs_by_name.find(end.input->name);
  return named != inner->second.inputs_by_name.end() &&
         std::any_of(named->second.begin(), named->second.end(),
                     [&](size_t i) { return !inner->second.inputs[i].widget.empty(); });
}

// Finds the widget that each input of each subgraph feeds: the first one, as the editor does. Which inputs feed any is
// found out from the innermost subgraphs outwards before the first one is chosen.
void find_targets(Subgraphs& all) {
  std::map<std::string, std::vector<std::vector<End>>> ends;
  for (const auto& [id, sub] : all) ends[id] = ends_of_inputs(sub);
  const auto choose = [&](const std::string& id, size_t slot, SubgraphInput& input) {
    for (const End& end : ends[id][slot]) {
      if (!shows_widget(end, all)) continue;
      input.target = end.node->id;
      input.widget = end.input->widget.empty() ? end.input->name : end.input->widget;
      return;
    }
  };
  for (int depth = 0; depth <= kMaxDepth; ++depth)
    for (auto& [id, sub] : all)
      for (size_t i = 0; i < sub.inputs.size(); ++i) choose(id, i, sub.inputs[i]);
}

Subgraph parse_subgraph(const Json& item) {
  Subgraph sub;
  sub.name = text_of(item, "name");
  sub.content = parse_raw_graph(item);
  if (const auto inputs = item.find("inputs"); inputs != item.end() && inputs->is_array())
    for (const Json& input : *inputs) {
      if (!input.is_object()) throw Error(Fault::kInvalid, "an input of a subgraph must be an object");
      sub.inputs.push_back({text_of(input, "name"), type_of(input), {}, "", ""});
      if (const auto links = input.find("linkIds"); links != input.end() && links->is_array())
        for (const Json& link : *links)
          if (link.is_number_integer()) sub.inputs.back().links.push_back(link.get<int64_t>());
    }
  if (sub.inputs.size() > kMaxInputs) throw too_large("inputs of a subgraph", kMaxInputs);
  if (const auto outputs = item.find("outputs"); outputs != item.end() && outputs->is_array())
    sub.outputs = outputs->size();
  const auto border = [&](const char* key, const char* fallback) {
    const auto it = item.find(key);
    return it != item.end() && it->is_object() && it->contains("id") ? id_of((*it)["id"]) : std::string(fallback);
  };
  sub.input_node = border("inputNode", "-10");
  sub.output_node = border("outputNode", "-20");
  return sub;
}

// Definitions are in one list at the top, or with the subgraph that uses them.
void collect_subgraphs(const Json& json, Subgraphs& out, int depth) {
  const auto definitions = json.find("definitions");
  if (definitions == json.end() || !definitions->is_object()) return;
  const auto list = definitions->find("subgraphs");
  if (list == definitions->end() || !list->is_array() || depth > kMaxDepth) return;
  for (const Json& item : *list) {
    if (!item.is_object()) throw Error(Fault::kInvalid, "a subgraph must be an object");
    out.insert_or_assign(text_of(item, "id"), parse_subgraph(item));
    collect_subgraphs(item, out, depth + 1);
  }
}

}  // namespace

Subgraphs parse_subgraphs(const Json& json) {
  Subgraphs out;
  collect_subgraphs(json, out, 0);
  for (auto& [id, sub] : out) {
    for (size_t i = 0; i < sub.inputs.size(); ++i) sub.inputs_by_name[sub.inputs[i].name].push_back(i);
    for (size_t i = 0; i < sub.content.nodes.size(); ++i) sub.nodes_by_id.emplace(sub.content.nodes[i].id, i);
  }
  find_targets(out);
  for (auto& [id, sub] : out)
    for (size_t i = 0; i < sub.inputs.size(); ++i)
      if (!sub.inputs[i].widget.empty()) sub.inputs_by_widget[sub.inputs[i].widget].push_back(i);
  return out;
}

Graph flatten(RawGraph top, const Subgraphs& subgraphs) {
  Graph out;
  if (subgraphs.empty()) {
    if (top.nodes.size() > kMaxNodes) throw too_large("nodes", kMaxNodes);
    out.nodes = std::move(top.nodes);
    out.links = std::move(top.links);
    return out;
  }
  Flattener(subgraphs, out).add(top, "", NodeMode::kAlways, nullptr, {}, 0);
  return out;
}

}  // namespace easel::workflow
