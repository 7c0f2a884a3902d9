#include "memory/machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace easel::memory {
namespace {

namespace fs = std::filesystem;

// The number in a file; nothing where there is none ("max", or no such file).
std::optional<size_t> number_in(const fs::path& path) {
  uint64_t bytes = 0;
  if (std::ifstream file(path); file >> bytes && bytes > 0) return bytes;
  return std::nullopt;
}

// The least of a limit in the folders from `group` up to `mount`.
size_t least_on_the_way(const fs::path& mount, const std::string& group, const char* limit, size_t least) {
  // Inside of a container the group's path may be that of the host: what is mounted is then its own group.
  fs::path folder = mount / fs::path(group).relative_path();
  for (;;) {
    if (const auto bytes = number_in(folder / limit)) least = std::min(least, *bytes);
    if (folder == mount || !folder.has_relative_path()) return least;
    folder = folder.parent_path();
  }
}

bool lists(const std::string& controllers, const std::string& wanted) {
  std::istringstream parts(controllers);
  for (std::string part; std::getline(parts, part, ',');)
    if (part == wanted) return true;
  return false;
}

size_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(size) : size_t{8} << 30;
}

}  // namespace

size_t machine_memory(const fs::path& root) {
  size_t memory = physical_memory();
  const fs::path groups = root / "sys/fs/cgroup";
  // Lines of "ID:CONTROLLERS:PATH"; version 2 has the one with no controllers.
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t id_end = line.find(':'), controllers_end = line.find(':', id_end + 1);
    if (id_end == std::string::npos || controllers_end == std::string::npos) continue;
    const std::string controllers = line.substr(id_end + 1, controllers_end - id_end - 1);
    std::string path = fs::path(line.substr(controllers_end + 1)).lexically_normal().string();
    if (path.find("..") != std::string::npos) path.clear();  // the group of a namespace outside of ours
    if (controllers.empty()) {
      memory = least_on_the_way(groups, path, "memory.max", memory);
      memory = least_on_the_way(groups / "unified", path, "memory.max", memory);
    } else if (lists(controllers, "memory")) {
      memory = least_on_the_way(groups / "memory", path, "memory.limit_in_bytes", memory);
    }
  }
  // Without that file, or where it names a group that is not mounted here.
  for (const char* limit : {"memory.max", "memory/memory.limit_in_bytes"})
    if (const auto bytes = number_in(groups / limit)) memory = std::min(memory, *bytes);
  return memory;
}

}  // namespace easel::memory
