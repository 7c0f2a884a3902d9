#include "engine/foresee.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "engine/arguments.h"
#include "engine/memory_keeper.h"
#include "engine/order.h"
#include "memory/resident.h"
#include "node_api/files.h"
#include "workflow/downstream.h"

namespace easel::engine {
namespace {

using workflow::FaultCode;
using workflow::NodeFault;
using workflow::PromptNode;

// Handles of loaders weigh little, but keep files open.
constexpr size_t kMostForeseen = 512;

NodeFault as_fault(const Error& e) {
  const std::string reason = workflow::reason_of(e);
  return {.code = workflow::code_of(e.fault()),
          .input = e.input(),
          .message = "Custom validation failed for node",
          .details = e.input().empty() ? reason : e.input() + " - " + reason,
          .reason = reason};
}

// Writes down what a node says while it is looked at.
class Remarks final : public nodes::NodeEvents {
 public:
  Remarks(const workflow::Prompt& prompt, std::vector<Remark>& out) : prompt_(prompt), out_(out) {}
  std::optional<std::string> input_of(const std::string& node, const std::string& input) override {
    return workflow::typed_input(prompt_, node, input);
  }
  void warn(const std::string& text) override { out_.push_back({true, text}); }
  void detail(const std::string& text) override { out_.push_back({false, text}); }

 private:
  const workflow::Prompt& prompt_;
  std::vector<Remark>& out_;
};

// Names that files are to be saved under, with everything filled in that there is to fill in.
void check_saved_names(const nodes::Call& call, const workflow::NodeSpec& spec) {
  constexpr int64_t kAnySide = 16384;  // digits, as those that will stand there
  for (const workflow::InputSpec& input : spec.inputs) {
    const workflow::Literal* value = input.names_saved_files ? call.typed(input.name) : nullptr;
    const auto* prefix = value ? std::get_if<std::string>(value) : nullptr;
    if (!prefix) continue;
    try {
      call.context().artifacts.check_prefix(artifacts::Area::kOutput,
                                            nodes::expand_prefix(*prefix, kAnySide, kAnySide, call.context()));
    } catch (Error& e) {
      throw e.at_input(input.name);
    }
  }
}

size_t add(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

// A value of a known size in words: "4096 pictures of 512x512".
std::string in_words(const nodes::Value& value) {
  const auto several = [](const char* one, int64_t count, int64_t width, int64_t height) {
    const std::string size = " of " + std::to_string(width) + "x" + std::to_string(height);
    return count == 1 ? std::string("a ") + one + size : std::to_string(count) + " " + one + "s" + size;
  };
  if (const auto* p = value.get<nodes::ForeseenPicture>()) return several("picture", p->count, p->width, p->height);
  if (const auto* m = value.get<nodes::ForeseenMask>()) return several("mask", m->count, m->width, m->height);
  if (const auto* l = value.get<nodes::ForeseenLatent>())
    return several("latent", l->count, l->width * l->factor, l->height * l->factor);
  return "a value";
}

// Throws Error(kMemory) when what a node takes and what it makes, which are there at once, are known to be more than
// the memory budget allows.
void require_room(const nodes::Call::Arguments& arguments, const nodes::Outputs& outputs,
                  const memory::Residency& residency) {
  const size_t budget = budget_beside(residency);
  if (budget == 0) return;
  std::vector<const nodes::Value*> there;
  const auto not_there = [&](const nodes::Value& value) {
    return value.bytes() > 0 && std::none_of(there.begin(), there.end(), [&](auto* v) { return v->is(value); });
  };
  size_t taken = 0, made = 0;
  for (const auto& [input, value] : arguments.linked) {
    if (!not_there(value)) continue;
    taken = add(taken, value.bytes());
    there.push_back(&value);
  }
  const nodes::Value* largest = nullptr;
  for (const nodes::Value& value : outputs) {
    if (!not_there(value)) continue;
    made = add(made, value.bytes());
    there.push_back(&value);
    if (!largest || value.bytes() > largest->bytes()) largest = &value;
  }
  if (largest && add(add(taken, made), kProgramMemory) > add(budget, kSmallValues))
    throw beyond_budget("to make " + in_words(*largest), made, taken, residency);
}

// What depends on nodes of a plan, by their ids.
class Dependents {
 public:
  Dependents(const workflow::Prompt& prompt, const std::vector<std::string>& order, const nodes::Table& table)
      : order_(order), downstream_(order.size()) {
    std::unordered_map<std::string_view, const PromptNode*> nodes;
    for (const PromptNode& node : prompt.nodes) nodes.emplace(node.id, &node);
    for (size_t i = 0; i < order.size(); ++i) {
      place_.emplace(order[i], i);
      for (const std::string& up : upstream(*nodes.at(order[i]), table)) downstream_.add(place_.at(up), i);
    }
  }

  // As Downstream has it.
  std::set<std::string_view> of(const std::string& node) { return ids(downstream_.of(place_.at(node))); }
  std::set<std::string_view> of_all(const std::vector<workflow::FaultyNode>& nodes) {
    std::vector<size_t> from;
    for (const auto& node : nodes) from.push_back(place_.at(node.id));
    return ids(downstream_.of_all(std::move(from)));
  }

 private:
  std::set<std::string_view> ids(const std::vector<size_t>& places) const {
    std::set<std::string_view> out;
    for (const size_t i : places) out.insert(order_[i]);
    return out;
  }

  const std::vector<std::string>& order_;
  std::unordered_map<std::string_view, size_t> place_;
  workflow::Downstream downstream_;
};

// Faults of values leave the links as they are.
bool links_are_sound(const workflow::Validation& validation) {
  for (const auto& node : validation.faulty)
    for (const NodeFault& fault : node.faults)
      if (fault.code == FaultCode::kUnknownClass || fault.code == FaultCode::kCycle ||
          fault.code == FaultCode::kBadLink)
        return false;
  return true;
}

std::vector<workflow::FaultyNode> find_misfits(Plan& plan, const std::vector<std::string>& order, Foresight& foresight,
                                               const CancelToken& cancel) {
  std::set<std::string> known_faulty;
  for (const auto& node : plan.faulty) known_faulty.insert(node.id);
  std::vector<workflow::FaultyNode> found;
  for (const std::string& id : order) {
    cancel.check();
    const PromptNode& node = *plan.prompt.find(id);
    if (known_faulty.count(id)) {
      foresight.skip(node);
      continue;
    }
    try {
      for (const Remark& remark : foresight.look_at(node).foreseen->remarks)
        if (remark.warning) plan.notices.push_back({id, node.class_type, remark.text});
    } catch (const Error& e) {
      if (e.fault() == Fault::kCancelled) throw;
      found.push_back({id, node.class_type, {as_fault(e)}, {}});
    }
  }
  return found;
}

}  // namespace

ForeseenPtr ForesightCache::find(const std::string& digest) {
  MutexLock lock(mutex_);
  const auto it = entries_.find(digest);
  if (it == entries_.end()) return nullptr;
  it->second.last_use = ++clock_;
  return it->second.foreseen;
}

void ForesightCache::keep(const std::string& digest, ForeseenPtr foreseen) {
  MutexLock lock(mutex_);
  if (entries_.size() >= kMostForeseen)
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      return a.second.last_use < b.second.last_use;
    }));
  entries_[digest] = {std::move(foreseen), ++clock_};
}

