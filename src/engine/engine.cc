#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <set>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "engine/arguments.h"
#include "engine/foresee.h"
#include "engine/order.h"
#include "memory/machine_memory.h"
#include "node_api/lists.h"

namespace easel::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A file shown by a reused node may have been deleted since.
bool files_exist(const nodes::Ui& ui, const artifacts::ArtifactStore& store) {
  for (const auto& [list, files] : ui)
    for (const nodes::UiFile& file : files) {
      const auto area = artifacts::area_named(file.type);
      if (file.filename.empty() || !area) continue;  // it was sent, not saved
      if (!store.find({*area, file.subfolder, file.filename}, NameFrom::kUser)) return false;
    }
  return true;
}

}  // namespace

// The state of one run.
class Engine::Run {
 public:
  // `cache` and `last` are the engine's, whose lock the caller holds as long as the run exists.
  Run(Engine& engine, ResultCache& cache, std::map<std::string, Signature>& last, Plan plan, const RunOptions& options,
      EventSink& sink)
      : engine_(engine),
        cache_(cache),
        last_(last),
        plan_(std::move(plan)),
        options_(options),
        sink_(sink),
        events_(*this),
        context_(engine.context(options.cancel, events_)),
        signatures_(engine.signatures(plan_.prompt)) {
    for (const auto& node : plan_.prompt.nodes) by_id_.emplace(node.id, &node);
    context_.picture_text.emplace_back("prompt", workflow::dump_json(workflow::to_json(plan_.prompt, true)));
    for (const auto& text : options.picture_text) context_.picture_text.push_back(text);
  }

  RunReport go() {
    const auto start = Clock::now();
    const auto& order = plan_.order;
    look_again();
    choose_nodes();
    sink_.take(NodesReused{reused_});
    for (const std::string& id : order) {
      if (!needed_.count(id)) {
        show_again(id);
        continue;
      }
      if (const auto it = results_.find(id); it != results_.end()) report_reused(id, *it->second);
      else execute(id);
    }
    last_.clear();
    for (const std::string& id : order) last_[id] = signatures_.known(id);
    report_.seconds = seconds_since(start);
    return std::move(report_);
  }

 private:
  // Forwards the events of the running node to the sink.
  class Events final : public nodes::NodeEvents {
   public:
    explicit Events(Run& run) : run_(run) {}
    void progress(int value, int max, Preview preview) override {
      run_.sink_.take(NodeProgress{run_.current_, value, max, std::move(preview)});
    }
    bool wants_preview() override { return run_.sink_.wants_preview(); }
    void sampling_starts() override { run_.sink_.take(SamplingStarted{run_.current_}); }
    bool send_picture(const nodes::SentPicture& p) override {
      return run_.sink_.take_picture({run_.current_, p.value, p.max, p.content_type, p.data});
    }
    void warn(const std::string& text) override { run_.warn(text); }
    void detail(const std::string& text) override { run_.sink_.take(NodeDetail{run_.current_, text}); }
    std::optional<std::string> input_of(const std::string& node, const std::string& input) override {
      return workflow::typed_input(run_.plan_.prompt, node, input);
    }

   private:
    Run& run_;
  };

  const workflow::PromptNode& node(const std::string& id) const { return *by_id_.at(id); }

  // Brings what the plan knows up to date: a node whose files have changed, and what depends on it, is looked at anew.
  void look_again() {
    Foresight foresight(plan_.prompt, engine_.table_, context_, signatures_, engine_.foreseen_);
    for (const std::string& id : plan_.order) {
      context_.cancel.check();
      const auto planned = plan_.nodes.find(id);
      if (planned != plan_.nodes.end() && foresight.take_over(node(id), planned->second)) continue;
      named(node(id), [&] { foresight.look_at(node(id)); });
    }
    plan_.nodes = std::move(foresight.nodes());
  }

  // Which nodes are needed, going back from the outputs and stopping where a result is still there.
  void choose_nodes() {
    needed_.insert(plan_.outputs.begin(), plan_.outputs.end());
    for (auto it = plan_.order.rbegin(); it != plan_.order.rend(); ++it) {
      if (!needed_.count(*it)) continue;
      const Signature& signature = signatures_.known(*it);
      ResultPtr known = signature.reusable ? cache_.find(signature.digest) : nullptr;
      if (known && !files_exist(known->ui, engine_.artifacts_)) known = nullptr;
      if (known) {
        results_[*it] = std::move(known);
        continue;
      }
      for (const workflow::Link& link : links(node(*it), engine_.table_)) {
        needed_.insert(link.node);
        ++uses_left_[link.node];
        ++slot_uses_left_[{link.node, link.slot}];
      }
    }
    // Nodes before a reused result need not run either.
    for (const std::string& id : plan_.order)
      if (!needed_.count(id) || results_.count(id)) reused_.push_back(id);
    // From here on, findings are of use only if they are results.
    std::erase_if(plan_.nodes, [&](const auto& planned) {
      return !planned.second.foreseen->ran || !needed_.count(planned.first) || results_.count(planned.first);
    });
    if (options_.last) engine_.foreseen_.clear();
  }

