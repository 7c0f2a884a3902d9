// The settings that clients keep with the server.
#pragma once

#include <filesystem>
#include <string>

#include "base/mutex.h"
#include "workflow/json.h"

namespace easel::server {

// One JSON file, rewritten as a whole. Two requests that change it at one time must not lose either.
class Settings {
 public:
  explicit Settings(std::filesystem::path file) : file_(std::move(file)) {}
  // An object. A damaged file is kept beside it for its owner, who may mend it, and the settings begin anew. Throws
  // what read_file() throws: what cannot be read now is not written over.
  workflow::Json read();
  // Replaces the values of the object's keys. Throws Error(kInvalid) for anything but an object, and when what would be
  // kept is more than 4000 settings or 4 MiB, or too deep to be read again.
  void merge(const workflow::Json& values);

 private:
  workflow::Json load() const EASEL_REQUIRES(mutex_);
  void set_aside(const std::string& why) const EASEL_REQUIRES(mutex_);

  mutable Mutex mutex_;
  const std::filesystem::path file_ EASEL_GUARDED_BY(mutex_);  // for the sake of what is in it
};

}  // namespace easel::server