void ForesightCache::clear() {
  MutexLock lock(mutex_);
  entries_.clear();
}

const PlannedNode& Foresight::look_at(const PromptNode& node) {
  const std::string& digest = signatures_.of(node.id).digest;
  const bool lasts = may_be_kept(node);
  ForeseenPtr foreseen = lasts ? cache_.find(digest) : nullptr;
  if (!foreseen) {
    foreseen = ask(node);
    if (lasts) cache_.keep(digest, foreseen);
  }
  if (lasts) kept_.insert(node.id);
  return nodes_[node.id] = {digest, std::move(foreseen)};
}

bool Foresight::take_over(const PromptNode& node, const PlannedNode& known) {
  if (known.digest != signatures_.of(node.id).digest) return false;
  nodes_[node.id] = known;
  if (may_be_kept(node)) kept_.insert(node.id);
  return true;
}

// If a node before this one failed or was left out, a later check may find out more.
bool Foresight::may_be_kept(const PromptNode& node) {
  const auto before = upstream(node, table_);
  return signatures_.of(node.id).reusable &&
         std::all_of(before.begin(), before.end(), [&](const std::string& id) { return kept_.contains(id); });
}

ForeseenPtr Foresight::ask(const PromptNode& node) {
  const workflow::NodeSpec* spec = table_.find(node.class_type, node.input_names());
  const nodes::Node& declared = table_.entry(*spec).node;
  bool complete = true;
  const auto follow = [&](const workflow::Link& link) {
    const auto from = nodes_.find(link.node);
    const auto slot = static_cast<size_t>(link.slot);
    if (from != nodes_.end()) {
      const nodes::Outputs& outputs = from->second.foreseen->outputs;
      if (slot < outputs.size() && !outputs[slot].empty()) return outputs[slot];
    }
    complete = false;
    return nodes::Value();
  };
  auto out = std::make_shared<Foreseen>();
  Remarks remarks(prompt_, out->remarks);
  nodes::Context context{context_.folders, context_.residency, context_.files, context_.artifacts, remarks};
  context.compute = context_.compute;
  context.cancel = context_.cancel;
  nodes::Call::Arguments arguments = make_arguments(node, *spec, follow);
  nodes::Call call(context, *spec, node.id, arguments);
  declared.check(call);
  check_saved_names(call, *spec);
  if (declared.foresee) {
    out->outputs = declared.foresee(call);
    require_room(arguments, out->outputs, context_.residency);
  } else if (declared.runs_when_checked && complete) {
    out->outputs = declared.run(call);
    out->ran = true;
    out->ui = call.ui();
  }
  return out;
}

void foresee(Plan& plan, const std::vector<std::string>& outputs, const nodes::Table& table, Foresight& foresight,
             const CancelToken& cancel) {
  if (!links_are_sound(plan)) return;
  const auto order = dependency_order(plan.prompt, table, outputs);
  std::vector<workflow::FaultyNode> misfits = find_misfits(plan, order, foresight, cancel);
  std::string details;
  if (!misfits.empty()) {
    Dependents dependents(plan.prompt, order, table);
    for (workflow::FaultyNode& node : misfits) {
      const auto affected = dependents.of(node.id);
      for (const std::string& output : outputs)
        if (affected.contains(output)) node.dependent_outputs.push_back(output);
      details += (details.empty() ? "" : "\n") + node.faults[0].message + ": " + node.faults[0].details;
    }
    const auto affected = dependents.of_all(misfits);
    std::erase_if(plan.outputs, [&](const std::string& output) { return affected.contains(output); });
    std::move(misfits.begin(), misfits.end(), std::back_inserter(plan.faulty));
  }
  plan.nodes = std::move(foresight.nodes());
  if (details.empty() || !plan.outputs.empty() || plan.error) return;
  plan.error = workflow::nothing_runs(std::move(details));
}

}  // namespace easel::engine
