// A process that a test may kill: this test program, started again with variables that say what it is then (main.cc).
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace easel::server::testing {

class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess() { end(SIGKILL); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Returns at once. `variables`: "NAME=value". `log`: a file that gets what it says as errors; without one they are
  // the test's own. What it says otherwise is dropped.
  void begin(std::vector<std::string> variables, const std::filesystem::path& log = {}) {
    std::vector<char*> environment;
    for (char** variable = environ; *variable; ++variable) environment.push_back(*variable);
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    const char* arguments[] = {"server_test", nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!log.empty())
      posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int failed =
        posix_spawn(&pid_, "/proc/self/exe", &files, nullptr, const_cast<char* const*>(arguments), environment.data());
    posix_spawn_file_actions_destroy(&files);
    if (!failed) return;
    pid_ = -1;
    throw std::runtime_error("cannot start the child");
  }
  // Sends the signal, also to one that was stopped, and waits for the end; the exit status, or -1 when a signal ended
  // it.
  int end(int signal) {
    if (pid_ <= 0) return 0;
    ::kill(pid_, signal);
    ::kill(pid_, SIGCONT);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void signal(int which) const { ::kill(pid_, which); }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

// In the child: empty when it is not set.
inline std::string child_variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// In the child: SIGTERM ends nothing by itself, in threads that begin later either, and a child whose test has died
// ends.
inline sigset_t hold_sigterm() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return signals;
}

inline void wait_for_sigterm(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
}

}  // namespace easel::server::testing
