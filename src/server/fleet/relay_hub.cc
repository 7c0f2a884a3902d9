#include "server/fleet/relay_hub.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "server/fleet/link.h"
#include "server/jobs/failure.h"
#include "server/log.h"
#include "workflow/json.h"

namespace easel::server {
namespace {

constexpr size_t kMostBytes = size_t{8} << 20, kMostProgress = 256, kMostPreviews = 2;
constexpr auto kLeftAlone = std::chrono::seconds(1), kLeftAloneLongest = std::chrono::seconds(15);

}  // namespace

std::string relay_answer_text(const RelayAnswer& answer) {
  return workflow::dump_json(workflow::Json{{"taken", answer.taken},
                                            {"anybody", answer.anybody},
                                            {"watchers", answer.watchers},
                                            {"clients", answer.clients}});
}

bool FrontEnd::hears(const Recipients& to) const {
  switch (to.kind) {
    case Recipients::Kind::kEverybody: return anybody;
    case Recipients::Kind::kWatchers: return watchers;
    case Recipients::Kind::kClient: return watchers || clients.contains(to.client_id);
  }
  return false;
}

// The way to one front end: a queue, and a thread that sends what is in it.
class RelayHub::Sender {
 public:
  Sender(const std::vector<std::string>& urls, const RelayOptions& options, bool forwards)
      : patience_(options.patience), target_(forwards ? "/fleet/events?forward=1" : "/fleet/events") {
    for (const std::string& url : urls) links_.push_back(std::make_unique<Link>(url, options.token));
    thread_ = std::thread([this] { run(); });
  }
  ~Sender() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void set_front(FrontEnd front) {
    const MutexLock lock(mutex_);
    front_ = std::move(front);
  }
  bool hears(const Recipients& to) const {
    const MutexLock lock(mutex_);
    return front_.hears(to);
  }

  void post(const EventFrame& frame) {
    {
      const MutexLock lock(mutex_);
      // A client that has just connected may not be in the table yet; nothing essential is kept from it.
      const bool anyway = frame.urgency == Urgency::kEssential && frame.to.kind != Recipients::Kind::kWatchers;
      if (stopping_ || Clock::now() < alone_until_ || !(anyway || front_.hears(frame.to))) return;
      if (!make_room(frame)) return;
      bytes_ += frame.bytes();
      queue_.push_back(frame);
    }
    changed_.notify_all();
  }

  bool post_and_wait(const EventFrame& frame) {
    const auto answer = call(encode_frames({frame}));
    return answer && answer->taken;
  }

  void flush(std::chrono::steady_clock::time_point until) {
    MutexLock lock(mutex_);
    const auto longest = std::max(until - Clock::now(), Clock::duration::zero());
    changed_.wait_for(lock, longest, [this]() EASEL_REQUIRES(mutex_) { return queue_.empty() && !sending_; });
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool make_room(const EventFrame& frame) EASEL_REQUIRES(mutex_) {
    if (frame.urgency == Urgency::kPreview) {
      const auto is_preview = [](const EventFrame& f) { return f.urgency == Urgency::kPreview; };
      if (static_cast<size_t>(std::count_if(queue_.begin(), queue_.end(), is_preview)) >= kMostPreviews) {
        const auto oldest = std::find_if(queue_.begin(), queue_.end(), is_preview);
        bytes_ -= oldest->bytes();
        queue_.erase(oldest);
      }
    }
    if (frame.urgency != Urgency::kEssential && queue_.size() >= kMostProgress) return false;
    return bytes_ + frame.bytes() <= kMostBytes;
  }

  // The answer of the first that answers, beginning with the one that did so last; nothing when none does.
  std::optional<RelayAnswer> call(const std::string& body) {
    const LinkLimits limits{.connect = patience_, .whole = patience_};
    for (size_t i = 0; i < links_.size(); ++i) {
      const size_t at = (last_ + i) % links_.size();
      try {
        LinkAnswer answer = links_[at]->call("POST", target_, body, limits);
        last_ = at;
        if (answer.status == 200) return read_answer(answer.body);
        log(Level::kWarning, "a front end refuses messages",
            {{"url", links_[at]->url()}, {"status", int64_t{answer.status}}});
      } catch (...) {
        log(Level::kDebug, "a front end does not answer",
            {{"url", links_[at]->url()}, {"why", current_failure().text}});
      }
    }
    return std::nullopt;
  }

  static RelayAnswer read_answer(const std::string& body) {
    const workflow::Json json = workflow::parse_json(body);
    RelayAnswer out;
    out.taken = json.at("taken").get<bool>();
    out.anybody = json.at("anybody").get<bool>();
    out.watchers = json.at("watchers").get<bool>();
    for (const workflow::Json& client : json.at("clients")) out.clients.insert(client.get<std::string>());
    return out;
  }

  // A client that has just connected is in the answer before it is in the table.
  void learn(const RelayAnswer& answer, const std::vector<EventFrame>& frames) EASEL_REQUIRES(mutex_) {
    front_.anybody = answer.anybody;
    front_.watchers = answer.watchers;
    for (const EventFrame& frame : frames)
      if (frame.to.kind == Recipients::Kind::kClient) front_.clients.erase(frame.to.client_id);
    front_.clients.insert(answer.clients.begin(), answer.clients.end());
  }

  void run() {
    MutexLock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this]() EASEL_REQUIRES(mutex_) { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      const std::vector<EventFrame> frames(queue_.begin(), queue_.end());
      queue_.clear();
      bytes_ = 0;
      sending_ = true;
      lock.unlock();
      const auto answer = call(encode_frames(frames));
      lock.lock();
      sending_ = false;
      if (answer) {
        learn(*answer, frames);
        alone_ = kLeftAlone;
      } else {
        queue_.clear();
        bytes_ = 0;
        alone_until_ = Clock::now() + alone_;
        alone_ = std::min(2 * alone_, kLeftAloneLongest);
      }
      changed_.notify_all();
    }
  }

