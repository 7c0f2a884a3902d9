#include "artifacts/numbered.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/safe_path.h"

namespace easel::artifacts {
namespace fs = std::filesystem;
namespace {

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(Fault::kMissing, "cannot make the folder: " + error.message()).in_file(folder.string());
}

// The highest number in use by NAME_NUMBER_... files of a folder.
int64_t last_number(const fs::path& folder, const std::string& name) {
  int64_t last = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; it != end && !error; it.increment(error)) {
    const std::string file = it->path().filename().string();
    if (file.size() <= name.size() || !file.starts_with(name) || file[name.size()] != '_') continue;
    int64_t number = 0;
    size_t digits = 0;
    for (size_t i = name.size() + 1; i < file.size() && file[i] >= '0' && file[i] <= '9' && digits < 15; ++i, ++digits)
      number = number * 10 + (file[i] - '0');
    last = std::max(last, number);
  }
  return last;
}

}  // namespace

std::pair<std::string, std::string> save_numbered(const fs::path& folder, const std::string& prefix,
                                                  const std::string& extension, std::string_view content) {
  std::string normal = fs::path(prefix).lexically_normal().generic_string();
  while (normal.ends_with('/')) normal.pop_back();
  const std::string name = fs::path(normal).filename().string(), subfolder = fs::path(normal).parent_path().string();
  make_folder(folder);
  const auto target = subfolder.empty() ? fs::path(folder) : resolve_inside(folder, subfolder).value_or(fs::path());
  if (target.empty() || name.empty() || name == ".." || name == "." || name.find('\0') != std::string::npos)
    throw Error(Fault::kInvalid, "the file name prefix '" + prefix + "' leads outside of the output folder");
  make_folder(target);
  for (int64_t number = last_number(target, name) + 1;; ++number) {
    char counter[32];
    snprintf(counter, sizeof counter, "_%05" PRId64 "_.", number);
    const std::string file = name + counter + extension;
    AtomicFile out(target / file);
    out.write(content);
    if (out.commit_new()) return {subfolder, file};
  }
}

}  // namespace easel::artifacts
