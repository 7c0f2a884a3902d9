#include "workflow/validate.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "workflow/coerce.h"
#include "workflow/object_info.h"

namespace easel::workflow {
namespace {

// Lists longer than this are not repeated in messages.
constexpr size_t kListedChoices = 20;

const std::string kMissing(fault_name(Fault::kMissing));

// What all faults have in common; kInvalid when that is nothing.
Fault common_fault(const std::vector<FaultyNode>& faulty) {
  std::set<std::string> names;
  for (const FaultyNode& node : faulty)
    for (const NodeFault& f : node.faults) names.insert(f.extra_info.value("fault", std::string()));
  return names.size() == 1 ? fault_named(*names.begin()).value_or(Fault::kInvalid) : Fault::kInvalid;
}

class Validator {
 public:
  Validator(const Prompt& prompt, const NodeTable& table, const ChoiceProvider& provider)
      : table_(table), provider_(provider) {
    out_.prompt = prompt;
    for (size_t i = 0; i < prompt.nodes.size(); ++i) {
      const PromptNode& node = prompt.nodes[i];
      index_[node.id] = i;
      specs_.push_back(node.class_type.empty() ? nullptr : table.find(node.class_type, node.input_names()));
    }
    faults_.resize(prompt.nodes.size());
  }

  Validation run(const std::vector<std::string>& only) {
    check_classes();
    std::vector<size_t> outputs;
    for (size_t i = 0; i < specs_.size(); ++i)
      if (specs_[i] && specs_[i]->output_node &&
          (only.empty() || std::find(only.begin(), only.end(), node(i).id) != only.end()))
        outputs.push_back(i);
    if (outputs.empty() && out_.error.is_null()) out_.error = error("prompt_no_outputs", "Prompt has no outputs", "");
    for (const size_t output : outputs) visit(output);
    judge(outputs);
    return std::move(out_);
  }

 private:
  PromptNode& node(size_t i) { return out_.prompt.nodes[i]; }

  static Json error(const char* type, const std::string& message, const std::string& details,
                    Json extra = Json::object()) {
    return {{"type", type}, {"message", message}, {"details", details}, {"extra_info", std::move(extra)}};
  }

  void fault(size_t i, const char* type, std::string message, std::string details, Json extra) {
    faults_[i].push_back({type, std::move(message), std::move(details), std::move(extra)});
  }

  // Classes are checked on every node, also those no output needs.
  void check_classes() {
    for (size_t i = 0; i < specs_.size(); ++i) {
      if (specs_[i]) continue;
      const PromptNode& n = node(i);
      std::string message = "Cannot execute because a node is missing the class_type property.";
      std::string details = "Node ID '#" + n.id + "'";
      Json extra = {{"node_id", n.id}};
      if (!n.class_type.empty()) {
        message = "Cannot execute because node " + n.class_type + " does not exist.";
        std::vector<std::string> names;
        for (const NodeSpec* spec : table_.list()) names.push_back(spec->class_type);
        const std::string hint = did_you_mean(n.class_type, names);
        if (!hint.empty()) details += "; " + hint;
        extra["class_type"] = n.class_type;
      }
      if (!n.title.empty()) extra["node_title"] = n.title;
      fault(i, "missing_node_type", message, details, extra);
      if (out_.error.is_null()) out_.error = error("invalid_prompt", message, "Node ID '#" + n.id + "'", extra);
    }
  }

  // Walks everything `output` depends on, depth first and without recursion, so that long chains are fine.
  void visit(size_t output) {
    if (state_.empty()) state_.assign(specs_.size(), State::kNew);
    std::vector<std::pair<size_t, bool>> stack{{output, false}};
    std::vector<size_t> path;
    while (!stack.empty()) {
      const auto [i, done] = stack.back();
      stack.pop_back();
      if (done) {
        state_[i] = State::kDone;
        path.pop_back();
        continue;
      }
      if (state_[i] == State::kOpen) {
        report_cycle(i, path);
        continue;
      }
      if (state_[i] == State::kDone) continue;
      state_[i] = State::kOpen;
      path.push_back(i);
      stack.emplace_back(i, true);
      if (specs_[i]) check_inputs(i);
      for (const size_t up : upstream(i)) stack.emplace_back(up, false);
    }
  }

  void report_cycle(size_t i, const std::vector<size_t>& path) {
    auto it = std::find(path.begin(), path.end(), i);
    std::string way;
    Json ids = Json::array();
    for (; it != path.end(); ++it) {
      way += node(*it).id + " <- ";
      ids.push_back(node(*it).id);
    }
    fault(i, "dependency_cycle", "Dependency cycle detected", way + node(i).id, {{"cycle", std::move(ids)}});
  }

  // The nodes that node i takes its linked inputs from.
  const std::vector<size_t>& upstream(size_t i) {
    if (upstream_.empty()) upstream_.resize(specs_.size());
    if (upstream_[i]) return *upstream_[i];
    auto& out = upstream_[i].emplace();
    for (const auto& item : node(i).inputs.items()) {
      if (specs_[i] && !specs_[i]->input(item.key())) continue;
      if (const auto link = as_link(item.value()))
        if (const auto it = index_.find(link->node); it != index_.end()) out.push_back(it->second);
    }
    return out;
  }

