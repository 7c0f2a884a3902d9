// A process that claims jobs of a store and ends them, until it is killed: this test program, started again with a
// variable that names the store (main.cc).
#pragma once

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "server/jobs/open_job_store.h"

extern char** environ;

namespace easel::server::testing {

class ClaimerChild {
 public:
  explicit ClaimerChild(const std::string& store) {
    setenv("EASEL_TEST_CLAIM", store.c_str(), 1);
    const char* arguments[] = {"server_test", nullptr};
    const int failed =
        posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, const_cast<char* const*>(arguments), environ);
    unsetenv("EASEL_TEST_CLAIM");
    if (failed) throw std::runtime_error("cannot start the child");
  }
  ~ClaimerChild() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  ClaimerChild(const ClaimerChild&) = delete;
  ClaimerChild& operator=(const ClaimerChild&) = delete;

 private:
  pid_t pid_ = -1;
};

// What the child does. What a job shows says which process ended it, at which attempt.
inline void claim_as_child(const std::string& store_name) {
  const auto store = open_job_store(store_name);
  const std::string name = "child-" + std::to_string(::getpid());
  for (;;) {
    const auto claim = store->claim(name, std::chrono::milliseconds(500));
    std::this_thread::sleep_for(std::chrono::milliseconds(claim ? 3 : 10));
    if (!claim) continue;
    JobResult result;
    result.outputs = "{\"by\":\"" + name + "\",\"attempt\":" + std::to_string(claim->job.attempts) + "}";
    store->finish(claim->token, result);
  }
}

}  // namespace easel::server::testing
