#include "engine/engine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <new>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "engine/arguments.h"
#include "engine/foresee.h"
#include "engine/order.h"
#include "engine/preview.h"
#include "engine/trace.h"
#include "tensor/mapping_guard.h"

namespace easel::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Most of the machine's, or of that of the container the program runs in.
size_t machine_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  size_t memory = pages > 0 && size > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(size) : size_t{8} << 30;
  for (const char* limit : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    size_t bytes = 0;
    if (std::ifstream file(limit); file >> bytes && bytes > 0) memory = std::min(memory, bytes);
  }
  return memory / 8 * 7;
}

// A file shown by a reused node may have been deleted since.
bool files_exist(const nodes::Ui& ui, const nodes::Directories& directories) {
  for (const auto& [list, files] : ui)
    for (const nodes::UiFile& file : files) {
      const auto& folder = file.type == "temp"    ? directories.temp
                           : file.type == "input" ? directories.input
                                                  : directories.output;
      std::error_code ignored;
      if (!std::filesystem::exists(folder / file.subfolder / file.filename, ignored)) return false;
    }
  return true;
}

}  // namespace

// The state of one run.
class Engine::Run {
 public:
  Run(Engine& engine, const Job& job, EventSink& sink)
      : engine_(engine),
        job_(job),
        sink_(sink),
        context_(engine.context(job.cancel)),
        signatures_(job.prompt, engine.table_, engine.options_.folders, engine.options_.directories,
                    std::string(dtype_name(engine.options_.compute))) {
    for (const auto& node : job.prompt.nodes) by_id_.emplace(node.id, &node);
    context_.picture_text.emplace_back("prompt", workflow::dump_json(workflow::to_json(job.prompt, true)));
    for (const auto& text : job.picture_text) context_.picture_text.push_back(text);
    context_.lookup = [this](const std::string& node, const std::string& input) { return look_up(node, input); };
  }

  RunReport go() {
    const auto start = Clock::now();
    const auto order = dependency_order(job_.prompt, engine_.table_, job_.outputs);
    plan(order);
    sink_.take(NodesReused{reused_});
    for (const std::string& id : order) {
      if (!needed_.count(id)) continue;
      if (const auto it = results_.find(id); it != results_.end()) report_reused(id, *it->second);
      else execute(id);
    }
    engine_.last_.clear();
    for (const std::string& id : order) engine_.last_[id] = signatures_.known(id);
    report_.seconds = seconds_since(start);
    return std::move(report_);
  }

 private:
  const workflow::PromptNode& node(const std::string& id) const { return *by_id_.at(id); }

  // Which nodes are needed, going back from the outputs and stopping where a result is still there.
  void plan(const std::vector<std::string>& order) {
    for (const std::string& id : order) signatures_.of(id);
    needed_.insert(job_.outputs.begin(), job_.outputs.end());
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      if (!needed_.count(*it)) continue;
      const Signature& signature = signatures_.known(*it);
      ResultPtr known = signature.reusable ? engine_.cache_.find(signature.digest) : nullptr;
      if (known && !files_exist(known->ui, engine_.options_.directories)) known = nullptr;
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
    // Also what stands behind a reused result need not run.
    for (const std::string& id : order)
      if (!needed_.count(id) || results_.count(id)) reused_.push_back(id);
  }

  std::string reason(const std::string& id) const {
    const auto before = engine_.last_.find(id);
    if (before == engine_.last_.end()) return "it has not run before";
    const Signature& now = signatures_.known(id);
    if (std::string changed = difference(before->second, now); !changed.empty()) return changed;
    return now.reusable ? "its result was no longer kept" : "it runs every time";
  }

  void report_reused(const std::string& id, const Result& result) {
    NodeReport report{id, node(id).class_type, true, {}, 0, result.bytes()};
    const workflow::NodeSpec* spec = engine_.table_.find(report.class_type, node(id).input_names());
    if (spec->output_node) sink_.take(NodeFinished{report, result.ui});
    if (job_.trace) add_trace(*job_.trace, id, result.outputs);
    report_.nodes.push_back(std::move(report));
  }

  void execute(const std::string& id) {
    job_.cancel.check();
    const workflow::PromptNode& n = node(id);
    const auto start = Clock::now();
    NodeReport report{id, n.class_type, false, reason(id), 0, 0};
    sink_.take(NodeStarted{id, n.class_type});
    context_.progress = [&](const nodes::Step& step) { tell(id, step); };
    context_.send_picture = [&](const nodes::SentPicture& picture) {
      return sink_.take_picture({id, picture.value, picture.max, picture.content_type, picture.data});
    };
    context_.warn = [&](const std::string& message) {
      const auto same = [&](const workflow::Notice& notice) { return notice.node == id && notice.text == message; };
      if (std::none_of(job_.told.begin(), job_.told.end(), same)) sink_.take(NodeWarning{id, message});
    };
    context_.detail = [&](const std::string& message) { sink_.take(NodeDetail{id, message}); };
    context_.sampling = [&] { sink_.take(SamplingStarted{id}); };
    auto result = std::make_shared<Result>(call_node(n));
    report.seconds = seconds_since(start);
    report.bytes = result->bytes();
    if (job_.trace) add_trace(*job_.trace, id, result->outputs);
    const Signature& signature = signatures_.known(id);
    if (signature.reusable && !job_.last) engine_.cache_.keep(signature.digest, result);
    engine_.result_bytes_ = engine_.cache_.bytes();
    sink_.take(NodeFinished{report, result->ui});
    if (uses_left_.count(id)) keep(id, std::move(result));
    for (const workflow::Link& link : links(n, engine_.table_)) let_go(link);
    report_.nodes.push_back(std::move(report));
  }

