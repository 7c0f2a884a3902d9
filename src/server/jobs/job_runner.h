// What the server needs of an engine: run one job, tell how it goes, stop when asked.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "workflow/json.h"
#include "workflow/validate.h"

namespace easel::server {

struct RunRequest {
  std::string id;                    // prompt_id
  workflow::Json prompt;             // {id: {class_type, inputs}}, validated
  workflow::Json extra_data;         // extra_pnginfo goes into saved pictures
  std::vector<std::string> outputs;  // ids of the output nodes to execute
};

// A small picture of what is being drawn.
struct PreviewPicture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // height * width * 3
};

// Told while a job runs, always from the thread that runs it.
class RunSink {
 public:
  virtual ~RunSink() = default;
  // Once, before anything else: nodes whose results from earlier runs are used again.
  virtual void reused(const std::vector<std::string>& nodes) = 0;
  virtual void node_started(const std::string& node) = 0;
  // value of max steps are done. `preview` makes a picture and is called only when one is due; may be empty.
  virtual void progress(const std::string& node, int64_t value, int64_t max,
                        const std::function<PreviewPicture()>& preview) = 0;
  // A finished picture, number `value` of `max`, for the client whose job it is. False when it was not taken.
  virtual bool picture(const std::string& node, int64_t value, int64_t max, const std::string& content_type,
                       const std::string& data) = 0;
  // `ui` is what the node shows ({"images": [...]}), null when it shows nothing. Called for reused output nodes
  // as well, without node_started().
  virtual void node_finished(const std::string& node, const workflow::Json& ui) = 0;
};

enum class RunEnd { kSuccess, kFailed, kInterrupted };

struct RunResult {
  RunEnd end = RunEnd::kSuccess;
  // Of a run that did not succeed: where it stopped and why.
  std::string node, node_class, input;                       // input: the node's input that is to blame, where one is
  std::string error, error_type;                             // for people; the fault's name
  workflow::Json current_inputs = workflow::Json::object();  // the node's inputs as text
};

struct RunnerStats {
  uint64_t model_bytes = 0;   // weights held in memory
  uint64_t result_bytes = 0;  // results kept for reuse
};

// One job at a time: run() and free_memory() are only ever called from one thread, the others from any.
class JobRunner {
 public:
  virtual ~JobRunner() = default;
  // Everything that can be told to be wrong with a prompt before it runs. `only` restricts its outputs.
  virtual workflow::Validation check(const workflow::Prompt& prompt, const std::vector<std::string>& only) = 0;
  // Never throws for what a job can do wrong: that is a result.
  virtual RunResult run(const RunRequest& request, RunSink& sink, const CancelToken& cancel) = 0;
  // Called between jobs.
  virtual void free_memory(bool models, bool results) = 0;
  virtual RunnerStats stats() const { return {}; }
};

}  // namespace easel::server
