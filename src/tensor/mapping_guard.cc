#include "tensor/mapping_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>

namespace easel {
namespace {

// The signal handler reads these, so they must be lock-free atomics.
struct Range {
  std::atomic<bool> taken{false};
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> hit{false};
};
std::array<Range, 1024> g_ranges;
struct sigaction g_before;

void on_bus_error(int number, siginfo_t* info, void*) {
  const int saved = errno;
  const bool fault = info->si_code > 0;  // raised by the kernel, not sent by a process
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Range& range : g_ranges) {
    const uintptr_t begin = range.begin.load(), end = range.end.load();
    if (!fault || at < begin || at >= end) continue;
    range.hit = true;
    void* page = static_cast<char*>(info->si_addr) - at % static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    // The rest of the mapping is most likely gone too, so that it is replaced at once.
    if (mmap(page, end - reinterpret_cast<uintptr_t>(page), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == MAP_FAILED)
      break;
    errno = saved;
    return;
  }
  sigaction(number, &g_before, nullptr);  // not a guarded range: the read is repeated under the earlier handler
  if (!fault) raise(number);
  errno = saved;
}

void install() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &g_before);
  });
}

}  // namespace

MappingGuard::MappingGuard(const void* data, size_t bytes) : slot_(-1) {
  install();
  for (size_t i = 0; i < g_ranges.size(); ++i) {
    Range& range = g_ranges[i];
    if (range.taken.exchange(true)) continue;
    slot_ = static_cast<int>(i);
    range.hit = false;
    range.begin = reinterpret_cast<uintptr_t>(data);
    range.end = range.begin + bytes;
    return;
  }
}

MappingGuard::~MappingGuard() {
  if (slot_ < 0) return;
  Range& range = g_ranges[static_cast<size_t>(slot_)];
  range.end = 0;
  range.begin = 0;
  range.taken = false;
}

bool MappingGuard::hit() const { return slot_ >= 0 && g_ranges[static_cast<size_t>(slot_)].hit; }

}  // namespace easel
