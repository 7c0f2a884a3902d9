#include "artifacts/names.h"

#include <algorithm>

#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/files/utf8.h"

namespace easel::artifacts {
namespace fs = std::filesystem;
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

std::optional<Area> area_named(std::string_view name) {
  if (name == "input") return Area::kInput;
  if (name == "output") return Area::kOutput;
  if (name == "temp") return Area::kTemp;
  return std::nullopt;
}

const char* area_name(Area area) { return area == Area::kInput ? "input" : area == Area::kOutput ? "output" : "temp"; }

Annotated split_annotation(std::string_view text) {
  for (const Area area : {Area::kInput, Area::kOutput, Area::kTemp}) {
    const std::string mark = std::string("[") + area_name(area) + "]";
    if (!text.ends_with(mark)) continue;
    text.remove_suffix(mark.size());
    while (text.ends_with(' ')) text.remove_suffix(1);
    return {std::string(text), area};
  }
  return {std::string(text), std::nullopt};
}

std::string sanitised(std::string_view name) {
  if (const size_t slash = name.find_last_of("/\\"); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string out;
  while (!name.empty()) {
    const size_t n = utf8_length(name);
    const bool bad =
        n == 0 ||
        (n == 1 && (is_control(name[0]) || std::string_view("<>:\"|?*").find(name[0]) != std::string_view::npos));
    if (bad) out += '_';
    else out += name.substr(0, n);
    name.remove_prefix(std::max<size_t>(n, 1));
  }
  const size_t begin = out.find_first_not_of(". ");
  if (begin == std::string::npos) return {};
  out.erase(0, begin);
  out.erase(out.find_last_not_of(". ") + 1);
  constexpr size_t kLongest = 200;
  if (out.size() > kLongest) {
    size_t dot = out.rfind('.');
    if (dot == std::string::npos || out.size() - dot > 16) dot = out.size();
    const std::string extension = out.substr(dot);
    size_t keep = kLongest - extension.size();
    while (keep > 0 && (static_cast<unsigned char>(out[keep]) & 0xC0) == 0x80) --keep;
    out = out.substr(0, keep) + extension;
  }
  return out;
}

std::string name_beside(const std::string& file, int number) {
  constexpr int kMost = 10000;
  if (number >= kMost) throw Error(Fault::kInvalid, "too many files are called '" + file + "'");
  if (number == 0) return file;
  const fs::path path(file);
  return path.stem().string() + " (" + std::to_string(number) + ")" + path.extension().string();
}

fs::path safe_join(const fs::path& root, const std::string& relative) {
  if (relative.empty()) return root;
  switch (check_name(relative, NameFrom::kClient)) {
    case NameFault::kNone: break;
    case NameFault::kUnusable: throw Error(Fault::kInvalid, "not a usable file name");
    case NameFault::kLeaves: throw Error(Fault::kInvalid, "a file name may not lead out of its folder, as '..' does");
    case NameFault::kNoFile: throw Error(Fault::kMissing, "there is no such file");
  }
  return *join_inside(root, relative, NameFrom::kClient);
}

}  // namespace easel::artifacts