  std::string reason(const std::string& id) const {
    const auto before = last_.find(id);
    if (before == last_.end()) return "it has not run before";
    const Signature& now = signatures_.known(id);
    if (std::string changed = difference(before->second, now); !changed.empty()) return changed;
    return now.reusable ? "its result was no longer kept" : "it runs every time";
  }

  void report_reused(const std::string& id, const Result& result) {
    NodeReport report{.id = id, .class_type = node(id).class_type, .reused = true, .bytes = result.bytes()};
    const workflow::NodeSpec* spec = engine_.table_.find(report.class_type, node(id).input_names());
    if (spec->output_node || !result.ui.empty()) sink_.take(NodeFinished{report, result.ui});
    if (options_.watch) options_.watch(id, result.outputs);
    report_.nodes.push_back(std::move(report));
  }

  // A node before a reused result need not run, but what it showed belongs to this run's outputs as well.
  void show_again(const std::string& id) {
    const Signature& signature = signatures_.known(id);
    const ResultPtr known = signature.reusable ? cache_.find(signature.digest) : nullptr;
    if (!known || known->ui.empty() || !files_exist(known->ui, engine_.artifacts_)) return;
    sink_.take(NodeFinished{{.id = id, .class_type = node(id).class_type, .reused = true, .bytes = known->bytes()},
                            known->ui});
  }

  void execute(const std::string& id) {
    options_.cancel.check();
    const workflow::PromptNode& n = node(id);
    const auto start = Clock::now();
    NodeReport report{.id = id, .class_type = n.class_type, .why = reason(id)};
    current_ = id;
    sink_.take(NodeStarted{id, n.class_type});
    auto made = planned_result(id);
    if (!made) made = named(n, [&] { return call_node(n); });
    auto result = std::make_shared<Result>(std::move(*made));
    report.seconds = seconds_since(start);
    report.bytes = result->bytes();
    if (options_.watch) options_.watch(id, result->outputs);
    const Signature& signature = signatures_.known(id);
    if (signature.reusable && !options_.last) cache_.keep(signature.digest, result);
    engine_.result_bytes_ = cache_.bytes();
    sink_.take(NodeFinished{report, result->ui});
    if (uses_left_.count(id)) keep(id, std::move(result));
    for (const workflow::Link& link : links(n, engine_.table_)) let_go(link);
    report_.nodes.push_back(std::move(report));
  }

  // The result of a node that ran when it was looked at; it says now what it said then. Nothing for other nodes.
  std::optional<Result> planned_result(const std::string& id) {
    const auto planned = plan_.nodes.extract(id);
    if (planned.empty()) return std::nullopt;
    const Foreseen& known = *planned.mapped().foreseen;
    for (const Remark& remark : known.remarks) {
      if (remark.warning) warn(remark.text);
      else sink_.take(NodeDetail{id, remark.text});
    }
    return Result{padded(known.outputs, id), known.ui};
  }

  // A node may return fewer values than it has outputs; the rest is empty.
  nodes::Outputs padded(nodes::Outputs outputs, const std::string& id) const {
    const workflow::NodeSpec* spec = engine_.table_.find(node(id).class_type, node(id).input_names());
    if (outputs.size() < spec->outputs.size()) outputs.resize(spec->outputs.size());
    return outputs;
  }

  void keep(const std::string& id, std::shared_ptr<Result> result) {
    if (options_.last) {
      for (size_t slot = 0; slot < result->outputs.size(); ++slot)
        if (!slot_uses_left_.count({id, static_cast<int64_t>(slot)})) result->outputs[slot] = {};
      own_[id] = result;
    }
    results_[id] = std::move(result);
  }

  // Drops results that no later node needs; the cache may keep them.
  void let_go(const workflow::Link& link) {
    if (--slot_uses_left_.at({link.node, link.slot}) == 0)
      if (const auto it = own_.find(link.node); it != own_.end())
        it->second->outputs.at(static_cast<size_t>(link.slot)) = {};
    if (--uses_left_.at(link.node) > 0) return;
    results_.erase(link.node);
    own_.erase(link.node);
  }

  // Runs the node's code.
  Result call_node(const workflow::PromptNode& n) {
    const workflow::NodeSpec* spec = engine_.table_.find(n.class_type, n.input_names());
    const auto arguments = make_arguments(n, *spec, [this](const workflow::Link& link) {
      const nodes::Outputs& from = results_.at(link.node)->outputs;
      return from.at(static_cast<size_t>(link.slot));
    });
    Result result;
    result.outputs =
        padded(nodes::run_over_lists(context_, engine_.table_.entry(*spec), n.id, arguments, result.ui), n.id);
    return result;
  }

