// Notices through the database: LISTEN on a connection of its own, and NOTIFY.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "base/mutex.h"
#include "server/jobs/job_notices.h"
#include "server/jobs/postgres/connection.h"

namespace easel::server::postgres {

// Tells all processes that listen; to be called when what it is about has been committed. It does not wait for the
// disk, and may be lost.
void notify(Connection& connection, const Notice& notice);
// The same about several jobs, in one statement.
void notify(Connection& connection, Notice::What what, const std::vector<std::string>& ids);

// Passes on what comes from the database, on a thread of its own that begins with the first listener.
class Listener {
 public:
  // `notices` must outlive this object. Throws Error(kInternal) when the system gives no more descriptors.
  Listener(std::string url, JobNotices& notices);
  ~Listener();
  // To be called when somebody has begun to listen.
  void start();

 private:
  void run();
  // Until the connection breaks or the end.
  void listen();
  bool stopping();

  const std::string url_;
  JobNotices& notices_;
  bool listening_ = false;  // the thread's own: the last connection got as far as that
  Mutex mutex_;
  Condition changed_;
  bool stopping_ EASEL_GUARDED_BY(mutex_) = false;
  bool started_ EASEL_GUARDED_BY(mutex_) = false;
  Descriptor wake_;
  std::thread thread_;
};

}  // namespace easel::server::postgres
