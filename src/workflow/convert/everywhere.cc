#include "workflow/convert/everywhere.h"

#include <algorithm>
#include <optional>
#include <regex>

namespace easel::workflow {
namespace {

constexpr size_t kLongestText = 200;  // of expressions, and of what they are tried on
constexpr size_t kMostBroadcasts = 500;

std::string text_of(const Json& json, const char* key) {
  if (!json.is_object()) return {};
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

int number_of(const Json& json, const char* key) {
  if (!json.is_object()) return 0;
  const auto it = json.find(key);
  return it != json.end() && it->is_number_integer() ? static_cast<int>(it->get<int64_t>() & 0xFF) : 0;
}

// An expression as JavaScript's RegExp.test() takes it, searched for anywhere. One without text fits all, one that is
// not understood nothing. Its automaton is walked in breadth, so that no expression takes exponential time.
class Pattern {
 public:
  explicit Pattern(const std::string& text) : given_(!text.empty()) {
    if (!given_ || text.size() > kLongestText) return;
    try {
      regex_.emplace(text, std::regex::ECMAScript | std::regex_constants::__polynomial);
    } catch (const std::regex_error&) {
      // What the editor cannot read either sends to nothing.
    }
  }
  bool given() const { return given_; }
  bool fits(const std::string& text) const {
    if (!given_) return true;
    return regex_ && std::regex_search(text.substr(0, kLongestText), *regex_);
  }

 private:
  bool given_;
  std::optional<std::regex> regex_;
};

struct Broadcast {
  const GraphNode* controller;
  std::string type = {}, from = {};
  int64_t slot = 0;
  Pattern title{""}, input{""}, group{""};
  double priority = 0;
};

bool alive(const GraphNode& node) { return node.mode != NodeMode::kMuted && node.mode != NodeMode::kBypassed; }

bool inside(const GraphGroup& group, const GraphNode& node) {
  const double x = node.x + node.width / 2, y = node.y + node.height / 2;
  return x >= group.x && x < group.x + group.width && y >= group.y && y < group.y + group.height;
}

class Level {
 public:
  explicit Level(RawGraph& level) : level_(level) {
    for (GraphNode& node : level.nodes) by_id_.emplace(node.id, &node);
    for (const auto& [id, link] : level.links) next_link_ = std::max(next_link_, id + 1);
  }

  void take_written() {
    for (const GraphLink& link : level_.written_links) {
      const auto to = by_id_.find(link.to);
      if (to == by_id_.end() || !by_id_.contains(link.from) || link.to_slot < 0 ||
          link.to_slot >= std::ssize(to->second->inputs))
        continue;
      connect(*to->second, static_cast<size_t>(link.to_slot), link.from, link.from_slot);
    }
  }

  void follow_rules() {
    for (const GraphNode& node : level_.nodes)
      if (is_everywhere_node(node.type) && alive(node) && broadcasts_.size() < kMostBroadcasts) add_broadcasts(node);
    if (broadcasts_.empty()) return;
    for (GraphNode& node : level_.nodes) {
      if (is_everywhere_node(node.type) || !alive(node)) continue;
      if (node.properties.is_object() && node.properties.value("rejects_ue_links", Json(false)) == Json(true)) continue;
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (connectable(node, node.inputs[i]))
          if (const Broadcast* best = best_for(node, node.inputs[i])) connect(node, i, best->from, best->slot);
    }
  }

 private:
  void connect(GraphNode& node, size_t input, const std::string& from, int64_t slot) {
    if (node.inputs[input].link != kNoLink) return;
    level_.links[next_link_] = {from, slot, node.id, static_cast<int64_t>(input), node.inputs[input].type};
    node.inputs[input].link = next_link_++;
  }

  // Its regular expressions are widgets of the node, or in newer versions properties.
  static std::string expression(const GraphNode& node, size_t widget, const char* property) {
    if (node.properties.is_object() && node.properties.contains("ue_properties"))
      return text_of(node.properties["ue_properties"], property);
    if (node.type != "Anything Everywhere?" || !node.widgets.is_array() || widget >= node.widgets.size()) return {};
    const Json& value = node.widgets[widget];
    return value.is_string() ? value.get<std::string>() : std::string();
  }

  void add_broadcasts(const GraphNode& node) {
    Broadcast base{.controller = &node,
                   .title = Pattern(expression(node, 0, "title_regex")),
                   .input = Pattern(expression(node, 1, "input_regex")),
                   .group = Pattern(expression(node, 2, "group_regex"))};
    const bool chosen = base.title.given() || base.input.given() || base.group.given();
    base.priority = node.type == "Anything Everywhere3" ? 0 : node.type == "Anything Everywhere" ? 2 : 5;
    if (node.type == "Anything Everywhere?" || chosen) base.priority = 10;
    if (restriction(node, "group_restricted")) base.priority += 0.1;
    if (restriction(node, "color_restricted")) base.priority += 0.3;
    if (node.type == "Seed Everywhere") {
      base.type = "INT";
      base.from = node.id;
      if (!base.input.given()) base.input = Pattern("seed");
      broadcasts_.push_back(std::move(base));
      return;
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto link = level_.links.find(node.inputs[i].link);
      if (link == level_.links.end()) continue;
      const auto from = by_id_.find(link->second.from);
      if (from != by_id_.end() && from->second->mode == NodeMode::kMuted) continue;
      Broadcast one = base;
      one.from = link->second.from;
      one.slot = link->second.from_slot;
      one.type = link->second.type;
      if (from != by_id_.end() && one.slot >= 0 && one.slot < std::ssize(from->second->outputs)) {
        const std::string& output = from->second->outputs[static_cast<size_t>(one.slot)].type;
        if (output != "*") one.type = output;
      }
      if (node.type == "Prompts Everywhere" && !one.input.given())
        one.input = Pattern(i ? "neg" : "(^prompt|^positive)");
      broadcasts_.push_back(std::move(one));
    }
  }

  static int restriction(const GraphNode& node, const char* name) {
    if (!node.properties.is_object()) return 0;
    const auto own = node.properties.find("ue_properties");
    return number_of(own != node.properties.end() ? *own : node.properties, name);
  }

  // An input without a link that is no widget, unless the node says that this widget may be fed.
  static bool connectable(const GraphNode& node, const GraphInput& input) {
    if (input.link != kNoLink) return false;
    if (node.properties.is_object()) {
      const auto own = node.properties.find("ue_properties");
      const Json& at = own != node.properties.end() && own->is_object() ? *own : node.properties;
      const auto said = [&](const char* list) {
        const auto it = at.find(list);
        return it != at.end() && it->is_object() && it->value(input.name, Json(false)) == Json(true);
      };
      if (said("input_ue_unconnectable")) return false;
      if (said("widget_ue_connectable")) return true;
    }
    // Before widgets were all listed among the inputs, only those that a person had turned into inputs were.
    return input.widget.empty() || !input.lists_widgets;
  }

  bool reaches(const Broadcast& broadcast, const GraphNode& node) const {
    const GraphNode& me = *broadcast.controller;
    if (const int groups = restriction(me, "group_restricted")) {
      const bool same = std::any_of(level_.groups.begin(), level_.groups.end(),
                                    [&](const GraphGroup& g) { return inside(g, me) && inside(g, node); });
      if (same != (groups == 1)) return false;
    }
    if (const int colors = restriction(me, "color_restricted"))
      if ((me.color == node.color) != (colors == 1)) return false;
    return !broadcast.group.given() ||
           std::any_of(level_.groups.begin(), level_.groups.end(),
                       [&](const GraphGroup& g) { return inside(g, node) && broadcast.group.fits(g.title); });
  }

  const Broadcast* best_for(const GraphNode& node, const GraphInput& input) const {
    const Broadcast* best = nullptr;
    bool tie = false;
    const std::string name = text_of(node.properties, "Node name for S&R");
    const std::string title = !node.title.empty() ? node.title : !name.empty() ? name : node.type;
    for (const Broadcast& one : broadcasts_) {
      if (one.from == node.id || one.type != input.type) continue;
      if (best && one.priority < best->priority) continue;
      if (!one.title.fits(title) || !one.input.fits(input.label.empty() ? input.name : input.label)) continue;
      if (!reaches(one, node)) continue;
      tie = best && one.priority == best->priority;
      best = &one;
    }
    return tie ? nullptr : best;
  }

  RawGraph& level_;
  std::unordered_map<std::string, GraphNode*> by_id_;
  int64_t next_link_ = 1;
  std::vector<Broadcast> broadcasts_;
};

}  // namespace

bool is_everywhere_node(const std::string& type) {
  return type == "Anything Everywhere" || type == "Anything Everywhere?" || type == "Anything Everywhere3" ||
         type == "Prompts Everywhere" || type == "Seed Everywhere";
}

void add_everywhere_links(RawGraph& level) {
  if (std::none_of(level.nodes.begin(), level.nodes.end(),
                   [](const GraphNode& node) { return is_everywhere_node(node.type); }))
    return;
  Level at(level);
  if (!level.written_links.empty()) at.take_written();
  else at.follow_rules();
}

}  // namespace easel::workflow
