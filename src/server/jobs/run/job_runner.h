// The server's interface to an engine: it runs one job, reports its progress, and stops on request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "engine/events.h"
#include "engine/plan.h"
#include "workflow/json.h"

namespace easel::server {

struct RunRequest {
  std::string id;                         // prompt_id
  workflow::Json prompt;                  // {id: {class_type, inputs}}, validated
  workflow::Json extra_data;              // extra_pnginfo goes into saved pictures
  std::vector<std::string> outputs;       // ids of the output nodes to execute
  std::optional<engine::Plan> plan = {};  // what check() returned for this prompt, where that is still known; else the
                                          // runner checks it anew
};

enum class RunEnd { kSuccess, kFailed, kInterrupted };

struct RunResult {
  RunEnd end = RunEnd::kSuccess;
  // Of a run that did not succeed: where it stopped and why.
  std::string node, node_class, input;  // input: the node's input that is to blame, where one is
  std::string error, error_type;        // for people; the fault's name
  // As workflow::NodeFault has them: the error without the node and input, what it is by name, what might have been
  // meant.
  std::string reason, code, hint;
  workflow::Json current_inputs = workflow::Json::object();  // the node's inputs as text
};

struct RunnerStats {
  uint64_t model_bytes = 0;    // weights held in memory
  uint64_t result_bytes = 0;   // results kept for reuse
  std::string device = "cpu";  // what models compute on now
  uint64_t memory_budget = 0;  // bytes that models and pictures may take there
};

// One job at a time: run() and free_memory() are only ever called from one thread, the others from any.
class JobRunner {
 public:
  virtual ~JobRunner() = default;
  // Everything that can be told to be wrong with a prompt before it runs. `only` restricts its outputs.
  virtual engine::Plan check(const workflow::Prompt& prompt, const std::vector<std::string>& only) = 0;
  // Never throws for what a job can do wrong: that is a result. Takes the request's plan, to let go of what it holds as
  // the run goes on.
  virtual RunResult run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) = 0;
  // Called between jobs.
  virtual void free_memory(bool models, bool results) = 0;
  virtual RunnerStats stats() const { return {}; }
};

}  // namespace easel::server
