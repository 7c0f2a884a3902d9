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

// A number and an extension follow, and while a file is written its name is longer by a process and a count.
constexpr size_t kLongestName = 200, kLongestPrefix = 900;

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

std::pair<std::string, std::string> split_prefix(const std::string& prefix) {
  const auto wrong = [](const std::string& what) {
    return Error(Fault::kInvalid, "the file name prefix " + what)
        .fix("Take a name such as \"portrait\" or \"2024/portrait\", below the output folder");
  };
  std::string slashed = prefix;  // workflows saved on Windows separate folders with a backslash
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  if (slashed.find('\0') != std::string::npos) throw wrong("has a NUL in it");
  std::string normal = fs::path(slashed).lexically_normal().generic_string();
  while (normal.ends_with('/') && normal.size() > 1) normal.pop_back();
  if (normal.empty() || normal == ".") throw wrong("is empty");
  if (normal.size() > kLongestPrefix) throw wrong("is longer than " + std::to_string(kLongestPrefix) + " bytes");
  switch (check_name(normal, NameFrom::kClient)) {
    case NameFault::kNone: break;
    case NameFault::kUnusable:
      throw wrong("is no usable name: not UTF-8, or with control characters or direction marks in it");
    case NameFault::kLeaves: throw wrong("'" + prefix + "' leads outside of the output folder");
    case NameFault::kNoFile: throw wrong("names a file or folder that is hidden, or whose name is too long");
  }
  const fs::path path(normal);
  std::string name = path.filename().string();
  if (name.size() > kLongestName)
    throw wrong("is too long: the name without its folders may have " + std::to_string(kLongestName) + " bytes");
  return {path.parent_path().string(), std::move(name)};
}

fs::path folder_of_prefix(const fs::path& folder, const std::string& prefix) {
  const std::string subfolder = split_prefix(prefix).first;
  if (subfolder.empty()) return folder;
  const auto target = resolve_inside(folder, subfolder);
  if (!target)
    throw Error(Fault::kInvalid, "the file name prefix '" + prefix + "' leads outside of the output folder by a link");
  std::error_code ignored;
  for (fs::path part = *target; part.has_relative_path(); part = part.parent_path()) {
    if (!fs::exists(part, ignored)) continue;
    if (!fs::is_directory(part, ignored))
      throw Error(Fault::kInvalid, "the file name prefix '" + prefix + "' needs a folder where there is a file")
          .in_file(part.string());
    break;
  }
  return *target;
}

std::string numbered_name(const std::string& stem, int64_t number, const std::string& extension) {
  char counter[32];
  snprintf(counter, sizeof counter, "_%05" PRId64 "_.", number);
  return stem + counter + extension;
}

std::pair<std::string, std::string> save_numbered(
    const fs::path& folder, const std::string& prefix, const std::string& extension,
    const std::function<void(const std::function<void(std::string_view)>& take)>& content) {
  const auto [subfolder, name] = split_prefix(prefix);
  make_folder(folder);
  const fs::path target = folder_of_prefix(folder, prefix);
  make_folder(target);
  for (int64_t number = last_number(target, name) + 1;; ++number) {
    const std::string file = numbered_name(name, number, extension);
    AtomicFile out(target / file);
    content([&](std::string_view piece) { out.write(piece); });
    if (out.commit_new()) return {subfolder, file};
  }
}

}  // namespace easel::artifacts
