// Which file it is, and which version of it.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace easel {

// Identifies the contents of a file: results computed or packed from it are reused as long as it is the same. Equal
// versions mean the same bytes, whatever the path; path and version are empty if there is no file.
struct FileVersion {
  std::string path;     // absolute
  std::string version;  // device, inode, size and time of change

  explicit operator bool() const { return !version.empty(); }
  bool operator==(const FileVersion&) const = default;
};

// The current version of a file; empty if there is none.
FileVersion file_version(const std::filesystem::path& path);
// The version of a file that was opened under this path.
FileVersion file_version(const std::filesystem::path& path, const struct stat& info);

}  // namespace easel
