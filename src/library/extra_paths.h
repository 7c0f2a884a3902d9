// extra_model_paths.yaml: more places to look for model files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace easel::library {

struct ExtraFolder {
  std::string kind;
  std::filesystem::path folder;
  bool first = false;  // is_default: searched before the others
};

// Reads the subset of YAML that such files use: sections of "key: value" lines, whose values are plain, quoted, or
// blocks after '|' or '>', and comments. Relative folders are relative to base_path, which is relative to the folder of
// the file;
// "~" and "$NAME" are replaced. Throws Error(kBadFile) that names the line.
std::vector<ExtraFolder> parse_extra_paths(std::string_view text, const std::filesystem::path& folder);

}  // namespace easel::library
