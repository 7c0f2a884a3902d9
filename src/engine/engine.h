// The engine: checks workflows, runs them, and keeps results for later runs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "artifacts/folder_store.h"
#include "base/mutex.h"
#include "engine/events.h"
#include "engine/foresee.h"
#include "engine/memory_keeper.h"
#include "engine/plan.h"
#include "engine/result_cache.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "node_api/context.h"
#include "node_api/files.h"
#include "node_api/table.h"

namespace easel::engine {

// What models compute on, which may change when a device is lost.
struct Computing {
  std::string device = "cpu";  // results of one device are not taken for another's
  size_t memory = 0;           // bytes that it has for models, 0: what the machine has
  bool apart = false;          // that is memory of its own: pictures and the program itself do not count in it
};

struct EngineOptions {
  const nodes::Table& table;
  library::Folders folders = {};
  artifacts::ArtifactStore* artifacts = nullptr;  // where pictures are kept; null: in the directories
  artifacts::Directories directories = {};
  DType compute = DType::kF32;
  nodes::PreviewMethod preview = nodes::PreviewMethod::kLatentToRgb;
  std::function<Computing()> computing = {};  // what models compute on now, from any thread; empty: the processor
  size_t memory_budget = 0;                // of the whole program, or of models that lie apart; 0: what the device has
  size_t result_budget = size_t{1} << 30;  // for results kept between runs
};

struct RunOptions {
  // Named texts for saved pictures beside the prompt, which is added: "workflow".
  std::vector<std::pair<std::string, std::string>> picture_text = {};
  CancelToken cancel = {};
  // Called with the outputs of each node, also with reused ones (nodes/common/trace.h).
  std::function<void(const std::string& node, const nodes::Outputs& outputs)> watch = {};
  // No run follows: each result, and with it the model it needs, is dropped when no later node needs it.
  bool last = false;
  bool notices_told = false;  // the plan's notices have been shown already
};

struct RunReport {
  std::vector<NodeReport> nodes;  // in the order they were needed
  double seconds = 0;
};

// Jobs run one at a time (a second run() waits). check() may be called from any thread meanwhile.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();

  const nodes::Table& table() const { return table_; }
  const workflow::ChoiceProvider& choices() const { return choices_; }
  const library::Folders& folders() const { return options_.folders; }
  artifacts::ArtifactStore& artifacts() const { return artifacts_; }
  // Where the artifacts lie, when they are kept in folders.
  const artifacts::Directories& directories() const { return options_.directories; }

  // Validates a prompt and looks ahead: loaders read their files' headers, and models that do not fit each other become
  // further faults. Nodes that have not changed since an earlier check or run are not checked again: no file is opened
  // for them. `only` restricts which output nodes count; empty: all.
  Plan check(const workflow::Prompt& prompt, const std::vector<std::string>& only = {});

  // A model file, opened once for all who use it. Throws as formats::open_model_file() does.
  std::shared_ptr<const formats::ModelFile> model_file(const std::filesystem::path& path) { return files_.open(path); }

  // Runs the runnable part of a plan. The findings of the check are used as they are, except where files have changed
  // since; results of nodes whose signature is known are reused. Models of the plan are released when no later node
  // needs them. Throws the Error of the node that failed, with its id and class, or Error(kCancelled) when stopped.
  RunReport run(Plan plan, const RunOptions& options, EventSink& sink);

  // The outputs that check() foresees for a node without links: loaders run, and are kept. Throws what the node throws.
  nodes::Outputs foresee(const workflow::PromptNode& node);

  // Drops models that are not in use, and kept results.
  void free_models() { residency_.evict_all(); }
  void free_results();
  size_t model_bytes() const { return residency_.loaded_bytes(); }
  // The name of what models compute on.
  std::string device() const { return computing().device; }
  // Of the whole program, as given or from the device; 0: no limit.
  size_t memory_budget() const { return residency_.budget(); }
  size_t result_bytes() const { return result_bytes_; }

 private:
  class Run;
  nodes::Context context(CancelToken cancel = {}, nodes::NodeEvents& events = nodes::no_events());
  Computing computing() const { return options_.computing ? options_.computing() : Computing(); }
  size_t budget_on(const Computing& now) const;
  // If another device computes now, what was made for the last one goes.
  void follow_device() EASEL_REQUIRES(run_mutex_);
  Signatures signatures(const workflow::Prompt& prompt) const;

  EngineOptions options_;
  const nodes::Table& table_;
  artifacts::FolderStore folder_store_;
  artifacts::ArtifactStore& artifacts_;
  nodes::FolderChoices choices_;
  memory::Residency residency_;
  library::ModelFiles files_;
  ForesightCache foreseen_;
  Mutex run_mutex_;  // held for a whole run
  ResultCache cache_ EASEL_GUARDED_BY(run_mutex_);
  std::string device_ EASEL_GUARDED_BY(run_mutex_);  // that the last run computed on
  std::atomic<size_t> result_bytes_{0};
  std::map<std::string, Signature> last_ EASEL_GUARDED_BY(run_mutex_);  // signatures of the previous run, by node id
};

}  // namespace easel::engine
