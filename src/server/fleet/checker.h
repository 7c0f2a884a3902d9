// What a front end knows of a prompt before it runs elsewhere.
#pragma once

#include "server/fleet/fleet_models.h"
#include "server/jobs/run/job_runner.h"

namespace easel::server {

// Where all model files of a prompt are here as well, they are looked into as on a machine that computes. Else their
// names are checked only, against what the runners have.
class FrontChecker final : public JobRunner {
 public:
  // All must outlive it.
  FrontChecker(JobRunner& own, const FleetChoices& choices, const workflow::NodeTable& table)
      : own_(own), choices_(choices), table_(table) {}
  engine::Plan check(const workflow::Prompt& prompt, const std::vector<std::string>& only) override;
  RunResult run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) override {
    return own_.run(std::move(request), sink, cancel);
  }
  void free_memory(bool models, bool results) override { own_.free_memory(models, results); }
  RunnerStats stats() const override { return own_.stats(); }

 private:
  JobRunner& own_;
  const FleetChoices& choices_;
  const workflow::NodeTable& table_;
};

}  // namespace easel::server