  // Calls `work` for a node, and turns every exception into an Error that names the node.
  template <class Work>
  auto named(const workflow::PromptNode& n, const Work& work) -> decltype(work()) {
    const uint64_t begun = engine_.residency_.now();
    const auto check_files = [&] {
      // Weights from the weight cache are read from their file all along.
      if (engine_.residency_.unreadable_since(begun))
        throw Error(Fault::kBadFile, "a file that the models are read from was cut short or cannot be read")
            .fix("Run this again; if it stays so, look at the disk");
    };
    try {
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        check_files();
      } else {
        auto out = work();
        check_files();
        return out;
      }
    } catch (Error& e) {
      if (engine_.residency_.unreadable_since(begun))
        engine_.residency_.evict_all();  // they may hold what was read as zeros
      e.at_node(n.id, n.class_type);
      throw;
    } catch (const std::bad_alloc&) {
      throw Error(Fault::kMemory, "out of memory")
          .at_node(n.id, n.class_type)
          .fix("Use a smaller size or batch, or --memory-budget");
    } catch (const std::exception& e) {
      throw Error(Fault::kInternal, e.what()).at_node(n.id, n.class_type);
    }
  }

  void warn(const std::string& text) {
    const auto same = [&](const workflow::Notice& notice) { return notice.node == current_ && notice.text == text; };
    if (options_.notices_told && std::any_of(plan_.notices.begin(), plan_.notices.end(), same)) return;
    sink_.take(NodeWarning{current_, text});
  }

  Engine& engine_;
  ResultCache& cache_;
  std::map<std::string, Signature>& last_;
  Plan plan_;
  const RunOptions& options_;
  EventSink& sink_;
  Events events_;
  nodes::Context context_;
  Signatures signatures_;
  std::string current_;  // the node that runs
  std::unordered_map<std::string, const workflow::PromptNode*> by_id_;
  std::set<std::string> needed_;
  std::vector<std::string> reused_;
  std::map<std::string, ResultPtr> results_;            // of nodes that later ones still need
  std::map<std::string, std::shared_ptr<Result>> own_;  // the same results if RunOptions::last is set
  std::map<std::string, int> uses_left_;
  std::map<std::pair<std::string, int64_t>, int> slot_uses_left_;
  RunReport report_;
};

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      table_(options_.table),
      folder_store_(options_.directories),
      artifacts_(options_.artifacts ? *options_.artifacts : folder_store_),
      choices_(options_.folders, artifacts_),
      residency_(budget_on(computing()), kProgramMemory),
      cache_(options_.result_budget),
      device_(device()) {
  residency_.set_budget(residency_.budget(), computing().apart);
}

Engine::~Engine() = default;

size_t Engine::budget_on(const Computing& now) const {
  if (options_.memory_budget > 0) return options_.memory_budget;
  return now.memory > 0 ? now.memory : memory::machine_memory() / 8 * 7;
}

void Engine::follow_device() {
  const Computing now = computing();
  if (now.device == device_) return;
  device_ = now.device;
  residency_.evict_all();
  foreseen_.clear();
  cache_.clear();
  result_bytes_ = 0;
  residency_.set_budget(budget_on(now), now.apart);
}

nodes::Context Engine::context(CancelToken cancel, nodes::NodeEvents& events) {
  nodes::Context out{options_.folders, residency_, files_, artifacts_, events};
  out.compute = options_.compute;
  out.preview = options_.preview;
  out.cancel = std::move(cancel);
  return out;
}

Signatures Engine::signatures(const workflow::Prompt& prompt) const {
  return {prompt, table_, options_.folders, artifacts_, std::string(dtype_name(options_.compute)) + " " + device()};
}

Plan Engine::check(const workflow::Prompt& prompt, const std::vector<std::string>& only) {
  Plan plan{workflow::validate(prompt, table_, choices_, only), {}, {}};
  std::vector<std::string> outputs;
  for (const auto& node : plan.prompt.nodes) {
    const workflow::NodeSpec* spec = table_.find(node.class_type, node.input_names());
    const bool wanted = only.empty() || std::find(only.begin(), only.end(), node.id) != only.end();
    if (spec && spec->output_node && wanted) outputs.push_back(node.id);
  }
  const nodes::Context quiet = context();
  Signatures known = signatures(plan.prompt);
  Foresight foresight(plan.prompt, table_, quiet, known, foreseen_);
  engine::foresee(plan, outputs, table_, foresight, quiet.cancel);
  plan.order = dependency_order(plan.prompt, table_, plan.outputs);
  return plan;
}

nodes::Outputs Engine::foresee(const workflow::PromptNode& node) {
  const workflow::Prompt prompt{{node}};
  const nodes::Context quiet = context();
  Signatures known = signatures(prompt);
  return Foresight(prompt, table_, quiet, known, foreseen_).look_at(node).foreseen->outputs;
}

RunReport Engine::run(Plan plan, const RunOptions& options, EventSink& sink) {
  const MutexLock lock(run_mutex_);
  follow_device();
  MemoryKeeper keeper(residency_, cache_);
  const MemoryGuardScope guard(keeper);
  const CancelScope cancel(options.cancel);
  return Run(*this, cache_, last_, std::move(plan), options, sink).go();
}

void Engine::free_results() {
  const MutexLock lock(run_mutex_);
  foreseen_.clear();
  cache_.clear();
  result_bytes_ = 0;
}

}  // namespace easel::engine
