// Waiting for what another thread or process does.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace easel::server::testing {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Whether it came true within the time; asks again every few milliseconds.
inline bool wait_for(double seconds, const std::function<bool()>& what) {
  const auto start = std::chrono::steady_clock::now();
  while (seconds_since(start) < seconds) {
    if (what()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return what();
}

}  // namespace easel::server::testing
