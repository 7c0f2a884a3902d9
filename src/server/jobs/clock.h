// The time as jobs and runners have it.
#pragma once

#include <chrono>
#include <cstdint>

namespace easel::server {

// Milliseconds since 1970 by the clock of this machine.
inline int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace easel::server
