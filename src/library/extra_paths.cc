#include "library/extra_paths.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/error.h"
#include "base/files/utf8.h"

namespace easel::library {
namespace {

namespace fs = std::filesystem;

struct Line {
  size_t number = 0, indent = 0;
  std::string text;  // without indentation and line break
};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::vector<Line> split_lines(std::string_view text) {
  std::vector<Line> out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    out.push_back({number, indent, trimmed(line)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

[[noreturn]] void refuse(const Line& line, const std::string& why) {
  throw Error(Fault::kBadFile, "line " + std::to_string(line.number) + ": " + why);
}

// A comment starts at a # that begins the text or follows a space.
std::string without_comment(const std::string& text) {
  if (text.starts_with("#")) return {};
  const size_t at = text.find(" #");
  return trimmed(std::string_view(text).substr(0, at));
}

std::string unquoted(const Line& line, const std::string& text) {
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return without_comment(text);
  const size_t end = text.find(text[0], 1);
  if (end == std::string::npos) refuse(line, "a quote is not closed");
  return text.substr(1, end - 1);
}

// "key: value" or "key:"; false for anything else.
bool split_pair(const std::string& text, std::string& key, std::string& value) {
  size_t colon = text.find(':');
  while (colon != std::string::npos && colon + 1 < text.size() && text[colon + 1] != ' ')
    colon = text.find(':', colon + 1);  // "C:/models" is not a pair
  if (colon == std::string::npos || colon == 0) return false;
  key = trimmed(std::string_view(text).substr(0, colon));
  value = trimmed(std::string_view(text).substr(colon + 1));
  if (key.size() >= 2 && (key[0] == '"' || key[0] == '\'') && key.back() == key[0]) key = key.substr(1, key.size() - 2);
  return true;
}

std::string expanded(std::string path) {
  const auto variable = [](const std::string& name) -> std::string {
    const char* value = std::getenv(name.c_str());
    return value ? value : "";
  };
  if (path == "~" || path.starts_with("~/")) path = variable("HOME") + path.substr(1);
  for (size_t at = 0; (at = path.find('$', at)) != std::string::npos;) {
    const bool braced = at + 1 < path.size() && path[at + 1] == '{';
    size_t end = at + (braced ? 2 : 1);
    const size_t begin = end;
    while (end < path.size() && (std::isalnum(static_cast<unsigned char>(path[end])) || path[end] == '_')) ++end;
    const std::string value = variable(path.substr(begin, end - begin));
    if (braced && end < path.size() && path[end] == '}') ++end;
    if (end == begin) {
      ++at;
      continue;
    }
    path.replace(at, end - at, value);
    at += value.size();
  }
  return path;
}

struct Section {
  std::string base;
  bool first = false;
  std::vector<std::pair<std::string, std::string>> folders;  // kind, path as written

  void set(const Line& line, const std::string& key, const std::string& value) {
    if (key == "base_path") {
      base = value;
    } else if (key == "is_default") {
      const std::string word = lower_ascii(value);
      if (word != "true" && word != "false" && word != "yes" && word != "no")
        refuse(line, "is_default must be true or false");
      first = word == "true" || word == "yes";
    } else if (!value.empty()) {
      folders.emplace_back(key, value);
    }
  }

  void resolve(const fs::path& folder, std::vector<ExtraFolder>& out) const {
    const fs::path root = base.empty() ? folder : folder / expanded(base);  // an absolute base stays as it is
    for (const auto& [kind, path] : folders) out.push_back({kind, (root / expanded(path)).lexically_normal(), first});
  }
};

}  // namespace

std::vector<ExtraFolder> parse_extra_paths(std::string_view text, const fs::path& folder) {
  const auto lines = split_lines(text);
  std::vector<ExtraFolder> out;
  Section section;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (line.text.empty() || line.text[0] == '#' || line.text == "---") continue;
    std::string key, value;
    if (!split_pair(line.text, key, value)) refuse(line, "expected 'name: value'");
    if (line.indent == 0) {
      section.resolve(folder, out);
      section = {};
      if (!without_comment(value).empty()) refuse(line, "expected a section of indented lines after '" + key + ":'");
      continue;
    }
    const std::string marker = without_comment(value);
    if (!marker.empty() && (marker[0] == '|' || marker[0] == '>')) {
      while (i + 1 < lines.size() && (lines[i + 1].text.empty() || lines[i + 1].indent > line.indent))
        if (const auto& item = lines[++i]; !item.text.empty() && item.text[0] != '#') section.set(item, key, item.text);
    } else if (marker.empty()) {
      // A list of "- path" items.
      while (i + 1 < lines.size() && (lines[i + 1].text.empty() || lines[i + 1].text.starts_with("- ")))
        if (const auto& item = lines[++i]; !item.text.empty())
          section.set(item, key, unquoted(item, trimmed(std::string_view(item.text).substr(2))));
    } else {
      section.set(line, key, unquoted(line, value));
    }
  }
  section.resolve(folder, out);
  return out;
}

}  // namespace easel::library
