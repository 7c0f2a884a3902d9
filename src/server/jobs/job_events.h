// The messages of one run, in the order and shape that ComfyUI's clients know.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "base/mutex.h"
#include "engine/events.h"
#include "server/events/delivery.h"
#include "server/events/event_hub.h"
#include "server/jobs/job_store.h"
#include "server/jobs/run/job_runner.h"
#include "server/metrics.h"
#include "workflow/json.h"

namespace easel::server {

// {"exec_info":{"queue_remaining":n}}, as GET /prompt answers it.
std::string queue_info(int64_t queue_length);
// The `status` message; `sid` only in the greeting.
std::string status_message(int64_t queue_length, const std::string& sid = {});
// Tells all clients how long the queue is. A store that cannot be read is logged.
void send_status(const JobStore& store, EventHub& hub);

// The stage of work a node class counts as: "load", "encode", "sample", "decode", "save" or "other".
const char* stage_of(const std::string& class_type);

// Translates a runner's events into messages for the job's client, and keeps the messages that the history shows. Only
// node() may be called by several threads at a time.
class JobEvents final : public engine::EventSink {
 public:
  // Messages go through `delivery` and may wait there, so that `hub` must outlive `delivery`.
  JobEvents(const Job& job, EventHub& hub, Delivery& delivery, Metrics& metrics);

  void start();
  void take(const engine::RunEvent& event) override;
  bool take_picture(const engine::PictureFinished& picture) override;
  bool wants_preview() override;

  // The job's result for the store. The terminal message is held back.
  JobResult conclude(const RunResult& result);
  // Sends the terminal message.
  void send_end();
  // Sends executing {node: null}, the last message about a job.
  void send_idle();

  // The node that runs, for clients that connect in the middle; empty between nodes. Thread-safe.
  std::string node() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Steps {
    int64_t value = 0, max = 1;
    bool finished = false;
  };

  void on(const engine::NodesReused& event);
  void on(const engine::NodeStarted& event);
  void on(const engine::SamplingStarted&) {}
  void on(const engine::NodeProgress& event);
  void on(const engine::PictureFinished&) {}  // see take_picture()
  void on(const engine::NodeWarning& event);
  void on(const engine::NodeDetail&) {}
  void on(const engine::NodeFinished& event);

  void set_node(const std::string& node);
  std::string class_of(const std::string& node) const;
  void send(const Recipients& to, std::string text, Urgency urgency = Urgency::kEssential);
  void keep(const char* event, workflow::Json data, bool send_now);
  void send_progress(const char* event, const workflow::Json& data);
  void tell_progress(const std::string& node, int64_t value, int64_t max);
  void send_progress_state();
  PictureMessage picture_message(const std::string& node, const std::string& content_type,
                                 const std::string& data) const;

  const std::string id_;
  // As in ComfyUI: a job that no client put its name to tells everybody about its progress, and the rest of its
  // messages to nobody; here to those that watch all jobs.
  const Recipients client_, audience_;
  EventHub& hub_;
  Delivery& delivery_;
  Metrics& metrics_;
  std::map<std::string, std::string> classes_;
  bool previews_ = true, interrupted_ = false;
  workflow::Json messages_ = workflow::Json::array(), outputs_ = workflow::Json::object(),
                 meta_ = workflow::Json::object();
  std::map<std::string, Steps> progress_;
  std::vector<std::string> executed_;
  std::set<std::string> reused_;
  std::string terminal_;
  mutable Mutex mutex_;
  std::string node_ EASEL_GUARDED_BY(mutex_);
  Clock::time_point node_start_{}, last_preview_{}, last_state_{};
};

}  // namespace easel::server
