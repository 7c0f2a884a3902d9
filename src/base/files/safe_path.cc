#include "base/files/safe_path.h"

#include <algorithm>
#include <string>

#include "base/files/utf8.h"

namespace easel {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestName = 1024, kLongestPart = 255;

// Calls fn with each part between slashes that is neither empty nor ".".
template <class Fn>
void each_part(std::string_view name, const Fn& fn) {
  while (!name.empty()) {
    const size_t end = std::min(name.find('/'), name.size());
    if (const std::string_view part = name.substr(0, end); !part.empty() && part != ".") fn(part);
    name.remove_prefix(std::min(end + 1, name.size()));
  }
}

// Marks that change the direction of the text around them (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069):
// a name that contains one is displayed differently from what it is.
bool is_direction_mark(std::string_view character) {
  if (character == "\xD8\x9C") return true;
  if (character.size() != 3 || character[0] != '\xE2') return false;
  const auto middle = static_cast<unsigned char>(character[1]), last = static_cast<unsigned char>(character[2]);
  if (middle == 0x80) return last == 0x8E || last == 0x8F || (last >= 0xAA && last <= 0xAE);
  return middle == 0x81 && last >= 0xA6 && last <= 0xA9;
}

bool is_text(std::string_view name, NameFrom from) {
  while (!name.empty()) {
    const size_t n = utf8_length(name);
    const auto c = static_cast<unsigned char>(name[0]);
    if (n == 0 || c == 0) return false;
    if (from == NameFrom::kClient && (c < 0x20 || c == 0x7F || c == '\\' || is_direction_mark(name.substr(0, n))))
      return false;
    name.remove_prefix(n);
  }
  return true;
}

bool has_drive_letter(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return name.size() > 2 && letter(name[0]) && name[1] == ':' && (name[2] == '/' || name[2] == '\\');
}

}  // namespace

NameFault check_name(std::string_view name, NameFrom from) {
  if (name.empty() || name.size() > kLongestName || !is_text(name, from)) return NameFault::kUnusable;
  if (name[0] == '/' || has_drive_letter(name)) return NameFault::kLeaves;
  bool leaves = false, hidden = false, long_part = false;
  each_part(name, [&](std::string_view part) {
    leaves = leaves || part == "..";
    hidden = hidden || part[0] == '.';
    long_part = long_part || part.size() > kLongestPart;
  });
  if (leaves) return NameFault::kLeaves;
  return long_part || (hidden && from == NameFrom::kClient) ? NameFault::kNoFile : NameFault::kNone;
}

std::optional<fs::path> join_inside(const fs::path& folder, std::string_view name, NameFrom from) {
  if (check_name(name, from) != NameFault::kNone) return std::nullopt;
  fs::path out = folder;
  each_part(name, [&](std::string_view part) { out /= std::string(part); });
  return out;
}

std::optional<fs::path> resolve_inside(const fs::path& folder, std::string_view name, NameFrom from) {
  std::error_code error;
  const fs::path root = fs::weakly_canonical(folder, error);
  if (error) return std::nullopt;
  const auto joined = join_inside(root, name, from);
  if (!joined) return std::nullopt;
  fs::path path = fs::weakly_canonical(*joined, error);
  if (error || !lies_inside(path, root)) return std::nullopt;
  return path;
}

bool lies_inside(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  if (error) return false;
  const fs::path root = fs::weakly_canonical(folder, error);
  if (error) return false;
  return std::mismatch(root.begin(), root.end(), real.begin(), real.end()).first == root.end();
}

}  // namespace easel
