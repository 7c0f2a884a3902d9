#include "cli/service/service.h"

#include <CLI/CLI.hpp>
#include <csignal>

#include "server/log.h"

namespace easel::cli {
namespace {

constexpr int kEnds[] = {SIGINT, SIGTERM, SIGHUP};

}  // namespace

void add_log_flags(CLI::App& command, LogFlags& flags, const char* verbose) {
  command.add_flag("--log-json", flags.json, "Log as JSON lines");
  command.add_flag("-v,--verbose", flags.verbose, verbose);
  command.add_flag("-q,--quiet", flags.quiet, "Log warnings and errors only");
}

void configure_log(const LogFlags& flags) {
  using server::Level;
  server::configure_log(flags.verbose ? Level::kDebug : flags.quiet ? Level::kWarning : Level::kInfo, flags.json);
}

EndSignals::EndSignals(std::initializer_list<int> more) {
  sigemptyset(&waited_);
  for (const int signal : kEnds) sigaddset(&waited_, signal);
  for (const int signal : more) sigaddset(&waited_, signal);
  std::signal(SIGPIPE, SIG_IGN);  // the log's reader has gone: no reason to end
  pthread_sigmask(SIG_BLOCK, &waited_, nullptr);
}

void EndSignals::wait() {
  int signal = 0;
  sigwait(&waited_, &signal);
  server::log(server::Level::kInfo, "stopping", {{"signal", int64_t{signal}}});
  sigset_t ends;
  sigemptyset(&ends);
  for (const int end : kEnds) {
    std::signal(end, SIG_DFL);
    sigaddset(&ends, end);
  }
  pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
}

}  // namespace easel::cli
