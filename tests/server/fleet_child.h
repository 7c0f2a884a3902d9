// Machines of a fleet in processes of their own, front ends and runners, which a test may kill (main.cc).
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "base/atomic_file.h"
#include "server/child_process.h"
#include "server/fleet/relay_hub.h"
#include "server/fleet/runner.h"
#include "server/fleet/site.h"
#include "server/test_server.h"
#include "server/waiting.h"

namespace easel::server::testing {

inline constexpr const char* kFleetToken = "a-token-of-the-fleet-for-tests";

struct FleetMachine {
  std::string kind = {};  // "front" or "runner"
  std::string name = {}, store = {};
  std::filesystem::path folder = {};  // of this machine alone
  std::string via = {};               // of a runner: the only front end it may call
  std::chrono::milliseconds lease{2000};
  std::chrono::microseconds step{1000};
  std::string models = "sd15.safetensors";  // of a runner: its checkpoints, with blanks between
  std::chrono::milliseconds look_again = std::chrono::seconds(1);
  std::string address = "127.0.0.1";  // on which a front end listens
};

class FleetChild {
 public:
  explicit FleetChild(FleetMachine machine) : machine_(std::move(machine)) {
    std::filesystem::create_directories(machine_.folder);
  }

  // Starts it; returns at once.
  void begin() {
    std::filesystem::remove(machine_.folder / "ready");
    child_.begin({"EASEL_TEST_FLEET=" + machine_.kind, "EASEL_TEST_NAME=" + machine_.name,
                  "EASEL_TEST_STORE=" + machine_.store, "EASEL_TEST_FOLDER=" + machine_.folder.string(),
                  "EASEL_TEST_VIA=" + machine_.via, "EASEL_TEST_LEASE=" + std::to_string(machine_.lease.count()),
                  "EASEL_TEST_STEP=" + std::to_string(machine_.step.count()), "EASEL_TEST_MODELS=" + machine_.models,
                  "EASEL_TEST_LOOK_AGAIN=" + std::to_string(machine_.look_again.count()),
                  "EASEL_TEST_ADDRESS=" + machine_.address, "EASEL_TEST_PORT=" + std::to_string(port_)},
                 machine_.folder / "log");
  }
  // Whether it has said that it is ready since begin().
  bool ready() {
    std::ifstream in(machine_.folder / "ready");
    return static_cast<bool>(in >> port_);
  }
  void start() {
    begin();
    if (!wait_for(30, [&] { return ready(); })) throw std::runtime_error(machine_.name + " does not start: " + log());
  }
  // Sends the signal and waits for the end; the exit status, or -1 when a signal ended it.
  int end(int signal) { return child_.end(signal); }
  void signal(int which) const { child_.signal(which); }
  // Of a front end; stays the same from start to start.
  uint16_t port() const { return port_; }
  std::string log() const { return read_file(machine_.folder / "log"); }
  const std::string& name() const { return machine_.name; }

 private:
  const FleetMachine machine_;
  ChildProcess child_;
  uint16_t port_ = 0;
};

inline SharedStoreOptions child_store_options() {
  return {.look_again = std::chrono::milliseconds(std::atoi(child_variable("EASEL_TEST_LOOK_AGAIN").c_str()))};
}

inline void be_front(const std::filesystem::path& folder, const sigset_t& signals) {
  const std::string name = child_variable("EASEL_TEST_NAME");
  const auto site = open_site({.store = child_variable("EASEL_TEST_STORE"),
                               .front_name = name,
                               .artifacts = folder / "artifacts",
                               .cache = {},
                               .token = kFleetToken,
                               .jobs = child_store_options()});
  workflow::testing::ToyTable table;
  workflow::testing::ToyChoices choices;
  library::Folders models;
  FakeRunner checker(folder / "output");
  ServerOptions options = options_in(folder);
  options.http.port = static_cast<uint16_t>(std::atoi(child_variable("EASEL_TEST_PORT").c_str()));
  options.http.access.fleet_token = kFleetToken;
  options.http.address = child_variable("EASEL_TEST_ADDRESS");
  options.http.access.loopback_only = options.http.address == "127.0.0.1";
  options.site = site.get();
  options.front_name = name;
  Server server(std::move(options), table, choices, models, checker);
  server.start();
  write_file(folder / "ready", std::to_string(server.port()) + "\n");
  wait_for_sigterm(signals);
  server.stop();
}

inline void be_runner(const std::filesystem::path& folder, const sigset_t& signals) {
  const std::string via = child_variable("EASEL_TEST_VIA");
  const std::vector<std::string> fronts = via.empty() ? std::vector<std::string>{} : std::vector{via};
  const auto site = open_site({.store = child_variable("EASEL_TEST_STORE"),
                               .front_name = {},
                               .artifacts = {},
                               .cache = folder / "cache",
                               .fronts = fronts,
                               .token = kFleetToken,
                               .jobs = child_store_options()});
  workflow::testing::ToyTable table;
  library::Folders models;
  const std::filesystem::path checkpoints = folder / "models" / "checkpoints";
  std::filesystem::create_directories(checkpoints);
  std::istringstream names(child_variable("EASEL_TEST_MODELS"));
  for (std::string model; names >> model;) write_file(checkpoints / model, "weights of " + model);
  models.add("checkpoints", checkpoints);
  FakeRunner jobs({}, std::chrono::microseconds(std::atoi(child_variable("EASEL_TEST_STEP").c_str())),
                  &site->artifacts());
  RelayHub relay({.token = kFleetToken, .via = fronts});
  FleetRunner runner({.name = child_variable("EASEL_TEST_NAME"),
                      .version = "test",
                      .lease = Lease(std::atoi(child_variable("EASEL_TEST_LEASE").c_str())),
                      .identities = folder / "identities.json"},
                     site->store(), site->fronts(), relay, jobs, table, models);
  runner.start();
  write_file(folder / "ready", "1\n");
  wait_for_sigterm(signals);
  runner.stop();
}

// What the child does: its part until SIGTERM.
inline int be_fleet_child() {
  configure_log(Level::kInfo, false);
  const sigset_t signals = hold_sigterm();
  const std::filesystem::path folder = child_variable("EASEL_TEST_FOLDER");
  try {
    if (child_variable("EASEL_TEST_FLEET") == "front") be_front(folder, signals);
    else be_runner(folder, signals);
    return 0;
  } catch (const std::exception& e) {
    fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

}  // namespace easel::server::testing
