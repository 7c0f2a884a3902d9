// What the commands have in common that run until they are told to stop: how they log, and what ends them.
#pragma once

#include <signal.h>

#include <initializer_list>

namespace CLI {
class App;
}

namespace easel::cli {

struct LogFlags {
  bool json = false, verbose = false, quiet = false;
};

// Declares --log-json, --verbose, of which `verbose` says what it logs, and --quiet.
void add_log_flags(CLI::App& command, LogFlags& flags, const char* verbose);
void configure_log(const LogFlags& flags);

// The signals that end the program in good order: those of people, of service managers and of terminals that are
// closed. They are waited for by one thread; all others never see them.
class EndSignals {
 public:
  // Makes the calling thread, and those that it starts from now on, block them and `more`, which end the wait as well.
  explicit EndSignals(std::initializer_list<int> more = {});
  // Until one comes. A second one of the first kind ends the process at once.
  void wait();

 private:
  sigset_t waited_{};
};

}  // namespace easel::cli
