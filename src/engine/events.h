// What a run tells whoever watches it: a terminal, a server, a test.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "node_api/call.h"

namespace easel::engine {

// A small picture of what is being drawn.
struct Preview {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // height * width * 3
};

struct Progress {
  int value = 0, max = 0;
  std::function<Preview()> preview;  // makes the picture; empty where there is none, valid during the call only
};

// How a node's result came to be.
struct NodeReport {
  std::string id, class_type;
  bool reused = false;
  std::string why;  // of a node that ran: what had changed since the last run
  double seconds = 0;
  size_t bytes = 0;  // of its results
};

// Told from the thread that runs, in order: reused(), then for each node that runs node_started(), sampling(),
// progress() and warning() as it goes, node_finished(). Throwing stops the run.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void reused(const std::vector<std::string>& nodes) { (void)nodes; }
  virtual void node_started(const std::string& node, const std::string& class_type) { (void)node, (void)class_type; }
  virtual void progress(const std::string& node, const Progress& progress) { (void)node, (void)progress; }
  // A finished picture for the client; whether it was taken. Where not, the node saves it.
  virtual bool picture(const std::string& node, const nodes::SentPicture& picture) {
    (void)node, (void)picture;
    return false;
  }
  // The models are there, and the first step begins.
  virtual void sampling(const std::string& node) { (void)node; }
  virtual void warning(const std::string& node, const std::string& message) { (void)node, (void)message; }
  // What is of interest with --verbose only.
  virtual void detail(const std::string& node, const std::string& message) { (void)node, (void)message; }
  // Also for reused output nodes, which show again what they showed before. `ui` may be empty.
  virtual void node_finished(const NodeReport& report, const nodes::Ui& ui) { (void)report, (void)ui; }
};

}  // namespace easel::engine
