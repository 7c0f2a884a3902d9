#include "cli/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace easel::cli {
namespace {

const CancelToken* g_token = nullptr;

void on_signal(int) {
  if (g_token->cancelled()) _exit(130);
  g_token->cancel();
  constexpr char kNotice[] = "\nstopping after this step; once more to stop at once\n";
  [[maybe_unused]] const auto n = write(STDERR_FILENO, kNotice, sizeof kNotice - 1);
}

}  // namespace

const CancelToken& interrupt_token() {
  static const CancelToken* token = [] {
    g_token = new CancelToken;  // never destroyed: a signal may come at any time
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return g_token;
  }();
  return *token;
}

}  // namespace easel::cli
