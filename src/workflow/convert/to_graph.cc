#include <algorithm>
#include <map>

#include "workflow/convert/convert.h"
#include "workflow/object_info.h"

namespace easel::workflow {
namespace {

constexpr int kColumnWidth = 400, kGap = 40, kLineHeight = 26, kMultilineHeight = 110, kPictureHeight = 250;

class Layout {
 public:
  Layout(const Prompt& prompt, const NodeTable& table) : prompt_(prompt), table_(table) {
    for (const PromptNode& node : prompt.nodes) by_id_.emplace(node.id, &node);
    number_nodes();
  }

  Json run() {
    for (const PromptNode& node : prompt_.nodes) add(node);
    for (Json& node : nodes_)
      for (size_t slot = 0; slot < node["outputs"].size(); ++slot) {
        const auto out = outgoing_.find({node["id"].get<int64_t>(), static_cast<int64_t>(slot)});
        if (out != outgoing_.end()) node["outputs"][slot]["links"] = out->second;
      }
    return {{"last_node_id", last_id_},   {"last_link_id", links_.size()},
            {"nodes", std::move(nodes_)}, {"links", std::move(links_)},
            {"groups", Json::array()},    {"config", Json::object()},
            {"extra", Json::object()},    {"version", 0.4}};
  }

 private:
  // The editor wants numbers; ids that are not get a fresh one.
  void number_nodes() {
    for (const PromptNode& node : prompt_.nodes) {
      const bool number = !node.id.empty() && node.id.size() < 10 &&
                          std::all_of(node.id.begin(), node.id.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!number) continue;
      const int64_t id = std::stoll(node.id);
      if (std::to_string(id) == node.id) {
        numbers_[node.id] = id;
        last_id_ = std::max(last_id_, id);
      }
    }
    for (const PromptNode& node : prompt_.nodes)
      if (!numbers_.count(node.id)) numbers_[node.id] = ++last_id_;
  }

  // Longest way from a node without links; a cycle counts as the start.
  int column(const std::string& id) {
    std::vector<std::pair<const PromptNode*, bool>> stack;
    const auto start = by_id_.find(id);
    if (start == by_id_.end()) return -1;
    stack.emplace_back(start->second, false);
    while (!stack.empty()) {
      auto [node, ready] = stack.back();
      stack.pop_back();
      if (columns_.count(node->id) && columns_[node->id] >= 0) continue;
      if (ready) {
        int depth = 0;
        for (const auto& item : node->inputs.items())
          if (const auto link = as_link(item.value()); link && columns_.count(link->node))
            depth = std::max(depth, columns_[link->node] + 1);
        columns_[node->id] = depth;
        continue;
      }
      if (columns_.count(node->id)) continue;
      columns_[node->id] = -1;
      stack.emplace_back(node, true);
      for (const auto& item : node->inputs.items())
        if (const auto link = as_link(item.value()))
          if (const auto up = by_id_.find(link->node); up != by_id_.end() && !columns_.count(link->node))
            stack.emplace_back(up->second, false);
    }
    return columns_[id];
  }

  static Json unwrapped(const Json& value) {
    if (value.is_object() && value.size() == 1 && value.contains("__value__")) return value["__value__"];
    return value;
  }

  // A text as it is typed into a widget whose text the editor rewrites.
  static Json typed_text(const InputSpec& input, Json value) {
    if (!input.dynamic_prompts || !value.is_string()) return value;
    std::string out;
    for (const char c : value.get_ref<const std::string&>()) {
      if (c == '{' || c == '}') out += '\\';
      out += c;
    }
    return out;
  }

  // One node of the graph under construction.
  struct Draft {
    int64_t id;
    Json inputs = Json::array(), widgets = Json::array();
    int height = 40;
    bool upload = false;
  };

