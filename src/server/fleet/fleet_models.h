// Model files of a fleet: which there are on its runners, and which a prompt needs.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "server/jobs/job_store.h"
#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::server {

// The kinds of model files that nodes may name ("checkpoints", "vae", ...): where their choices come from.
std::set<std::string> model_kinds(const workflow::NodeTable& table);

// The model files that the nodes of a prompt name, each once, by kind and name, without their identities.
std::vector<ModelFile> named_models(const workflow::Prompt& prompt, const workflow::NodeTable& table);

// What can be chosen on a machine that computes elsewhere: the files of the fleet's runners beside its own. Pictures
// are those of its own store, which the fleet shares. Thread-safe.
class FleetChoices final : public workflow::ChoiceProvider {
 public:
  // `own` must outlive it. Knows no runners until the first set_runners().
  explicit FleetChoices(const workflow::ChoiceProvider& own) : own_(own) {}
  void set_runners(const std::vector<RunnerInfo>& runners) EASEL_EXCLUDES(mutex_);

  // Sorted.
  std::vector<std::string> choices(const std::string& source) const override EASEL_EXCLUDES(mutex_);
  bool has_own_check(const std::string& source) const override { return own_.has_own_check(source); }
  std::optional<Error> check(const std::string& source, const std::string& value) const override {
    return own_.check(source, value);
  }
  bool has_unlisted(const std::string& source, const std::string& value) const override EASEL_EXCLUDES(mutex_);

  // The named_models() of a prompt that some machine lists. Where living runners have different files of one name, the
  // identity is that of the file that most of them have, and else empty.
  std::vector<ModelFile> needs(const workflow::Prompt& prompt, const workflow::NodeTable& table) const
      EASEL_EXCLUDES(mutex_);
  // Whether this machine has all of them itself.
  bool all_here(const std::vector<ModelFile>& files) const;

 private:
  struct Known {
    std::map<std::string, int> identities;  // how many living runners have each
  };
  std::string identity_of(const std::string& kind, const std::string& name) const EASEL_EXCLUDES(mutex_);

  const workflow::ChoiceProvider& own_;
  mutable Mutex mutex_;
  std::map<std::string, std::map<std::string, Known>> files_ EASEL_GUARDED_BY(mutex_);  // by kind and name
};

}  // namespace easel::server
