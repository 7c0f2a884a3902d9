// The clients of all front ends of a fleet, as if they were connected here: what a run tells them is sent on to the
// front ends.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "server/events/event_hub.h"
#include "server/fleet/event_frames.h"

namespace easel::server {

// A front end of the fleet, and who listens there.
struct FrontEnd {
  std::string name, url;
  bool anybody = false, watchers = false;  // some connection; one that watches all jobs
  std::set<std::string> clients;           // ids of those that are connected
  bool hears(const Recipients& to) const;
};

// What a front end answers to messages.
struct RelayAnswer {
  bool taken = false;                      // a connection took a finished picture
  bool anybody = false, watchers = false;  // as FrontEnd, right now
  std::set<std::string> clients;           // of those that the messages were for, who is connected
};
std::string relay_answer_text(const RelayAnswer& answer);

struct RelayOptions {
  std::string token;                         // the fleet's
  std::string own_name = {};                 // of the front end in this process, which is not called
  std::vector<std::string> via = {};         // these addresses only, one that answers; it forwards to the others
  std::chrono::milliseconds patience{2000};  // for one call; a front end that does not answer is left alone for a while
};

// Essential messages go to every front end that may have a client of the job, others only where one is known to listen.
// A front end that does not answer loses what was meant for it: ends of jobs it reads from the store. Thread-safe.
class RelayHub final : public EventHub {
 public:
  explicit RelayHub(RelayOptions options);
  ~RelayHub() override;  // stop()

  // Which front ends there are, and who listens where.
  void set_fronts(std::vector<FrontEnd> fronts);

  void send(const Recipients& to, std::string text, Urgency urgency = Urgency::kEssential) override;
  void send_preview(const Recipients& to, PictureMessage picture) override;
  // Waits for the answer, since a picture that nobody took has to be saved.
  bool send_picture(const std::string& client_id, PictureMessage picture) override;
  bool reaches_anybody(const Recipients& to) const override;

  // What another sent here.
  void forward(const EventFrame& frame) { post(frame); }
  // Waits until what was sent has arrived or is lost, at most as long as that.
  void flush(std::chrono::milliseconds longest);
  void stop();

 private:
  class Sender;
  using SenderPtr = std::shared_ptr<Sender>;
  std::vector<SenderPtr> senders() const;
  void post(const EventFrame& frame);

  const RelayOptions options_;
  mutable Mutex mutex_;
  std::map<std::string, SenderPtr> senders_ EASEL_GUARDED_BY(mutex_);  // by name and address
};

}  // namespace easel::server
