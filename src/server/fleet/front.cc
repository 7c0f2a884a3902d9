#include "server/fleet/front.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "server/jobs/failure.h"
#include "server/jobs/job_events.h"
#include "server/log.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

constexpr auto kStatusEvery = std::chrono::milliseconds(100);
// The table of front ends is written this long after it was written last, when listeners have come or gone, and anyway.
constexpr std::chrono::milliseconds kListenersEvery(50), kPublishEvery(5000);
constexpr auto kHousekeepingInterval = std::chrono::minutes(10);
// What was written while a look went on may have the time of before it.
constexpr auto kSlack = std::chrono::seconds(5);
constexpr size_t kMostRunning = 10000;
constexpr auto kForwardPatience = std::chrono::seconds(1);

std::string message(const std::string& event, const Json& data) {
  return dump_json(Json{{"type", event}, {"data", data}});
}

}  // namespace

std::string end_message(const Job& job) {
  const Json messages = workflow::parse_json(job.messages);
  if (messages.is_array() && !messages.empty()) {
    const Json& last = messages.back();
    if (last.is_array() && last.size() == 2 && last[0].is_string()) {
      const std::string event = last[0].get<std::string>();
      if (event == "execution_success" || event == "execution_error" || event == "execution_interrupted")
        return message(event, last[1]);
    }
  }
  Json data = {{"prompt_id", job.id},
               {"node_id", ""},
               {"node_type", ""},
               {"executed", Json::array()},
               {"timestamp", job.finished_ms}};
  if (job.state == JobState::kInterrupted) return message("execution_interrupted", data);
  data["exception_message"] = job.failure;
  data["exception_type"] = "internal";
  data["traceback"] = Json::array();
  return message("execution_error", data);
}

Front::Front(FrontOptions options, JobStore& store, FrontTable& fronts, FleetChoices& choices, EventHub& hub,
             Delivery& delivery, RelayHub& relay, Metrics& metrics)
    : options_(std::move(options)),
      store_(store),
      fronts_(fronts),
      choices_(choices),
      hub_(hub),
      delivery_(delivery),
      relay_(relay),
      metrics_(metrics),
      notices_(store.notices().listen([this](const Notice& notice) { hear(notice); })) {
  hub_.on_change([this] {
    {
      const MutexLock lock(mutex_);
      listeners_changed_ = true;
    }
    changed_.notify_all();
  });
}

Front::~Front() { stop(); }

void Front::start(const std::string& url) {
  url_ = url;
  looked_ = Clock::now();
  house_due_ = looked_ + kHousekeepingInterval;
  choices_.set_runners(store_.runners().all());
  publish();
  thread_ = std::thread([this] { run(); });
}

void Front::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
    try {
      fronts_.leave(options_.name);
    } catch (...) {
      log(Level::kWarning, "the fleet cannot be told that this front end stops", {{"why", current_failure().text}});
    }
  }
  notices_.end();
  waiters_.notify_all();
}

void Front::hear(const Notice& notice) {
  {
    const MutexLock lock(mutex_);
    switch (notice.what) {
      case Notice::What::kEnded:
        ended_.push_back(notice.id);
        queue_changed_ = true;
        break;
      case Notice::What::kQueue: queue_changed_ = true; break;
      case Notice::What::kRunners: fleet_changed_ = true; break;
      case Notice::What::kMissed: missed_ = fleet_changed_ = queue_changed_ = true; break;
      default: return;
    }
  }
  changed_.notify_all();
}

Front::Due Front::next() {
  MutexLock lock(mutex_);
  for (;;) {
    const auto now = Clock::now();
    Due due;
    due.status = queue_changed_ && now >= status_due_;
    due.fleet = fleet_changed_;
    const auto publish_due = published_ + (listeners_changed_ ? kListenersEvery : kPublishEvery);
    due.listeners = now >= publish_due;
    due.look = missed_ || now >= look_due_;
    if (stopping_ || !ended_.empty() || due.status || due.fleet || due.listeners || due.look) {
      due.ended.assign(ended_.begin(), ended_.end());
      ended_.clear();
      if (due.status) queue_changed_ = false;
      if (due.listeners) listeners_changed_ = false;
      fleet_changed_ = missed_ = false;
      return due;
    }
    auto until = std::min(look_due_, publish_due);
    if (queue_changed_) until = std::min(until, status_due_);
    const bool status_waits = queue_changed_, listeners_wait = listeners_changed_;
    changed_.wait_for(lock, until - now, [&]() EASEL_REQUIRES(mutex_) {
      return stopping_ || !ended_.empty() || fleet_changed_ || missed_ || queue_changed_ != status_waits ||
             listeners_changed_ != listeners_wait;
    });
  }
}

void Front::run() {
  for (;;) {
    const Due due = next();
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
    }
    try {
      attend(due);
    } catch (...) {
      log(Level::kError, "the job store fails", {{"error", current_failure().text}});
      // What was not done is found when the store is back.
      MutexLock lock(mutex_);
      changed_.wait_for(lock, std::chrono::seconds(1), [this]() EASEL_REQUIRES(mutex_) { return stopping_; });
      missed_ = fleet_changed_ = listeners_changed_ = queue_changed_ = true;
    }
  }
}

void Front::attend(const Due& due) {
  for (const std::string& id : due.ended) tell_end(id);
  if (due.status) {
    status_due_ = Clock::now() + kStatusEvery;
    if (hub_.clients() > 0) send_status(store_, hub_);
  }
  if (due.listeners) publish();
  if (due.fleet) choices_.set_runners(store_.runners().all());
  if (due.look) look();
  if (Clock::now() >= house_due_) keep_house();
}