  void add(const PromptNode& node) {
    const NodeSpec* spec = table_.find(node.class_type, node.input_names());
    Draft draft{numbers_.at(node.id)};
    if (spec) add_known(node, *spec, draft);
    else add_unknown(node, draft);
    if (draft.upload || (spec && spec->output_node)) draft.height += kPictureHeight;
    Json outputs = Json::array();
    if (spec)
      for (const OutputSpec& output : spec->outputs)
        outputs.push_back({{"name", output.label()}, {"type", output.type}, {"links", nullptr}});
    const int place = std::max(0, column(node.id));
    int& top = tops_[place];
    Json item = {{"id", draft.id},
                 {"type", node.class_type},
                 {"pos", {place * kColumnWidth, top}},
                 {"size", {kColumnWidth - 2 * kGap, draft.height}},
                 {"flags", Json::object()},
                 {"order", nodes_.size()},
                 {"mode", 0},
                 {"inputs", std::move(draft.inputs)},
                 {"outputs", std::move(outputs)},
                 {"properties", {{"Node name for S&R", node.class_type}}},
                 {"widgets_values", std::move(draft.widgets)}};
    if (!node.title.empty()) item["title"] = node.title;
    top += draft.height + kGap;
    nodes_.push_back(std::move(item));
  }

  void add_known(const PromptNode& node, const NodeSpec& spec, Draft& draft) {
    size_t known = 0;  // widgets up to the last one the prompt has a value for
    for (const InputSpec& input : spec.inputs) {
      if (input.presence == Presence::kHidden) continue;
      draft.height += input.multiline ? kMultilineHeight : kLineHeight;
      draft.upload = draft.upload || input.image_upload;
      const auto value = node.inputs.find(input.name);
      const auto link = value == node.inputs.end() ? std::nullopt : as_link(*value);
      if (link) add_link(input.name, input.type, *link, input.has_widget(), draft);
      else if (!input.has_widget())
        draft.inputs.push_back({{"name", input.name}, {"type", input.type}, {"link", nullptr}});
      if (!input.has_widget()) continue;
      const bool typed = !link && value != node.inputs.end();
      if (typed || link) known = draft.widgets.size() + 1;
      draft.widgets.push_back(typed ? typed_text(input, unwrapped(*value)) : to_json(input.default_value));
      if (input.control_after_generate) {
        draft.widgets.push_back("fixed");
        known += known == draft.widgets.size() - 1;
      }
    }
    // Values the prompt leaves out at the end stay out; the editor has its own defaults for them.
    draft.widgets.erase(draft.widgets.begin() + static_cast<std::ptrdiff_t>(known), draft.widgets.end());
    // What the button for uploads keeps, which comes after the name of the picture.
    if (draft.upload && !draft.widgets.empty()) draft.widgets.push_back("image");
  }

  void add_unknown(const PromptNode& node, Draft& draft) {
    for (const auto& item : node.inputs.items()) {
      draft.height += kLineHeight;
      if (const auto link = as_link(item.value())) add_link(item.key(), "*", *link, false, draft);
      else draft.widgets.push_back(unwrapped(item.value()));
    }
  }

  void add_link(const std::string& name, const std::string& type, const Link& link, bool widget, Draft& draft) {
    const auto from = numbers_.find(link.node);
    if (from == numbers_.end()) return;
    const int64_t id = static_cast<int64_t>(links_.size()) + 1;
    links_.push_back(Json::array({id, from->second, link.slot, draft.id, draft.inputs.size(), type}));
    outgoing_[{from->second, link.slot}].push_back(id);
    draft.inputs.push_back({{"name", name}, {"type", type}, {"link", id}});
    if (widget) draft.inputs.back()["widget"] = {{"name", name}};
  }

  const Prompt& prompt_;
  const NodeTable& table_;
  std::unordered_map<std::string, const PromptNode*> by_id_;
  std::unordered_map<std::string, int64_t> numbers_;
  std::unordered_map<std::string, int> columns_;
  std::map<int, int> tops_;
  std::map<std::pair<int64_t, int64_t>, std::vector<int64_t>> outgoing_;
  int64_t last_id_ = 0;
  Json nodes_ = Json::array(), links_ = Json::array();
};

}  // namespace

Json to_graph(const Prompt& prompt, const NodeTable& table) { return Layout(prompt, table).run(); }

}  // namespace easel::workflow
