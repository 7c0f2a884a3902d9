// What the fuzzers share. A target is one file with one call of EASEL_FUZZ; `./dev fuzz` builds and runs them.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/parallel.h"

namespace easel::fuzz {

using Bytes = std::span<const uint8_t>;

inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Cuts off and returns what stands before the next `mark`, or everything that is left.
inline std::string_view cut(std::string_view& rest, char mark = '\n') {
  const size_t end = rest.find(mark);
  const std::string_view head = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return head;
}

// A promise that the code breaks ends the fuzzer as a memory error does.
inline void require(bool promise) {
  if (!promise) std::abort();
}

// Of this process, empty at first; left behind when it is killed.
inline const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    const auto p = std::filesystem::temp_directory_path() / ("easel-fuzz-" + std::to_string(::getpid()));
    std::filesystem::remove_all(p);
    std::filesystem::create_directories(p);
    return p;
  }();
  return path;
}

// A file with these bytes; the same one each time.
inline const std::filesystem::path& file_of(Bytes bytes) {
  static const std::filesystem::path path = folder() / "input";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  require(fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  ::close(fd);
  return path;
}

// Errors are how the code refuses an input; whatever else leaves it is a finding.
template <class F>
int run(const F& body, const uint8_t* data, size_t size) {
  static const bool once = [] {
    set_thread_count(1);
    return true;
  }();
  (void)once;
  try {
    body(Bytes(data, size));
  } catch (const Error& e) {
    require(!e.message().empty());
  }
  return 0;
}

}  // namespace easel::fuzz

#define EASEL_FUZZ(body) \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { return easel::fuzz::run(body, data, size); }
