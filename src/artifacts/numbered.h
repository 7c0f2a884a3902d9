// Saved files are counted: x_00001_.png, x_00002_.png, ...
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace easel::artifacts {

// Writes `content` as PREFIX_00001_.EXTENSION, counting up from the highest number there is, also when several
// processes do that at once. `prefix` may have folders in it, which are made. Returns the subfolder and the file's
// name. Throws Error(kInvalid) when the prefix leads outside of `folder`.
std::pair<std::string, std::string> save_numbered(const std::filesystem::path& folder, const std::string& prefix,
                                                  const std::string& extension, std::string_view content);

}  // namespace easel::artifacts
