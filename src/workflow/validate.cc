#include "workflow/validate.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "workflow/coerce.h"
#include "workflow/downstream.h"
#include "workflow/object_info.h"

namespace easel::workflow {
namespace {

// Lists longer than this are not repeated in messages.
constexpr size_t kListedChoices = 20;

// What is said about workflows that were made to have very many faults.
constexpr size_t kMostExplained = 500;         // faults with all there is to say; of others, what and where
constexpr size_t kLongestDetails = 300;        // bytes, of those others
constexpr size_t kMostSaid = size_t{1} << 20;  // bytes about how nodes hang together

constexpr const char* kNoLink = "Bad linked input, must be a length-2 list of [node_id, slot_index]";

// The kind that all faults have in common, or kInvalid if they differ.
Fault common_fault(const std::vector<FaultyNode>& faulty) {
  std::set<Fault> kinds;
  for (const FaultyNode& node : faulty)
    for (const NodeFault& f : node.faults) kinds.insert(fault_of(f.code));
  return kinds.size() == 1 ? *kinds.begin() : Fault::kInvalid;
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
    if (outputs.empty() && !out_.error)
      out_.error = PromptFault{.code = FaultCode::kNoOutputs, .message = "Prompt has no outputs"};
    for (const size_t output : outputs) visit(output);
    judge(outputs);
    return std::move(out_);
  }

 private:
  PromptNode& node(size_t i) { return out_.prompt.nodes[i]; }

  // Whether there is room for so many bytes more about how nodes hang together. What is said about a workflow does not
  // grow with the square of its size.
  bool may_say(size_t bytes) {
    said_ += bytes + 1;
    return said_ <= kMostSaid;
  }
  bool explains() const { return fault_count_ < kMostExplained; }

  void add(size_t i, NodeFault fault) {
    if (!explains()) {
      fault.about = Json::object();
      fault.hint.clear();
      if (fault.details.size() > kLongestDetails) fault.details.resize(kLongestDetails);
    }
    ++fault_count_;
    faults_[i].push_back(std::move(fault));
  }

  // Classes are checked on every node, also those no output needs.
  void check_classes() {
    for (size_t i = 0; i < specs_.size(); ++i) {
      if (specs_[i]) continue;
      const PromptNode& n = node(i);
      NodeFault fault{.code = FaultCode::kUnknownClass,
                      .message = "Cannot execute because a node is missing the class_type property.",
                      .details = "Node ID '#" + n.id + "'",
                      .about = {{"node_id", n.id}}};
      if (!n.class_type.empty()) {
        fault.message = "Cannot execute because node " + n.class_type + " does not exist.";
        if (explains()) fault.hint = did_you_mean(n.class_type, class_names());
        fault.about["class_type"] = n.class_type;
      }
      if (!n.title.empty()) fault.about["node_title"] = n.title;
      if (!out_.error)
        out_.error = PromptFault{
            .code = FaultCode::kUnknownClass, .message = fault.message, .details = fault.details, .about = fault.about};
      if (!fault.hint.empty()) fault.details += "; " + fault.hint;
      add(i, std::move(fault));
    }
  }

