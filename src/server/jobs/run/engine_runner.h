// The engine as the server's runner.
#pragma once

#include "engine/engine.h"
#include "server/jobs/run/job_runner.h"

namespace easel::server {

class EngineRunner final : public JobRunner {
 public:
  // The engine must outlive it.
  explicit EngineRunner(engine::Engine& engine) : engine_(engine) {}
  engine::Plan check(const workflow::Prompt& prompt, const std::vector<std::string>& only) override;
  RunResult run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) override;
  void free_memory(bool models, bool results) override;
  RunnerStats stats() const override;

 private:
  engine::Engine& engine_;
};

}  // namespace easel::server
