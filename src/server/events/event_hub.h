// Event queues for WebSocket clients: one bounded queue per client.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace easel::server {

// Decides which messages are dropped if a client does not keep up: kPreview first, then kProgress, kEssential
// never.
enum class Urgency { kPreview, kProgress, kEssential };

struct Message {
  std::shared_ptr<const std::string> payload;
  bool binary = false;
  Urgency urgency = Urgency::kEssential;
};

// A picture on its way to clients that know pictures with metadata, and to those that do not.
struct PictureMessage {
  std::string plain, described;
};

// The queue of one connection. Filled by any thread, emptied by the connection's own.
class Mailbox {
 public:
  static constexpr size_t kSoftLimit = 256;           // messages; above it, droppable ones make room
  static constexpr size_t kPreviews = 2;              // previews; older ones are of no use to anybody
  static constexpr size_t kHardLimit = 8u << 20;      // bytes; a client that far behind is disconnected
  static constexpr size_t kPictureLimit = 64u << 20;  // bytes of finished pictures, unless it is a single one

  // `wake` is called, from any thread, after something was put in.
  Mailbox(std::string client_id, std::function<void()> wake, bool watches_all = false)
      : client_id_(std::move(client_id)), wake_(std::move(wake)), watches_all_(watches_all) {}

  const std::string& client_id() const { return client_id_; }
  // Whether it gets the events of other clients' jobs as well.
  bool watches_all() const { return watches_all_; }
  // Returns whether the message was accepted. Finished pictures (binary and essential) are refused if too many wait.
  bool post(const Message& message);
  // Puts texts before everything that waits, in their order; never drops anything.
  void post_first(const std::vector<std::string>& texts);
  // The next message, in the order in which they came; false when there is none.
  bool take(Message& out);
  // True once the client fell too far behind: the connection should be closed.
  bool overflowed() const;
  // Whether the client negotiated previews with metadata.
  bool wants_preview_metadata() const { return preview_metadata_; }
  void set_wants_preview_metadata(bool on) { preview_metadata_ = on; }

 private:
  bool make_room(Urgency incoming) EASEL_REQUIRES(mutex_);
  size_t& bytes_of(const Message& message) EASEL_REQUIRES(mutex_);

  const std::string client_id_;
  const std::function<void()> wake_;
  const bool watches_all_;
  mutable Mutex mutex_;
  std::deque<Message> queue_ EASEL_GUARDED_BY(mutex_);
  // For the queue: the bytes of finished pictures, the bytes of all other messages, and the number of previews.
  size_t picture_bytes_ EASEL_GUARDED_BY(mutex_) = 0, bytes_ EASEL_GUARDED_BY(mutex_) = 0;
  size_t previews_ EASEL_GUARDED_BY(mutex_) = 0;
  bool overflow_ EASEL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> preview_metadata_{false};
};

// The recipients of a message. They always include the connections that watch all jobs.
struct Recipients {
  enum class Kind { kEverybody, kClient, kWatchers } kind = Kind::kEverybody;
  std::string client_id;

  static Recipients everybody() { return {}; }
  static Recipients client(std::string id) { return {Kind::kClient, std::move(id)}; }
  // Only those that watch all jobs.
  static Recipients watchers() { return {Kind::kWatchers, {}}; }
};

// All connected clients. Thread-safe.
class EventHub {
 public:
  virtual ~EventHub() = default;
  void connect(const std::shared_ptr<Mailbox>& box);
  void disconnect(const std::shared_ptr<Mailbox>& box);
  // Forgets all connections (the server has stopped).
  void clear();
  size_t clients() const;
  // Called, outside of any lock, whenever somebody has connected.
  void on_connect(std::function<void()> callback) { connected_ = std::move(callback); }
  // The same whenever somebody has connected or disconnected.
  void on_change(std::function<void()> callback) { changed_ = std::move(callback); }
  // Who is connected: whether anybody is, whether anybody watches all jobs, and the ids of the clients.
  struct Listeners {
    bool anybody = false, watchers = false;
    std::set<std::string> clients;
  };
  Listeners listeners() const;

  // Virtual, so that a worker elsewhere can send to the clients of a fleet's front ends (server/fleet).
  virtual void send(const Recipients& to, std::string text, Urgency urgency = Urgency::kEssential);
  virtual void send_preview(const Recipients& to, PictureMessage picture);
  // A finished picture, to the connections of that client alone. False when there are none or they are too far behind.
  virtual bool send_picture(const std::string& client_id, PictureMessage picture);
  // Whether any connection would receive it.
  virtual bool reaches_anybody(const Recipients& to) const { return !boxes(to).empty(); }

 private:
  std::vector<std::shared_ptr<Mailbox>> boxes(const Recipients& to) const;
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<Mailbox>> boxes_ EASEL_GUARDED_BY(mutex_);
  std::function<void()> connected_, changed_;  // set before anybody connects
};

}  // namespace easel::server
