// Which file it is, and which version of it.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace easel {

// What is computed or packed from a file is used again while this is the same. Equal versions mean the same bytes under
// whatever path; both are empty for no file.
struct FileVersion {
  std::string path;     // absolute
  std::string version;  // device, inode, size and time of change

  explicit operator bool() const { return !version.empty(); }
  bool operator==(const FileVersion&) const = default;
};

// Of the file as it is now; empty when there is none.
FileVersion file_version(const std::filesystem::path& path);
// Of a file that was opened under that path.
FileVersion file_version(const std::filesystem::path& path, const struct stat& info);

}  // namespace easel
