#include "server/jobs/postgres/notices.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error.h"
#include "server/jobs/failure.h"
#include "server/jobs/postgres/sql.h"
#include "server/log.h"

namespace easel::server::postgres {
namespace {

using What = Notice::What;

struct Channel {
  What what;
  const char* name;
};
constexpr std::array<Channel, 4> kChannels{{{What::kQueue, "easel_queue"},
                                            {What::kEnded, "easel_ended"},
                                            {What::kInterrupt, "easel_interrupt"},
                                            {What::kRunners, "easel_runners"}}};

// The connection is asked whether it still is one this often.
constexpr auto kProbe = std::chrono::seconds(10);

}  // namespace

void notify(Connection& connection, const Notice& notice) { notify(connection, notice.what, {notice.id}); }

void notify(Connection& connection, Notice::What what, const std::vector<std::string>& ids) {
  const auto channel =
      std::find_if(kChannels.begin(), kChannels.end(), [&](const Channel& c) { return c.what == what; });
  if (channel == kChannels.end() || ids.empty()) return;
  try {
    // Notifications are sent in the order of commits, one at a time: a commit that waits for the disk would hold up
    // all.
    connection.run("SELECT " + kUnflushed + ", pg_notify($1, id) FROM unnest($2::text[]) AS id",
                   values(channel->name, text_array(ids)));
  } catch (...) {
    // What it is about is safe already.
  }
}

Listener::Listener(std::string url, JobNotices& notices)
    : url_(std::move(url)), notices_(notices), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_.get() < 0) throw Error(Fault::kInternal, "cannot make a descriptor to listen to the job store");
}

Listener::~Listener() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    if (!started_) return;
  }
  ::eventfd_write(wake_.get(), 1);
  changed_.notify_all();
  thread_.join();
}

bool Listener::stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

void Listener::start() {
  MutexLock lock(mutex_);
  if (!started_) thread_ = std::thread([this] { run(); });
  else ::eventfd_write(wake_.get(), 1);  // there may be a channel more
  started_ = true;
}

void Listener::run() {
  auto pause = std::chrono::milliseconds(50);
  bool told = false;  // once for each time that the database is away
  while (!stopping()) {
    std::string why;
    try {
      listen();
    } catch (const Lost& lost) {
      why = lost.why;
    } catch (const Undone& undone) {
      why = undone.why;
    } catch (...) {
      why = current_failure().text;
    }
    if (stopping()) return;
    if (listening_ || !told) log(Level::kWarning, "the database tells nothing for now", {{"error", why}});
    told = true;
    pause = listening_ ? std::chrono::milliseconds(50) : std::min(pause * 2, std::chrono::milliseconds(1000));
    MutexLock lock(mutex_);
    changed_.wait_for(lock, pause, [this]() EASEL_REQUIRES(mutex_) { return stopping_; });
  }
}

void Listener::listen() {
  listening_ = false;
  Connection connection(url_);
  std::set<What> heard;
  auto probed = std::chrono::steady_clock::now();
  while (!stopping()) {
    bool more = false;
    const std::set<What> wanted = notices_.wanted();
    for (const Channel& channel : kChannels)
      if (wanted.contains(channel.what) && heard.insert(channel.what).second) {
        connection.script(std::string("LISTEN ") + channel.name);
        more = true;
      }
    listening_ = true;
    if (more) notices_.post({What::kMissed, {}});
    if (std::chrono::steady_clock::now() - probed >= kProbe) {
      connection.script("SELECT 1");
      probed = std::chrono::steady_clock::now();
    }
    connection.take_notifications(wake_.get(), kProbe, [&](std::string_view name, std::string_view id) {
      for (const Channel& channel : kChannels)
        if (name == channel.name) notices_.post({channel.what, std::string(id)});
    });
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
  }
}

}  // namespace easel::server::postgres