  void keep(const std::string& id, std::shared_ptr<Result> result) {
    if (job_.last) {
      for (size_t slot = 0; slot < result->outputs.size(); ++slot)
        if (!slot_uses_left_.count({id, static_cast<int64_t>(slot)})) result->outputs[slot] = {};
      own_[id] = result;
    }
    results_[id] = std::move(result);
  }

  // What no later node needs is let go; the cache may keep it.
  void let_go(const workflow::Link& link) {
    if (--slot_uses_left_.at({link.node, link.slot}) == 0)
      if (const auto it = own_.find(link.node); it != own_.end())
        it->second->outputs.at(static_cast<size_t>(link.slot)) = {};
    if (--uses_left_.at(link.node) == 0) results_.erase(link.node), own_.erase(link.node);
  }

  // Runs the node's code; whatever goes wrong becomes an Error that names the node.
  Result call_node(const workflow::PromptNode& n) {
    const workflow::NodeSpec* spec = engine_.table_.find(n.class_type, n.input_names());
    const uint64_t unreadable = MappingGuard::hits();
    try {
      nodes::Call call(context_, *spec, n.id, make_arguments(n, *spec, [this](const workflow::Link& link) {
                         const nodes::Outputs& from = results_.at(link.node)->outputs;
                         return from.at(static_cast<size_t>(link.slot));
                       }));
      Result result;
      result.outputs = engine_.table_.entry(*spec).node.run(call);
      // Weights from the weight cache are read from their file all along.
      if (MappingGuard::hits() != unreadable)
        throw Error(Fault::kBadFile, "a file that the models are read from was cut short or cannot be read")
            .fix("Run this again; if it stays so, look at the disk");
      if (result.outputs.size() < spec->outputs.size()) result.outputs.resize(spec->outputs.size());
      result.ui = call.ui();
      return result;
    } catch (Error& e) {
      if (MappingGuard::hits() != unreadable) engine_.residency_.evict_all();  // they may hold what was read as zeros
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

  void tell(const std::string& id, const nodes::Step& step) {
    NodeProgress progress{id, step.value, step.max, {}};
    if (step.latent && step.format && sink_.wants_preview())
      progress.preview = latent_preview(*step.latent, *step.format);
    sink_.take(progress);
  }

  std::optional<std::string> look_up(const std::string& name, const std::string& input) const {
    for (const auto& n : job_.prompt.nodes) {
      if (n.id != name && n.title != name && n.class_type != name) continue;
      if (const auto it = n.inputs.find(input); it != n.inputs.end() && !it->is_array())
        return workflow::python_str(*it);
    }
    return std::nullopt;
  }

  Engine& engine_;
  const Job& job_;
  EventSink& sink_;
  nodes::Context context_;
  Signatures signatures_;
  std::unordered_map<std::string, const workflow::PromptNode*> by_id_;
  std::set<std::string> needed_;
  std::vector<std::string> reused_;
  std::map<std::string, ResultPtr> results_;            // of nodes that later ones still need
  std::map<std::string, std::shared_ptr<Result>> own_;  // those of them that nobody else sees
  std::map<std::string, int> uses_left_;
  std::map<std::pair<std::string, int64_t>, int> slot_uses_left_;
  RunReport report_;
};

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      table_(options_.table),
      choices_(options_.folders, options_.directories),
      residency_(options_.memory_budget ? options_.memory_budget : machine_memory(), kProgramMemory),
      cache_(options_.result_budget) {}

Engine::~Engine() = default;

nodes::Context Engine::context(CancelToken cancel) {
  nodes::Context out{options_.folders, residency_, files_};
  out.directories = options_.directories;
  out.compute = options_.compute;
  out.cancel = std::move(cancel);
  return out;
}

workflow::Validation Engine::check(const workflow::Prompt& prompt, const std::vector<std::string>& only) {
  workflow::Validation out = workflow::validate(prompt, table_, choices_, only);
  std::vector<std::string> outputs;
  for (const auto& node : out.prompt.nodes) {
    const workflow::NodeSpec* spec = table_.find(node.class_type, node.input_names());
    const bool wanted = only.empty() || std::find(only.begin(), only.end(), node.id) != only.end();
    if (spec && spec->output_node && wanted) outputs.push_back(node.id);
  }
  nodes::Context quiet = context({});
  foresee(out, outputs, table_, quiet);
  return out;
}

RunReport Engine::run(const Job& job, EventSink& sink) {
  std::lock_guard lock(run_mutex_);
  return Run(*this, job, sink).go();
}

void Engine::free_results() {
  std::lock_guard lock(run_mutex_);
  cache_.clear();
  result_bytes_ = 0;
}

}  // namespace easel::engine
