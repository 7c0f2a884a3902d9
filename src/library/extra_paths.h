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
  bool first = false;  // is_default: looked in before others
};

// Reads the part of YAML such files use: sections of "key: value" lines, values plain, quoted, or blocks of lines
// after '|' or '>'; comments. Relative folders are taken from base_path, which is taken from the file's own folder;
// "~" and "$NAME" are replaced. Throws Error(kBadFile) naming the line.
std::vector<ExtraFolder> parse_extra_paths(std::string_view text, const std::filesystem::path& folder);

}  // namespace easel::library