  const std::chrono::milliseconds patience_;
  const std::string target_;
  std::vector<std::unique_ptr<Link>> links_;
  std::atomic<size_t> last_{0};
  mutable Mutex mutex_;
  Condition changed_;
  FrontEnd front_ EASEL_GUARDED_BY(mutex_);
  std::deque<EventFrame> queue_ EASEL_GUARDED_BY(mutex_);
  size_t bytes_ EASEL_GUARDED_BY(mutex_) = 0;
  bool sending_ EASEL_GUARDED_BY(mutex_) = false, stopping_ EASEL_GUARDED_BY(mutex_) = false;
  Clock::time_point alone_until_ EASEL_GUARDED_BY(mutex_){};
  std::chrono::seconds alone_ EASEL_GUARDED_BY(mutex_) = kLeftAlone;
  std::thread thread_;
};

RelayHub::RelayHub(RelayOptions options) : options_(std::move(options)) {
  for (const std::string& url : options_.via) check_link_url(url);
}

RelayHub::~RelayHub() { stop(); }

std::vector<RelayHub::SenderPtr> RelayHub::senders() const {
  const MutexLock lock(mutex_);
  std::vector<SenderPtr> out;
  for (const auto& [key, sender] : senders_) out.push_back(sender);
  return out;
}

void RelayHub::set_fronts(std::vector<FrontEnd> fronts) {
  std::map<std::string, std::pair<FrontEnd, std::vector<std::string>>> wanted;
  FrontEnd all;
  for (FrontEnd& front : fronts) {
    if (front.name == options_.own_name) continue;
    if (options_.via.empty()) {
      const std::string key = front.name + " " + front.url;
      const std::string url = front.url;
      wanted[key] = {std::move(front), {url}};
      continue;
    }
    all.anybody |= front.anybody;
    all.watchers |= front.watchers;
    all.clients.merge(front.clients);
  }
  if (!options_.via.empty()) wanted["via"] = {std::move(all), options_.via};
  std::vector<SenderPtr> gone;  // let go outside of the lock: their threads may wait for an answer
  {
    const MutexLock lock(mutex_);
    for (auto it = senders_.begin(); it != senders_.end();) {
      const bool stays = wanted.contains(it->first);
      if (!stays) gone.push_back(it->second);
      it = stays ? std::next(it) : senders_.erase(it);
    }
    for (auto& [key, front] : wanted) {
      try {
        SenderPtr& sender = senders_[key];
        if (!sender) sender = std::make_shared<Sender>(front.second, options_, !options_.via.empty());
        sender->set_front(std::move(front.first));
      } catch (const Error& e) {
        senders_.erase(key);
        log(Level::kWarning, "a front end cannot be reached", {{"front", key}, {"why", std::string(e.what())}});
      }
    }
  }
}

void RelayHub::post(const EventFrame& frame) {
  for (const SenderPtr& sender : senders()) sender->post(frame);
}

void RelayHub::send(const Recipients& to, std::string text, Urgency urgency) {
  post({EventFrame::Kind::kText, to, urgency, std::move(text), {}});
}

void RelayHub::send_preview(const Recipients& to, PictureMessage picture) {
  post({EventFrame::Kind::kPreview, to, Urgency::kPreview, {}, std::move(picture)});
}

bool RelayHub::send_picture(const std::string& client_id, PictureMessage picture) {
  const EventFrame frame{
      EventFrame::Kind::kPicture, Recipients::client(client_id), Urgency::kEssential, {}, std::move(picture)};
  flush(options_.patience);  // what was said before comes before it
  bool taken = false;
  for (const SenderPtr& sender : senders())
    if (sender->hears(frame.to)) taken = sender->post_and_wait(frame) || taken;
  return taken;
}

bool RelayHub::reaches_anybody(const Recipients& to) const {
  const auto all = senders();
  return std::any_of(all.begin(), all.end(), [&](const SenderPtr& sender) { return sender->hears(to); });
}

void RelayHub::flush(std::chrono::milliseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  for (const SenderPtr& sender : senders()) sender->flush(until);
}

void RelayHub::stop() {
  std::map<std::string, SenderPtr> all;
  {
    const MutexLock lock(mutex_);
    all.swap(senders_);
  }
}

}  // namespace easel::server
