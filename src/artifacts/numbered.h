// Saved files are counted: x_00001_.png, x_00002_.png, ...
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace easel::artifacts {

// A prefix as it is used: folders ("a/b", or empty) and the beginning of the name. "a/./b//c" is "a/b" and "c", a
// backslash separates folders as a slash does. Throws Error(kInvalid), saying why, for one that is empty, absolute,
// leads out of its folder, is hidden or in something hidden, is longer than a file's name with its number may be, is
// not UTF-8, or has control characters or marks in it that turn the direction of writing: no client could ask for the
// file.
std::pair<std::string, std::string> split_prefix(const std::string& prefix);

// The folder that files of such a prefix are written to, whether or not it is there. Throws as split_prefix() does, and
// when a link leads outside of `folder` or a file is where a folder should be.
std::filesystem::path folder_of_prefix(const std::filesystem::path& folder, const std::string& prefix);

// STEM_00001_.EXTENSION
std::string numbered_name(const std::string& stem, int64_t number, const std::string& extension);

// Writes what `content` gives to `take`, each time that it is called, as PREFIX_00001_.EXTENSION, counting up from the
// highest number there is, also when several processes do that at once. `prefix` may have folders in it, which are
// made. Returns the subfolder and the file's name. Throws as folder_of_prefix() does.
std::pair<std::string, std::string> save_numbered(
    const std::filesystem::path& folder, const std::string& prefix, const std::string& extension,
    const std::function<void(const std::function<void(std::string_view)>& take)>& content);

}  // namespace easel::artifacts
