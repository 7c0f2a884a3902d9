#include "base/files/file_version.h"

namespace easel {

FileVersion file_version(const std::filesystem::path& path, const struct stat& info) {
  std::error_code ignored;
  return {std::filesystem::absolute(path, ignored).lexically_normal().string(),
          std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
              std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec)};
}

FileVersion file_version(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return file_version(path, info);
}

}  // namespace easel
