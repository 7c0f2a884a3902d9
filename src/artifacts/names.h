// Names of pictures and other files that come from outside: what they mean, and which of them may be used at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace easel::artifacts {

// Uploads and whatever workflows load; results; previews, which go after a while.
enum class Area { kInput, kOutput, kTemp };

// "input", "output", "temp"; nothing for anything else.
std::optional<Area> area_named(std::string_view name);
const char* area_name(Area area);

// A file as workflows and clients name it: "sub/a.png [output]" is "sub/a.png" in the output area.
struct Annotated {
  std::string name;
  std::optional<Area> area;
};
Annotated split_annotation(std::string_view text);

// A file name that is safe on any file system: the last part of a path, valid UTF-8 without control characters
// and without <>:"|?*, not hidden, at most 200 bytes with its extension kept. Empty when nothing is left.
std::string sanitised(std::string_view name);

// The name that a file gets when others have its own and all up to number - 1: "a (2).png" for 2, "a.png" for 0.
// Throws Error(kInvalid) from number 10000 on.
std::string name_beside(const std::string& file, int number);

// A client's name joined onto a folder, by the rules of base/files/safe_path.h; the folder itself for an empty one.
// Throws Error(kInvalid) for a name that leads outside or is none, Error(kMissing) for one that no file can have for
// clients.
std::filesystem::path safe_join(const std::filesystem::path& root, const std::string& relative);

}  // namespace easel::artifacts