  const std::vector<std::string>& class_names() {
    if (class_names_.empty())
      for (const NodeSpec* spec : table_.list()) class_names_.push_back(spec->class_type);
    return class_names_;
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

  // Of several through one node, the first.
  void report_cycle(size_t i, const std::vector<size_t>& path) {
    const auto is_cycle = [](const NodeFault& f) { return f.code == FaultCode::kCycle; };
    if (std::any_of(faults_[i].begin(), faults_[i].end(), is_cycle)) return;
    auto it = std::find(path.begin(), path.end(), i);
    std::string way;
    Json ids = Json::array();
    for (; it != path.end(); ++it) {
      if (!may_say(2 * node(*it).id.size())) {
        way += "... <- ";
        break;
      }
      way += node(*it).id + " <- ";
      ids.push_back(node(*it).id);
    }
    add(i, {.code = FaultCode::kCycle,
            .message = "Dependency cycle detected",
            .details = way + node(i).id,
            .about = {{"cycle", std::move(ids)}}});
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
          add(i, {.code = FaultCode::kInputMissing,
                  .input = input.name,
                  .message = "Required input is missing",
                  .details = input.name});
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
    return {{"input_config", input_config(input, provider_, true)}, {"received_value", received}};
  }

  // `reason`: what follows the input's name in ComfyUI's details; empty: nothing.
  void bad_link(size_t i, const InputSpec& input, const Json& value, const char* message, const std::string& reason) {
    add(i, {.code = FaultCode::kBadLink,
            .input = input.name,
            .message = message,
            .details = input.name + (reason.empty() ? "" : ": " + reason),
            .reason = reason,
            .about = about(input, value)});
  }

  void check_link(size_t i, const InputSpec& input, const Json& value) {
    const auto link = as_link(value);
    if (!link) return bad_link(i, input, value, kNoLink, {});
    const auto it = index_.find(link->node);
    if (it == index_.end())
      return bad_link(i, input, value, "Bad linked input, the node it comes from does not exist",
                      "there is no node " + link->node);
    const NodeSpec* from = specs_[it->second];
    if (!from) return;  // its class is unknown, which is reported there
    const int64_t slots = std::ssize(from->outputs);
    if (link->slot < 0 || link->slot >= slots)
      return bad_link(i, input, value, "Bad linked input, the node it comes from has no such output",
                      "node " + link->node + " (" + from->class_type + ") has " + std::to_string(slots) +
                          " outputs, slot " + std::to_string(link->slot) + " is not one of them");
    const std::string& type = from->outputs[static_cast<size_t>(link->slot)].type;
    if (types_match(type, input.type)) return;
    const std::string wanted = input.is_combo() ? python_repr(Json(choices_of(input, provider_))) : input.type;
    add(i,
        {.code = FaultCode::kWrongLinkType,
         .input = input.name,
         .message = "Return type mismatch between linked nodes",
         .details = input.name + ", received_type(" + type + ") mismatch input_type(" + wanted + ")",
         .about = {
             {"input_config", input_config(input, provider_, true)}, {"received_type", type}, {"linked_node", value}}});
  }

  void check_value(size_t i, const InputSpec& input, Json& value) {
    if (value.is_object() && value.contains("__value__")) value = Json(value["__value__"]);
    if (!input.has_widget()) {
      // ComfyUI lets values through here and fails when the node runs.
      return bad_link(i, input, value, kNoLink, "needs a link of type " + input.type);
    }
    try {
      value = coerce(input, value);
    } catch (const Error& e) {
      NodeFault fault{.code = FaultCode::kWrongValueType,
                      .input = input.name,
                      .message = "Failed to convert an input value to a " + input.type + " value",
                      .details = input.name + ", " + python_str(value) + ", " + e.message(),
                      .about = about(input, value)};
      fault.about["exception_message"] = e.message();
      return add(i, std::move(fault));
    }
    if (value.is_number() && !check_range(i, input, value)) return;
    if (input.is_combo()) check_choice(i, input, value);
  }

  bool check_range(size_t i, const InputSpec& input, const Json& value) {
    const Json min = to_json(input.min), max = to_json(input.max);
    NodeFault fault{.input = input.name, .details = input.name};
    if (min.is_number() && less(value, min)) {
      fault.code = FaultCode::kTooSmall;
      fault.message = "Value " + python_str(value) + " smaller than min of " + python_str(min);
    } else if (max.is_number() && less(max, value)) {
      fault.code = FaultCode::kTooLarge;
      fault.message = "Value " + python_str(value) + " bigger than max of " + python_str(max);
    } else {
      return true;
    }
    fault.about = about(input, value);
    add(i, std::move(fault));
    return false;
  }

  void check_choice(size_t i, const InputSpec& input, Json& value) {
    if (provider_.has_own_check(input.choices_from)) return check_file(i, input, value);
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
    NodeFault fault{
        .code = input.choices_from.empty() ? FaultCode::kNotAChoice : FaultCode::kModelMissing,
        .input = input.name,
        .message = "Value not in list",
        .details = input.name + ": '" + text + "' not in " +
                   (many ? "(list of length " + std::to_string(choices.size()) + ")" : python_repr(Json(choices))),
        .hint = explains() ? did_you_mean(text, choices) : "",
        .about = about(input, value)};
    if (!fault.hint.empty()) fault.details += "; " + fault.hint;
    if (many) fault.about["input_config"] = nullptr;
    add(i, std::move(fault));
  }

  // A picture or latent in the folders of a server, whose names are looked up and not listed.
  void check_file(size_t i, const InputSpec& input, const Json& value) {
    const auto wrong = value.is_string() ? provider_.check(input.choices_from, value.get<std::string>())
                                         : Error(Fault::kInvalid, "must be a name, not " + python_repr(value));
    if (!wrong) return;
    // A name that leads out of the folder is one that it does not have.
    const FaultCode no_file =
        input.choices_from == kInputLatents ? FaultCode::kLatentMissing : FaultCode::kPictureMissing;
    const std::string hint = wrong->advice().empty() ? "" : "; " + wrong->advice();
    add(i, {.code = value.is_string() ? no_file : FaultCode::kInvalid,
            .input = input.name,
            .message = "Custom validation failed for node",
            .details = input.name + " - " + wrong->message() + hint,
            .reason = reason_of(*wrong),
            .hint = wrong->advice(),
            .about = {{"received_value", value}}});
  }

  // Which outputs can run, and which faults stand in the way of the others.
  void judge(const std::vector<size_t>& outputs) {
    constexpr size_t kNone = SIZE_MAX;
    std::vector<size_t> place(specs_.size(), kNone);  // among the outputs
    for (size_t k = 0; k < outputs.size(); ++k) place[outputs[k]] = k;
    Downstream downstream(specs_.size());
    for (size_t i = 0; i < specs_.size(); ++i)
      for (const size_t up : upstream(i)) downstream.add(up, i);
    std::vector<size_t> faulty;
    for (size_t i = 0; i < faults_.size(); ++i)
      if (!faults_[i].empty()) faulty.push_back(i);
    std::vector<char> affected(specs_.size(), 0);
    for (const size_t i : downstream.of_all(faulty)) affected[i] = 1;
    std::vector<std::string> sentences;
    for (const size_t output : outputs) {
      if (!affected[output]) out_.outputs.push_back(node(output).id);
      for (const NodeFault& f : faults_[output]) sentences.push_back(f.message + ": " + f.details);
    }
    if (!out_.error && out_.outputs.empty()) {
      std::string details;
      for (const std::string& s : sentences) details += (details.empty() ? "" : "\n") + s;
      out_.error = nothing_runs(std::move(details));
    }
    if (out_.error) out_.outputs.clear();
    for (const size_t i : faulty) {
      std::vector<size_t> dependent;
      for (const size_t down : downstream.of(i))
        if (place[down] != kNone) dependent.push_back(place[down]);
      std::sort(dependent.begin(), dependent.end());
      std::vector<std::string> ids;
      for (const size_t k : dependent)
        if (may_say(node(outputs[k]).id.size())) ids.push_back(node(outputs[k]).id);
      out_.faulty.push_back({node(i).id, node(i).class_type, std::move(faults_[i]), std::move(ids)});
    }
  }

  enum class State : uint8_t { kNew, kOpen, kDone };

  const NodeTable& table_;
  const ChoiceProvider& provider_;
  Validation out_;
  std::unordered_map<std::string, size_t> index_;
  std::vector<const NodeSpec*> specs_;  // by node; nullptr for an unknown class
  std::vector<std::vector<NodeFault>> faults_;
  std::vector<State> state_;
  std::vector<std::string> class_names_;
  size_t fault_count_ = 0, said_ = 0;
  std::vector<std::optional<std::vector<size_t>>> upstream_;
};

}  // namespace

PromptFault nothing_runs(std::string details) {
  return {
      .code = FaultCode::kNothingRuns, .message = "Prompt outputs failed validation", .details = std::move(details)};
}

Validation validate(const Prompt& prompt, const NodeTable& table, const ChoiceProvider& provider,
                    const std::vector<std::string>& only) {
  return Validator(prompt, table, provider).run(only);
}

Json Validation::node_errors() const {
  Json out = Json::object();
  for (const FaultyNode& node : faulty) {
    Json errors = Json::array();
    for (const NodeFault& f : node.faults) errors.push_back(to_json(f));
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
    for (const NodeFault& f : node.faults)
      out +=
          "node " + node.id + (node.class_type.empty() ? "" : " (" + node.class_type + ")") + ": " + in_words(f) + "\n";
  if (out.empty() && error) out = error->message + (error->details.empty() ? "" : ": " + error->details) + "\n";
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