  void check_inputs(size_t i) {
    Json& inputs = node(i).inputs;
    for (const InputSpec& input : specs_[i]->inputs) {
      if (input.presence == Presence::kHidden) continue;
      const auto it = inputs.find(input.name);
      if (it == inputs.end()) {
        if (input.presence == Presence::kRequired && !input.added_later)
          fault(i, "required_input_missing", "Required input is missing", input.name, {{"input_name", input.name}});
      } else if (it->is_null() && input.presence == Presence::kOptional) {
        inputs.erase(it);
      } else if (it->is_array()) {
        check_link(i, input, *it);
      } else {
        check_value(i, input, *it);
      }
    }
  }

  Json about(const InputSpec& input, const Json& received) const {
    return {{"input_name", input.name},
            {"input_config", input_config(input, provider_, true)},
            {"received_value", received}};
  }

  void check_link(size_t i, const InputSpec& input, const Json& value) {
    const auto link = as_link(value);
    if (!link)
      return fault(i, "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                   input.name, about(input, value));
    const auto it = index_.find(link->node);
    if (it == index_.end())
      return fault(i, "bad_linked_input", "Bad linked input, the node it comes from does not exist",
                   input.name + ": there is no node " + link->node, about(input, value));
    const NodeSpec* from = specs_[it->second];
    if (!from) return;  // its class is unknown, which is reported there
    const int64_t slots = std::ssize(from->outputs);
    if (link->slot < 0 || link->slot >= slots)
      return fault(i, "bad_linked_input", "Bad linked input, the node it comes from has no such output",
                   input.name + ": node " + link->node + " (" + from->class_type + ") has " + std::to_string(slots) +
                       " outputs, slot " + std::to_string(link->slot) + " is not one of them",
                   about(input, value));
    const std::string& type = from->outputs[static_cast<size_t>(link->slot)].type;
    if (types_match(type, input.type)) return;
    const std::string wanted = input.is_combo() ? python_repr(Json(choices_of(input, provider_))) : input.type;
    fault(i, "return_type_mismatch", "Return type mismatch between linked nodes",
          input.name + ", received_type(" + type + ") mismatch input_type(" + wanted + ")",
          {{"input_name", input.name},
           {"input_config", input_config(input, provider_, true)},
           {"received_type", type},
           {"linked_node", value}});
  }

  void check_value(size_t i, const InputSpec& input, Json& value) {
    if (value.is_object() && value.contains("__value__")) value = Json(value["__value__"]);
    if (!input.has_widget()) {
      // ComfyUI lets values through here and fails when the node runs.
      return fault(i, "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                   input.name + ": needs a link of type " + input.type, about(input, value));
    }
    try {
      value = coerce(input, value);
    } catch (const Error& e) {
      Json extra = about(input, value);
      extra["exception_message"] = e.message();
      return fault(i, "invalid_input_type", "Failed to convert an input value to a " + input.type + " value",
                   input.name + ", " + python_str(value) + ", " + e.message(), std::move(extra));
    }
    if (value.is_number() && !check_range(i, input, value)) return;
    if (input.is_combo()) check_choice(i, input, value);
  }

  bool check_range(size_t i, const InputSpec& input, const Json& value) {
    const Json min = to_json(input.min), max = to_json(input.max);
    if (min.is_number() && less(value, min)) {
      fault(i, "value_smaller_than_min", "Value " + python_str(value) + " smaller than min of " + python_str(min),
            input.name, about(input, value));
      return false;
    }
    if (max.is_number() && less(max, value)) {
      fault(i, "value_bigger_than_max", "Value " + python_str(value) + " bigger than max of " + python_str(max),
            input.name, about(input, value));
      return false;
    }
    return true;
  }

  void check_choice(size_t i, const InputSpec& input, Json& value) {
    if (provider_.has_own_check(input.choices_from)) {
      const std::string wrong = value.is_string() ? provider_.check(input.choices_from, value.get<std::string>())
                                                  : "must be a name, not " + python_repr(value);
      if (wrong.empty()) return;
      return fault(i, "custom_validation_failed", "Custom validation failed for node", input.name + " - " + wrong,
                   {{"input_name", input.name}, {"received_value", value}, {"fault", kMissing}});
    }
    const auto choices = choices_of(input, provider_);
    const std::string text = python_str(value);
    const auto known = [&](const std::string& name) {
      return std::find(choices.begin(), choices.end(), name) != choices.end() ||
             (!input.choices_from.empty() && provider_.has_unlisted(input.choices_from, name));
    };
    if (value.is_string() && known(text)) return;
    if (value.is_string()) {
      // Workflows saved on Windows separate folders with a backslash.
      std::string slashed = text;
      std::replace(slashed.begin(), slashed.end(), '\\', '/');
      if (known(slashed)) {
        value = slashed;
        return;
      }
    }
    const bool many = choices.size() > kListedChoices;
    std::string details =
        input.name + ": '" + text + "' not in " +
        (many ? "(list of length " + std::to_string(choices.size()) + ")" : python_repr(Json(choices)));
    const std::string hint = did_you_mean(text, choices);
    if (!hint.empty()) details += "; " + hint;
    Json extra = about(input, value);
    if (many) extra["input_config"] = nullptr;
    if (!input.choices_from.empty()) extra["fault"] = kMissing;  // a file
    fault(i, "value_not_in_list", "Value not in list", std::move(details), std::move(extra));
  }

  // Which outputs can run, and which faults stand in the way of the others.
  void judge(const std::vector<size_t>& outputs) {
    std::vector<std::vector<std::string>> dependents(specs_.size());
    std::vector<std::string> sentences;
    for (const size_t output : outputs) {
      bool good = true;
      for (const size_t i : closure(output)) {
        if (faults_[i].empty()) continue;
        good = false;
        dependents[i].push_back(node(output).id);
      }
      if (good) out_.outputs.push_back(node(output).id);
      else
        for (const NodeFault& f : faults_[output]) sentences.push_back(f.message + ": " + f.details);
    }
    if (out_.error.is_null() && out_.outputs.empty()) {
      std::string details;
      for (const std::string& s : sentences) details += (details.empty() ? "" : "\n") + s;
      out_.error = error("prompt_outputs_failed_validation", "Prompt outputs failed validation", details);
    }
    if (!out_.error.is_null()) out_.outputs.clear();
    for (size_t i = 0; i < faults_.size(); ++i)
      if (!faults_[i].empty())
        out_.faulty.push_back({node(i).id, node(i).class_type, std::move(faults_[i]), std::move(dependents[i])});
  }

  std::vector<size_t> closure(size_t output) {
    std::vector<size_t> out{output};
    std::vector<char> seen(specs_.size(), 0);
    seen[output] = 1;
    for (size_t next = 0; next < out.size(); ++next)
      for (const size_t up : upstream(out[next]))
        if (!std::exchange(seen[up], 1)) out.push_back(up);
    return out;
  }

  enum class State : uint8_t { kNew, kOpen, kDone };

  const NodeTable& table_;
  const ChoiceProvider& provider_;
  Validation out_;
  std::unordered_map<std::string, size_t> index_;
  std::vector<const NodeSpec*> specs_;  // by node; nullptr for an unknown class
  std::vector<std::vector<NodeFault>> faults_;
  std::vector<State> state_;
  std::vector<std::optional<std::vector<size_t>>> upstream_;
};

}  // namespace

Validation validate(const Prompt& prompt, const NodeTable& table, const ChoiceProvider& provider,
                    const std::vector<std::string>& only) {
  return Validator(prompt, table, provider).run(only);
}

Json Validation::node_errors() const {
  Json out = Json::object();
  for (const FaultyNode& node : faulty) {
    Json errors = Json::array();
    for (const NodeFault& f : node.faults)
      errors.push_back(
          {{"type", f.type}, {"message", f.message}, {"details", f.details}, {"extra_info", f.extra_info}});
    out[node.id] = {
        {"errors", std::move(errors)}, {"dependent_outputs", node.dependent_outputs}, {"class_type", node.class_type}};
  }
  return out;
}

std::vector<Notice> Validation::left_out() const {
  std::map<std::string, std::string> reasons;  // by output
  if (!runnable()) return {};
  for (const FaultyNode& node : faulty)
    for (const std::string& output : node.dependent_outputs) {
      std::string& text = reasons[output];
      const NodeFault& first = node.faults.front();
      const std::string where = node.id == output ? "" : "node " + node.id + " (" + node.class_type + "): ";
      text += (text.empty() ? "is left out. " : "; ") + where + first.message + ": " + first.details;
    }
  std::vector<Notice> out;
  for (const PromptNode& node : prompt.nodes)
    if (const auto reason = reasons.find(node.id); reason != reasons.end())
      out.push_back({node.id, node.class_type, reason->second});
  return out;
}

std::string Validation::text() const {
  std::string out;
  for (const FaultyNode& node : faulty)
    for (const NodeFault& f : node.faults) {
      out += "node " + node.id + (node.class_type.empty() ? "" : " (" + node.class_type + ")") + ": ";
      // ComfyUI's message for these says nothing that a person could use.
      if (f.type == "custom_validation_failed") out += f.details + "\n";
      else out += f.message + (f.details.empty() ? "" : ": " + f.details) + "\n";
    }
  if (out.empty() && !error.is_null()) {
    out = error["message"].get<std::string>();
    const std::string details = error["details"];
    if (!details.empty()) out += ": " + details;
    out += "\n";
  }
  if (!out.empty()) out.pop_back();
  return out;
}

void Validation::raise() const {
  size_t count = 0;
  for (const FaultyNode& node : faulty) count += node.faults.size();
  // A workflow that is well but for files that are not there, or the memory it takes, is not invalid.
  const Fault fault = common_fault(faulty);
  if (count <= 1) throw Error(fault, text());
  throw Error(fault, "the workflow has " + std::to_string(count) + " faults:\n" + text());
}

}  // namespace easel::workflow
