// Styles of texts, as sdxl_prompt_styler's files keep them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "library/folders.h"

namespace easel::nodes {

inline constexpr const char* kStyleFolder = "styles";

struct PromptStyle {
  std::string name;
  std::string prompt;    // {prompt} stands for the text
  std::string negative;  // comes before the negative text
};

// The styles of a file: a JSON list of objects with name, prompt and negative_prompt. Throws Error(kBadFile) that
// names `file` and what is wrong with it.
std::vector<PromptStyle> parse_styles(std::string_view json, const std::string& file);

// The styles of all files directly in the folder, in the order of the names of the files. Of those of one name, all but
// the first get _1, _2, ... "base", which changes nothing, is there without a file. A file that is none of styles is
// left out, as in the original; `left_out` gets a sentence about it.
std::vector<PromptStyle> read_styles(const library::Folders& folders, std::vector<std::string>& left_out);

struct StyledTexts {
  std::string positive, negative;
};
StyledTexts styled(const PromptStyle& style, const std::string& positive, const std::string& negative);

// For SDXL's two encoders: what stands before " . " in a style is for the greater one (g), what is behind it for the
// smaller one (l).
struct StyledPair {
  std::string g, l;
  std::string both;  // parts between commas that both have stand once
  std::string negative;
};
// `copy`: l has what g has as well, unless the style's part for l takes the text itself.
StyledPair styled_pair(const PromptStyle& style, const std::string& g, const std::string& l,
                       const std::string& negative, bool copy);

}  // namespace easel::nodes
