// A server in a process of its own, which a test may kill: this test program, which serves then (main.cc).
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include "base/atomic_file.h"
#include "server/child_process.h"
#include "server/test_server.h"
#include "server/waiting.h"

namespace easel::server::testing {

class ChildServer {
 public:
  explicit ChildServer(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Starts it and waits until it answers.
  void start() {
    std::filesystem::remove(folder_ / "port");
    child_.begin({"EASEL_TEST_SERVE=" + folder_.string()});
    const bool answers = wait_for(30, [&] {
      std::ifstream in(folder_ / "port");
      return static_cast<bool>(in >> port_);
    });
    if (!answers) throw std::runtime_error("the child does not answer");
  }
  // Sends the signal and waits for the end; the exit status, or -1 when a signal ended it.
  int end(int signal) { return child_.end(signal); }
  uint16_t port() const { return port_; }
  // Bytes of memory it holds.
  uint64_t resident() const {
    std::ifstream in("/proc/" + std::to_string(child_.pid()) + "/statm");
    uint64_t total = 0, resident = 0;
    in >> total >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  // Seconds of processor time it has used.
  double cpu_seconds() const {
    std::ifstream in("/proc/" + std::to_string(child_.pid()) + "/stat");
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
  ChildProcess child_;
  uint16_t port_ = 0;
};

// What the child does: serves until SIGTERM.
inline void serve_as_child(const std::filesystem::path& folder) {
  configure_log(Level::kError, false);
  const sigset_t signals = hold_sigterm();
  workflow::testing::ToyTable table;
  workflow::testing::ToyChoices choices;
  library::Folders models;
  FakeRunner runner(folder / "output", std::chrono::milliseconds(1));
  Server server(options_in(folder), table, choices, models, runner);
  server.start();
  write_file(folder / "port", std::to_string(server.port()) + "\n");
  wait_for_sigterm(signals);
  server.stop();
}

}  // namespace easel::server::testing
