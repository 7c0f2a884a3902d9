// The engine as the server's runner.
#pragma once

#include "engine/engine.h"
#include "server/http/http.h"
#include "server/http/task_pool.h"
#include "server/jobs/job_runner.h"

namespace easel::server {

class EngineRunner final : public JobRunner {
 public:
  // The engine must outlive it.
  explicit EngineRunner(engine::Engine& engine) : engine_(engine) {}
  engine::Plan check(const workflow::Prompt& prompt, const std::vector<std::string>& only) override;
  RunResult run(const RunRequest& request, engine::EventSink& sink, const CancelToken& cancel) override;
  void free_memory(bool models, bool results) override;
  RunnerStats stats() const override;

 private:
  engine::Engine& engine_;
};

// GET /easel/techniques: the project's own workflows with the model files at hand, for the page.
void add_engine_routes(Router& router, TaskPool& pool, engine::Engine& engine);

}  // namespace easel::server