void Front::look() {
  const auto start = Clock::now();
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(start - looked_ + kSlack);
  for (const Job& job : store_.requeue_expired(options_.max_attempts))
    log(Level::kError, "job set aside", {{"prompt_id", job.id}, {"why", job.failure}});
  const auto ended = store_.ended_within(since);
  metrics_.observe("easel_store_seconds", std::chrono::duration<double>(Clock::now() - start).count(),
                   R"(call="look")");
  for (const EndedJob& job : ended) tell_end(job.id);
  looked_ = start;
  look_due_ = start + store_.look_again();
  find_fronts();
}

void Front::find_fronts() {
  const MutexLock lock(finding_);
  relay_.set_fronts(fronts_.all());
}

void Front::keep_house() {
  house_due_ = Clock::now() + kHousekeepingInterval;
  store_.trim_history(options_.keep_history);
  if (options_.housekeeping) options_.housekeeping();
}

void Front::publish() {
  const EventHub::Listeners listeners = hub_.listeners();
  fronts_.publish({.name = options_.name,
                   .url = url_,
                   .anybody = listeners.anybody,
                   .watchers = listeners.watchers,
                   .clients = listeners.clients});
  published_ = Clock::now();
}

void Front::tell_end(const std::string& id) {
  {
    const MutexLock lock(mutex_);
    if (id.empty() || told_.find(id)) return;
  }
  const auto job = hub_.clients() > 0 ? store_.get(id) : std::nullopt;
  {
    // From now on whatever else comes about it is late.
    const MutexLock lock(mutex_);
    told_.keep(id, true);
    running_.erase(id);
  }
  waiters_.notify(id);
  if (!job || !is_final(job->state) || job->state == JobState::kCancelled) return;
  const Recipients client = job->client_id.empty() ? Recipients::watchers() : Recipients::client(job->client_id);
  const Recipients to =
      job->state == JobState::kInterrupted && job->client_id.empty() ? Recipients::everybody() : client;
  delivery_.send(id, [&hub = hub_, to, text = end_message(*job)] { hub.send(to, text); });
  delivery_.send(id, [&store = store_, &hub = hub_] { send_status(store, hub); });
  delivery_.send(id, [&hub = hub_, client, text = message("executing", {{"node", nullptr}, {"prompt_id", id}})] {
    hub.send(client, text);
  });
}

void Front::find_fronts_for(const std::vector<EventSubject>& subjects) {
  bool begins = false;
  {
    const MutexLock lock(mutex_);
    for (const EventSubject& about : subjects) {
      if (about.job.empty() || forwarded_.find(about.job)) continue;
      forwarded_.keep(about.job, true);
      begins = true;
    }
  }
  if (!begins) return;
  try {
    find_fronts();
  } catch (...) {
    log(Level::kWarning, "the other front ends cannot be looked up", {{"why", current_failure().text}});
  }
}

RelayAnswer Front::receive(const std::vector<EventFrame>& frames, bool forward) {
  std::vector<EventSubject> subjects;
  for (const EventFrame& frame : frames) subjects.push_back(subject_of(frame));  // before anything is told
  if (forward) find_fronts_for(subjects);
  RelayAnswer out;
  for (size_t i = 0; i < frames.size(); ++i) {
    const EventFrame& frame = frames[i];
    const EventSubject& about = subjects[i];
    {
      const MutexLock lock(mutex_);
      if (told_.find(about.job)) continue;
      if (about.tells_node && (running_.contains(about.job) || running_.size() < kMostRunning))
        running_[about.job] = {about.job, frame.to.client_id, about.node};
    }
    if (frame.kind == EventFrame::Kind::kText) {
      delivery_.send(about.job, [&hub = hub_, frame] { hub.send(frame.to, frame.text, frame.urgency); });
    } else if (frame.kind == EventFrame::Kind::kPreview) {
      delivery_.send(about.job, [&hub = hub_, frame] { hub.send_preview(frame.to, frame.picture); });
    } else {
      delivery_.flush(about.job);
      out.taken = hub_.send_picture(frame.to.client_id, frame.picture) || out.taken;
    }
    if (forward && frame.kind == EventFrame::Kind::kPicture)
      out.taken = relay_.send_picture(frame.to.client_id, frame.picture) || out.taken;
    else if (forward) relay_.forward(frame);
  }
  // Whoever sent them goes on when they have arrived everywhere: what comes from the store afterwards is behind them.
  if (forward) relay_.flush(kForwardPatience);
  const auto reached = [&](const Recipients& to) {
    return hub_.reaches_anybody(to) || (forward && relay_.reaches_anybody(to));
  };
  out.anybody = reached(Recipients::everybody());
  out.watchers = reached(Recipients::watchers());
  for (const EventFrame& frame : frames)
    if (frame.to.kind == Recipients::Kind::kClient && reached(frame.to)) out.clients.insert(frame.to.client_id);
  return out;
}

bool Front::interrupt(const std::string& id) {
  std::vector<std::string> ids;
  if (!id.empty()) ids.push_back(id);
  else
    for (const Job& job : store_.running()) ids.push_back(job.id);
  return !ids.empty() && store_.interrupt(ids) > 0;
}

void Front::free_memory(bool models, bool results) { fronts_.ask_to_free(models, results); }

std::vector<Workforce::Running> Front::running_jobs() const {
  std::vector<Running> out;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, job] : running_) out.push_back(job);
  }
  for (Running& job : out)
    if (delivery_.holds(job.id)) job.node.clear();
  return out;
}

}  // namespace easel::server
