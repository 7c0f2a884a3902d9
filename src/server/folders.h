// The three folders that clients may name files in, and the rules by which they may.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace easel::server {

enum class Area { kInput, kOutput, kTemp };

// "input", "output", "temp"; nothing for anything else.
std::optional<Area> area_named(std::string_view name);
const char* area_name(Area area);

// A file as clients name it: "sub/a.png [output]" is the name "sub/a.png" in the output folder.
struct Annotated {
  std::string name;
  std::optional<Area> area;
};
Annotated split_annotation(const std::string& text);

// A file name that is safe on any file system: the last part of a path, valid UTF-8 without control characters
// and without <>:"|?*, not hidden, at most 200 bytes with its extension kept. Empty when nothing is left.
std::string sanitised(std::string_view name);

// Thread-safe, holds no state but the paths.
class Folders {
 public:
  // Creates what is missing. Throws Error(kBadFile) naming the folder when it cannot be used.
  Folders(const std::filesystem::path& input, const std::filesystem::path& output, const std::filesystem::path& temp);

  // Resolved, without symbolic links.
  const std::filesystem::path& root(Area area) const { return roots_[static_cast<size_t>(area)]; }

  // An existing ordinary file. Throws Error(kInvalid) when a part of the name is "..", absolute, or not UTF-8;
  // Error(kMissing) when there is no such file, when a part is hidden, and when a symbolic link leads out of
  // the folder.
  std::filesystem::path find(Area area, const std::string& subfolder, const std::string& name) const;

  // The folder for new files, made when missing. Throws like find().
  std::filesystem::path make_subfolder(Area area, const std::string& subfolder) const;

  // Ordinary files directly in the folder, newest first, hidden ones left out.
  std::vector<std::string> list(Area area) const;

  // Removes what is left in input and output of files that a process did not live to finish (AtomicFile's
  // temporary names). Never fails.
  void remove_leftovers() const;
  // Removes what is in the temp folder and older than `seconds`. Never fails.
  void clear_temp(double seconds = 0) const;

 private:
  std::filesystem::path roots_[3];
};

// `path` lies in `root` when both are resolved.
bool is_inside(const std::filesystem::path& path, const std::filesystem::path& root);

// Joins a relative name from outside onto a folder. Throws Error(kInvalid) when a part is "..", absolute, holds
// a backslash or control character, or is not UTF-8; Error(kMissing) when a part begins with a dot.
std::filesystem::path safe_join(const std::filesystem::path& root, const std::string& relative);

}  // namespace easel::server
