// The events of a run as values, for a terminal, a server or a test in the same process or another one.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "node_api/call.h"
#include "node_api/node_events.h"
#include "workflow/json.h"

namespace easel::engine {

using nodes::Preview;

// How a node's result came to be.
struct NodeReport {
  std::string id, class_type;
  bool reused = false;
  std::string why = {};  // of a node that ran: what had changed since the last run
  double seconds = 0;
  size_t bytes = 0;  // of its results
};

// Once, before everything else: nodes whose results of earlier runs are used again, or are not needed because of that.
struct NodesReused {
  std::vector<std::string> nodes;
};

struct NodeStarted {
  std::string node, class_type;
};

// The models that a sampler needs are in memory, and its first step begins.
struct SamplingStarted {
  std::string node;
};

// `value` of `max` steps are done.
struct NodeProgress {
  std::string node;
  int64_t value = 0, max = 0;
  Preview preview;  // only where EventSink::wants_preview() said so
};

// A finished picture for the client that started the run: number `value`, from 0, of `max`.
struct PictureFinished {
  std::string node;
  int64_t value = 0, max = 0;
  std::string content_type, data;  // "image/png", the file's bytes
};

// A warning for people, which is not an error.
struct NodeWarning {
  std::string node, text;
};

// A detail that is only shown with --verbose.
struct NodeDetail {
  std::string node, text;
};

// Also sent for output nodes whose results are reused, without NodeStarted: they show again what they showed.
struct NodeFinished {
  NodeReport report;
  nodes::Ui ui;  // empty when the node shows nothing
};

// In this order: NodesReused; then for each node that runs NodeStarted, whatever it says as it goes, NodeFinished.
using RunEvent = std::variant<NodesReused, NodeStarted, SamplingStarted, NodeProgress, PictureFinished, NodeWarning,
                              NodeDetail, NodeFinished>;

// {"event": "progress", "node": "3", "value": 1, "max": 20, ...}: the events are named reused, node_started, sampling,
// progress, picture, warning, detail and node_finished; pictures are base64.
workflow::Json to_json(const RunEvent& event);
// The reverse. Throws Error(kInvalid) for anything that to_json() does not make.
RunEvent run_event(const workflow::Json& json);

// Takes the events of a run, always on the thread that runs. Throwing stops the run.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void take(const RunEvent& event) { (void)event; }
  // Takes a finished picture for a client. Answers false when there is no client that it can reach; the node saves the
  // picture then.
  virtual bool take_picture(const PictureFinished& picture) {
    (void)picture;
    return false;
  }
  // Whether the next NodeProgress should come with a preview. Asked before each.
  virtual bool wants_preview() { return false; }
};

}  // namespace easel::engine
