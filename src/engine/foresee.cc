#include "engine/foresee.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "engine/arguments.h"
#include "engine/order.h"

namespace easel::engine {
namespace {

using workflow::NodeFault;
using workflow::PromptNode;

NodeFault as_fault(const Error& e) {
  NodeFault out{"custom_validation_failed", "Custom validation failed for node", {}, workflow::Json::object()};
  std::string text = (e.file().empty() ? "" : e.file() + ": ") + e.message();
  if (!e.advice().empty()) text += ". " + e.advice();
  out.details = e.input().empty() ? text : e.input() + " - " + text;
  if (!e.input().empty()) out.extra_info["input_name"] = e.input();
  out.extra_info["fault"] = std::string(fault_name(e.fault()));
  return out;
}

// What a node's outputs will be, as far as can be known; empty values where not.
class Foresight {
 public:
  Foresight(const nodes::Table& table, nodes::Context& context) : table_(table), context_(context) {}

  void look_at(const PromptNode& node) {
    const workflow::NodeSpec* spec = table_.find(node.class_type, node.input_names());
    const nodes::Node& declared = table_.entry(*spec).node;
    bool complete = true;
    const auto follow = [&](const workflow::Link& link) {
      const nodes::Outputs& from = known_[link.node];
      const auto slot = static_cast<size_t>(link.slot);
      if (slot < from.size() && !from[slot].empty()) return from[slot];
      complete = false;
      return nodes::Value();
    };
    nodes::Call call(context_, *spec, node.id, make_arguments(node, *spec, follow));
    if (declared.foresee) known_[node.id] = declared.foresee(call);
    else if (declared.cheap && complete) known_[node.id] = declared.run(call);
  }

 private:
  const nodes::Table& table_;
  nodes::Context& context_;
  std::map<std::string, nodes::Outputs> known_;
};

// Everything downstream of the faulty nodes.
std::set<std::string> affected_by(const std::set<std::string>& faulty, const workflow::Prompt& prompt,
                                  const std::vector<std::string>& order, const nodes::Table& table) {
  std::set<std::string> out = faulty;
  for (const std::string& id : order)
    for (const std::string& up : upstream(*prompt.find(id), table))
      if (out.count(up)) out.insert(id);
  return out;
}

// Faults of values leave the links as they are.
bool links_are_sound(const workflow::Validation& validation) {
  for (const auto& node : validation.faulty)
    for (const NodeFault& fault : node.faults)
      if (fault.type == "missing_node_type" || fault.type == "dependency_cycle" || fault.type == "bad_linked_input")
        return false;
  return true;
}

std::vector<workflow::FaultyNode> find_misfits(workflow::Validation& validation, const std::vector<std::string>& order,
                                               const nodes::Table& table, nodes::Context& context) {
  Foresight foresight(table, context);
  std::set<std::string> known_faulty;
  for (const auto& node : validation.faulty) known_faulty.insert(node.id);
  std::vector<workflow::FaultyNode> found;
  for (const std::string& id : order) {
    if (known_faulty.count(id)) continue;
    context.cancel.check();
    const PromptNode& node = *validation.prompt.find(id);
    context.warn = [&](const std::string& text) { validation.notices.push_back({id, node.class_type, text}); };
    try {
      foresight.look_at(node);
    } catch (const Error& e) {
      if (e.fault() == Fault::kCancelled) throw;
      found.push_back({id, node.class_type, {as_fault(e)}, {}});
    }
  }
  context.warn = {};
  return found;
}

}  // namespace

void foresee(workflow::Validation& validation, const std::vector<std::string>& outputs, const nodes::Table& table,
             nodes::Context& context) {
  if (!links_are_sound(validation)) return;
  const auto order = dependency_order(validation.prompt, table, outputs);
  std::string details;
  for (workflow::FaultyNode& node : find_misfits(validation, order, table, context)) {
    const auto affected = affected_by({node.id}, validation.prompt, order, table);
    for (const std::string& output : outputs) {
      if (!affected.count(output)) continue;
      node.dependent_outputs.push_back(output);
      std::erase(validation.outputs, output);
    }
    details += (details.empty() ? "" : "\n") + node.faults[0].message + ": " + node.faults[0].details;
    validation.faulty.push_back(std::move(node));
  }
  if (details.empty() || !validation.outputs.empty() || !validation.error.is_null()) return;
  validation.error = {{"type", "prompt_outputs_failed_validation"},
                      {"message", "Prompt outputs failed validation"},
                      {"details", details},
                      {"extra_info", workflow::Json::object()}};
}

}  // namespace easel::engine
