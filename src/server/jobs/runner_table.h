// The runners that share a store: what each has, whether it lives, what it does.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace easel::server {

// A model file, as a job needs it and as a runner has it.
struct ModelFile {
  std::string kind;      // the folder's kind: "checkpoints", "vae", ...
  std::string name;      // relative to its folder, as a prompt names it
  std::string identity;  // of the contents, the same on every machine: "sha256:..."; empty while not known

  bool operator==(const ModelFile&) const = default;
};

// Whether `had` will do for `needed`: the same contents, or, where the job does not say which contents it needs, the
// same kind and name.
bool satisfies(const ModelFile& had, const ModelFile& needed);

// Whether there is one among `had` for each of `needed`.
bool has_all(const std::vector<ModelFile>& had, const std::vector<ModelFile>& needed);

// Why none of `runners` can run a job that needs these, in words for people; empty when one can. Those that are not
// alive are left out.
struct RunnerInfo;
std::string obstacle(const std::vector<ModelFile>& needs, const std::vector<RunnerInfo>& runners);
// [["checkpoints", "x.safetensors", "sha256:..."], ...], and back; what is none of these is left out.
std::string models_text(const std::vector<ModelFile>& models);
std::vector<ModelFile> models_from(const std::string& text);

// The numbers are what a store keeps.
enum class RunnerState { kIdle = 0, kBusy = 1, kStopping = 2 };
// "idle", "busy", "stopping".
const char* runner_state_name(RunnerState state);

struct RunnerInfo {
  std::string name;      // as in JobStore::claim(): no other living runner has it
  std::string instance;  // a random text of the process: tells it from a later or an earlier one of the same name
  std::string version;   // of Easel
  std::string device;    // "cpu", "vulkan:0 ..."
  uint64_t memory = 0;   // bytes that models and pictures may take
  std::vector<ModelFile> models;

  // What changes all the time.
  RunnerState state = RunnerState::kIdle;
  std::string job;                  // that it runs; empty: none
  std::vector<ModelFile> resident;  // of `models`, those in memory
  double steps_per_second = 0;      // in its last job; 0: not known

  // By the store's clock, set by the store.
  int64_t started_ms = 0, seen_ms = 0;  // milliseconds since 1970
  bool alive = true;                    // it was seen within RunnerTable::kAliveFor
};

// Thread-safe. Throws as the store does.
class RunnerTable {
 public:
  static constexpr std::chrono::seconds kBeatEvery{3};      // how often a runner should call beat()
  static constexpr std::chrono::seconds kAliveFor{15};      // since the last one, after which a runner counts as gone
  static constexpr std::chrono::hours kForgottenAfter{24};  // the same, after which all() leaves it out

  virtual ~RunnerTable() = default;
  // Enters a runner; one of the same name that is there already is replaced, and its next beat() tells it so. Also to
  // be called when the runner's models have changed.
  virtual void enter(const RunnerInfo& runner) = 0;
  // Its state, job, resident models and speed. False when the runner is not in the table any more, or another process
  // has entered under its name: then this one should stop, or enter anew under another name.
  virtual bool beat(const RunnerInfo& runner) = 0;
  // A runner that stops in good order. Nothing happens when another instance has its name.
  virtual void leave(const std::string& name, const std::string& instance) = 0;
  // By name; those that are gone for kForgottenAfter are left out.
  virtual std::vector<RunnerInfo> all() const = 0;
};

// The runners of one process, which is all there are beside a store that is a file.
class LocalRunners final : public RunnerTable {
 public:
  void enter(const RunnerInfo& runner) override;
  bool beat(const RunnerInfo& runner) override;
  void leave(const std::string& name, const std::string& instance) override;
  std::vector<RunnerInfo> all() const override;

 private:
  mutable Mutex mutex_;
  std::map<std::string, RunnerInfo> runners_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::server
