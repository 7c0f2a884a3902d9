// A server in a process of its own, which a test may kill: this test program, started again with a variable that makes
// it serve (main.cc).
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>

#include "base/atomic_file.h"
#include "server/test_server.h"

extern char** environ;

namespace easel::server::testing {

class ChildServer {
 public:
  explicit ChildServer(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~ChildServer() { end(SIGKILL); }
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  // Starts it and waits until it answers.
  void start() {
    std::filesystem::remove(folder_ / "port");
    setenv("EASEL_TEST_SERVE", folder_.c_str(), 1);
    const char* arguments[] = {"server_test", nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    const int failed =
        posix_spawn(&pid_, "/proc/self/exe", &files, nullptr, const_cast<char* const*>(arguments), environ);
    posix_spawn_file_actions_destroy(&files);
    unsetenv("EASEL_TEST_SERVE");
    if (failed) throw std::runtime_error("cannot start the child");
    for (int i = 0; i < 3000; ++i) {
      std::ifstream in(folder_ / "port");
      if (in >> port_) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw std::runtime_error("the child does not answer");
  }
  // Sends the signal and waits for the end; the exit status, or -1 when a signal ended it.
  int end(int signal) {
    if (pid_ <= 0) return 0;
    ::kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  uint16_t port() const { return port_; }
  // Bytes of memory it holds.
  uint64_t resident() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/statm");
    uint64_t total = 0, resident = 0;
    in >> total >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  // Seconds of processor time it has used.
  double cpu_seconds() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/stat");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

 private:
  const std::filesystem::path folder_;
  pid_t pid_ = -1;
  uint16_t port_ = 0;
};

// What the child does: serves until SIGTERM.
inline void serve_as_child(const std::filesystem::path& folder) {
  configure_log(Level::kError, false);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  workflow::testing::ToyTable table;
  workflow::testing::ToyChoices choices;
  library::Folders models;
  FakeRunner runner(folder / "output", std::chrono::milliseconds(1));
  Server server(options_in(folder), table, choices, models, runner);
  server.start();
  write_file(folder / "port", std::to_string(server.port()) + "\n");
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
}

}  // namespace easel::server::testing
