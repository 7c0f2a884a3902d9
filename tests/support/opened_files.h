// Which files of a folder are opened, by whatever process.
#pragma once

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>

#include "base/descriptor.h"

namespace easel::testing {

// Counts from its construction on. The folder may have folders in it, one deep.
class OpenedFiles {
 public:
  explicit OpenedFiles(const std::filesystem::path& folder) : events_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    watch(folder);
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.is_directory()) watch(entry.path());
  }

  // How often each file was opened since the last call, by its name.
  std::map<std::string, int> take() {
    std::map<std::string, int> out;
    alignas(inotify_event) char buffer[1 << 16];
    for (ssize_t size; (size = read(events_.get(), buffer, sizeof buffer)) > 0;)
      for (const char* at = buffer; at < buffer + size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        if (event->mask & IN_Q_OVERFLOW) throw std::runtime_error("more files were opened than can be counted");
        if (event->len > 0 && (event->mask & IN_OPEN) && !(event->mask & IN_ISDIR)) ++out[event->name];
        at += sizeof(inotify_event) + event->len;
      }
    return out;
  }

 private:
  void watch(const std::filesystem::path& folder) const {
    // Closing is watched as well, since events that equal the one before them are not told.
    if (inotify_add_watch(events_.get(), folder.c_str(), IN_OPEN | IN_CLOSE) < 0)
      throw std::system_error(errno, std::generic_category(), "cannot watch " + folder.string());
  }

  Descriptor events_;
};

}  // namespace easel::testing
