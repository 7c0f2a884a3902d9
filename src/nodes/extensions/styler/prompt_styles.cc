#include "nodes/extensions/styler/prompt_styles.h"

#include <map>
#include <set>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/utf8.h"
#include "nodes/common/python/python_values.h"
#include "workflow/json.h"

namespace easel::nodes {
namespace {

using workflow::Json;

constexpr size_t kMostBytes = 16u << 20;  // of one file; the published ones have less than 0.1 MB
constexpr std::string_view kPlace = "{prompt}";
constexpr std::string_view kSpaces = " \t\r\n\f\v";

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpaces) - first + 1));
}

std::string filled(const std::string& form, const std::string& text) {
  return replaced(form, std::string(kPlace), text);
}

std::string joined(const std::string& first, const std::string& second) {
  if (first.empty() || second.empty()) return first + second;
  return first + ", " + second;
}

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t from = 0;;) {
    const size_t comma = text.find(',', from);
    out.push_back(trimmed(std::string_view(text).substr(from, comma - from)));
    if (comma == std::string::npos) return out;
    from = comma + 1;
  }
}

// The parts of both texts; each part of the first takes one equal part out of the second.
std::string merged(const std::string& first, const std::string& second) {
  if (first.empty() || second.empty()) return first + second;
  std::vector<std::string> all = parts_of(first);
  std::map<std::string, size_t> taken;
  for (const std::string& part : all) ++taken[part];
  for (std::string& part : parts_of(second)) {
    const auto same = taken.find(part);
    if (same != taken.end() && same->second > 0) --same->second;
    else all.push_back(std::move(part));
  }
  return nodes::joined(all, ", ");
}

Error bad(const std::string& file, const std::string& why) {
  return Error(Fault::kBadFile, why)
      .in_file(file)
      .fix("A file of styles is a JSON list of objects with the texts name, prompt and negative_prompt");
}

}  // namespace

std::vector<PromptStyle> parse_styles(std::string_view json, const std::string& file) {
  Json list;
  try {
    if (!is_utf8(json)) throw Error(Fault::kInvalid, "it is not UTF-8");
    list = workflow::parse_json(json);
  } catch (const Error& e) {
    throw bad(file, "the styles cannot be read: " + e.message());
  }
  if (!list.is_array()) throw bad(file, "the styles are not in a list");
  std::vector<PromptStyle> out;
  for (const Json& item : list) {
    const auto text = [&](const char* key) {
      const auto it = item.is_object() ? item.find(key) : item.end();
      if (it == item.end() || !it->is_string())
        throw bad(file, "style " + std::to_string(out.size() + 1) + " has no text '" + key + "'");
      return it->get<std::string>();
    };
    out.push_back({text("name"), text("prompt"), text("negative_prompt")});
  }
  return out;
}

std::vector<PromptStyle> read_styles(const library::Folders& folders, std::vector<std::string>& left_out) {
  std::vector<PromptStyle> out;
  std::set<std::string> names;
  std::map<std::string, int> times;  // that a name came before
  for (const std::string& file : folders.list(kStyleFolder)) {
    if (file.find('/') != std::string::npos) continue;
    std::vector<PromptStyle> styles;
    try {
      styles = parse_styles(read_file(folders.find(kStyleFolder, file), kMostBytes), file);
    } catch (const Error& e) {
      if (e.fault() == Fault::kCancelled || e.fault() == Fault::kInternal) throw;
      left_out.push_back("the styles of '" + file + "' are left out: " + e.message());
    }
    for (PromptStyle& style : styles) {
      std::string name = style.name;
      int& again = times[style.name];
      while (!names.insert(name).second) name = style.name + "_" + std::to_string(++again);
      style.name = std::move(name);
      out.push_back(std::move(style));
    }
  }
  if (!names.contains("base")) out.insert(out.begin(), {"base", std::string(kPlace), ""});
  return out;
}

StyledTexts styled(const PromptStyle& style, const std::string& positive, const std::string& negative) {
  return {filled(style.prompt, positive), joined(style.negative, negative)};
}

StyledPair styled_pair(const PromptStyle& style, const std::string& g, const std::string& l,
                       const std::string& negative, bool copy) {
  constexpr std::string_view kBetween = " . ";
  std::string form_g = style.prompt, form_l;
  if (const size_t at = style.prompt.find(kBetween); at != std::string::npos) {
    form_g = trimmed(std::string_view(style.prompt).substr(0, at));
    form_l = trimmed(std::string_view(style.prompt).substr(at + kBetween.size()));
  }
  // A part for l that the text leaves empty still sets its comma.
  const std::string frame_l = filled(form_l, g);
  std::string for_l = form_l.empty() || l.empty() ? joined(frame_l, l) : frame_l + ", " + l;
  StyledPair out{filled(form_g, g), std::move(for_l), {}, joined(style.negative, negative)};
  if (copy && !g.empty() && form_l.find(kPlace) == std::string::npos) out.l = merged(out.g, out.l);
  out.both = merged(out.g, out.l);
  return out;
}

}  // namespace easel::nodes
