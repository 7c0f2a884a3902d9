// The table of runners in the database, and what this process knows of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "server/jobs/postgres/pool.h"
#include "server/jobs/runner_table.h"

namespace easel::server::postgres {

class Runners final : public RunnerTable {
 public:
  explicit Runners(Pool& pool) : pool_(pool) {}

  void enter(const RunnerInfo& runner) override;
  bool beat(const RunnerInfo& runner) override;
  void leave(const std::string& name, const std::string& instance) override;
  std::vector<RunnerInfo> all() const override;

  // What a runner may claim: numbers of sets of models (the table model_sets), in the form of integer[].
  struct Fits {
    bool known = false;  // whether it was entered by this process; any job will do where it was not
    std::string all;     // sets of which it has all models
    std::string near;    // of those, the ones that are in memory
  };
  Fits fits(const std::string& name) const;
  // Reads the sets of models that have come since.
  void read_sets(Connection& connection);
  // To be called with a new set, before the first job that needs it is there: enters it with every runner that has all
  // of it in memory. They themselves would do so with their next beat only, and until then others took its jobs.
  static void add_set(Connection& connection, int64_t number, const std::vector<ModelFile>& set);

 private:
  // The sets of which all models are among these. 0, which needs nothing, is one.
  std::vector<int64_t> sets_within(const std::vector<ModelFile>& models) const EASEL_REQUIRES(mutex_);
  void find_fits(const RunnerInfo& runner) EASEL_REQUIRES(mutex_);

  struct Own {
    RunnerInfo info;
    Fits fits;
  };
  // The models of a runner are long, and the same for days.
  struct Known {
    int64_t entry = 0;
    std::vector<ModelFile> models;
  };
  Pool& pool_;
  mutable Mutex mutex_;
  std::map<int64_t, std::vector<ModelFile>> sets_ EASEL_GUARDED_BY(mutex_);
  std::map<std::string, Own> own_ EASEL_GUARDED_BY(mutex_);
  mutable std::map<std::string, Known> known_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::server::postgres
