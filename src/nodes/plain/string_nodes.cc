// Nodes that work on texts. Lengths and positions count characters, as in Python.
#include <algorithm>

#include "node_api/table.h"
#include "nodes/common/python/python_values.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace easel::nodes {
namespace {

using text::CodePoints;

// The text in lower case, unless the comparison is case-sensitive.
CodePoints to_compare(const std::string& text, bool case_sensitive) {
  const CodePoints characters = text::decode_utf8(text);
  return case_sensitive ? characters : text::lower_case(characters);
}

struct Concatenate {
  std::string string_a, string_b, delimiter;
};

Results<std::string> concatenate(const Concatenate& in) {
  require_length(in.string_a.size() + in.delimiter.size() + in.string_b.size());
  return {in.string_a + in.delimiter + in.string_b};
}

struct Substring {
  std::string string;
  int64_t start = 0, end = 0;
};

Results<std::string> substring(const Substring& in) {
  const CodePoints all = text::decode_utf8(in.string);
  const auto length = static_cast<int64_t>(all.size());
  // Negative positions count from the end.
  const auto place = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? std::max(at, -length) + length : at, 0, length);
  };
  const int64_t start = place(in.start), end = std::max(start, place(in.end));
  return {text::part_of(all, static_cast<size_t>(start), static_cast<size_t>(end))};
}

struct Length {
  std::string string;
};

Results<int64_t> length(const Length& in) { return {static_cast<int64_t>(text::decode_utf8(in.string).size())}; }

struct Trim {
  std::string string, mode;
};

Results<std::string> trim(const Trim& in) {
  const CodePoints all = text::decode_utf8(in.string);
  const auto is_text = [](int32_t c) {
    // Python also counts four separators as white space that Unicode does not.
    return text::char_class(c) != text::CharClass::kSpace && !(c >= 0x1C && c <= 0x1F);
  };
  const auto begin = in.mode == "Right" ? all.begin() : std::find_if(all.begin(), all.end(), is_text);
  const auto end = in.mode == "Left" ? all.end() : std::find_if(all.rbegin(), all.rend(), is_text).base();
  if (begin >= end) return {std::string()};
  return {text::part_of(all, static_cast<size_t>(begin - all.begin()), static_cast<size_t>(end - all.begin()))};
}

struct Case {
  enum class Mode { kUpper, kLower, kFirst, kWords };
  std::string string;
  Mode mode = Mode::kUpper;
};

Results<std::string> in_case(const Case& in) {
  require_length(in.string.size());
  const CodePoints all = text::decode_utf8(in.string);
  const CodePoints out =
      in.mode == Case::Mode::kUpper ? text::upper_case(all)
      : in.mode == Case::Mode::kLower
          ? text::lower_case(all)
          : text::title_case(all, in.mode == Case::Mode::kFirst ? text::Titled::kFirst : text::Titled::kWords);
  return {text::part_of(out, 0, out.size())};
}

struct Replace {
  std::string string, find, replace;
};

Results<std::string> replace(const Replace& in) { return {replaced(in.string, in.find, in.replace)}; }

struct Contains {
  std::string string, substring;
  bool case_sensitive = true;
};

Results<bool> contains(const Contains& in) {
  const CodePoints all = to_compare(in.string, in.case_sensitive), part = to_compare(in.substring, in.case_sensitive);
  return {part.empty() || std::search(all.begin(), all.end(), part.begin(), part.end()) != all.end()};
}

struct Compare {
  std::string string_a, string_b, mode;
  bool case_sensitive = true;
};

Results<bool> compare(const Compare& in) {
  const CodePoints a = to_compare(in.string_a, in.case_sensitive), b = to_compare(in.string_b, in.case_sensitive);
  if (in.mode == "Equal") return {a == b};
  if (b.size() > a.size()) return {false};
  return {in.mode == "Starts With" ? std::equal(b.begin(), b.end(), a.begin())
                                   : std::equal(b.rbegin(), b.rend(), a.rbegin())};
}

// --- Regular expressions ---

struct Pattern {
  std::string string, regex_pattern;
  bool case_insensitive = true, multiline = false, dotall = false;
};
struct Extract : Pattern {
  std::string mode;
  int64_t group_index = 1;
};
struct ReplaceMatches : Pattern {
  std::string replace;
  int64_t count = 0;
};

text::Regex compiled(const Pattern& in) {
  try {
    return text::Regex(in.regex_pattern, {in.case_insensitive, in.multiline, in.dotall});
  } catch (Error& e) {
    throw e.at_input("regex_pattern");
  }
}

std::string group_of(const text::Regex::Match& match, size_t number, const CodePoints& in) {
  const auto& group = match.groups[number];
  return group ? text::part_of(in, group->first, group->second) : std::string();
}

// Several matches stand one a line. "All Matches" gives the first group where there is one, as re.findall does.
Results<std::string> extract(const Extract& in) {
  const text::Regex regex = compiled(in);
  const CodePoints all = text::decode_utf8(in.string);
  const auto index = static_cast<size_t>(in.group_index);
  const bool groups = in.mode == "First Group" || in.mode == "All Groups";
  if (groups && regex.groups() < index) return {std::string()};
  const size_t number = groups ? index : in.mode == "All Matches" && regex.groups() > 0 ? 1 : 0;
  if (in.mode.starts_with("First")) {
    const auto match = regex.search(all);
    return {match ? group_of(*match, number, all) : std::string()};
  }
  if (groups && regex.groups() == 0) return {std::string()};
  std::vector<std::string> lines;
  for (const text::Regex::Match& match : regex.find_all(all)) lines.push_back(group_of(match, number, all));
  return {joined(lines)};
}

Results<std::string> replace_matches(const ReplaceMatches& in) {
  return {compiled(in).replace(text::decode_utf8(in.string), in.replace, static_cast<size_t>(in.count)).first};
}

// Their outputs may be linked to a prompt.
template <class P>
Input<P> long_text(const char* name, std::string P::*member) {
  return Text(name, member).multiline().names_embeddings();
}

template <class P>
void add(Table& table, const char* name, const char* display, const char* description, Inputs<P> inputs, Run<P> run,
         std::string output = {}) {
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = "utils/string",
                      .description = description,
                      .inputs = std::move(inputs),
                      .outputs = {{std::move(output)}},
                      .runs_when_checked = true,
                      .run = std::move(run)});
}

}  // namespace

void register_string_nodes(Table& table) {
  constexpr int64_t kFar = int64_t{1} << 62;
  add<Concatenate>(table, "StringConcatenate", "Concatenate", "Joins two texts.",
                   {long_text("string_a", &Concatenate::string_a), long_text("string_b", &Concatenate::string_b),
                    Text("delimiter", &Concatenate::delimiter).names_embeddings().added_later()},
                   concatenate);
  add<Substring>(table, "StringSubstring", "Substring", "A part of a text; negative places count from its end.",
                 {long_text("string", &Substring::string), Int("start", &Substring::start).range(-kFar, kFar),
                  Int("end", &Substring::end).range(-kFar, kFar)},
                 substring);
  add<Length>(table, "StringLength", "Length", "How many characters a text has.",
              {long_text("string", &Length::string)}, length, "length");
  add<Trim>(table, "StringTrim", "Trim", "Takes white space away.",
            {long_text("string", &Trim::string), Choice("mode", &Trim::mode, {"Both", "Left", "Right"})}, trim);
  add<Case>(table, "CaseConverter", "Case Converter", "A text in capital or small letters.",
            {long_text("string", &Case::string), Choice("mode", &Case::mode,
                                                        {{"UPPERCASE", Case::Mode::kUpper},
                                                         {"lowercase", Case::Mode::kLower},
                                                         {"Capitalize", Case::Mode::kFirst},
                                                         {"Title Case", Case::Mode::kWords}})},
            in_case);
  add<Replace>(table, "StringReplace", "Replace", "Puts one text in place of another, wherever it stands.",
               {long_text("string", &Replace::string), long_text("find", &Replace::find),
                long_text("replace", &Replace::replace)},
               replace);
  add<Contains>(table, "StringContains", "Contains", "Whether a text has another in it.",
                {long_text("string", &Contains::string), long_text("substring", &Contains::substring),
                 Bool("case_sensitive", &Contains::case_sensitive)},
                contains, "contains");
  add<Compare>(table, "StringCompare", "Compare", "Whether two texts are equal, or one begins or ends with the other.",
               {long_text("string_a", &Compare::string_a), long_text("string_b", &Compare::string_b),
                Choice("mode", &Compare::mode, {"Starts With", "Ends With", "Equal"}),
                Bool("case_sensitive", &Compare::case_sensitive)},
               compare);
  const auto flag = [](const char* name, bool Pattern::*member) { return Bool(name, member); };
  add<Pattern>(
      table, "RegexMatch", "Regex Match", "Whether a regular expression is found in a text.",
      {long_text("string", &Pattern::string), long_text("regex_pattern", &Pattern::regex_pattern),
       flag("case_insensitive", &Pattern::case_insensitive), flag("multiline", &Pattern::multiline),
       flag("dotall", &Pattern::dotall)},
      [](const Pattern& in) -> Results<bool> {
        return {compiled(in).search(text::decode_utf8(in.string)).has_value()};
      },
      "matches");
  add<Extract>(table, "RegexExtract", "Regex Extract", "What a regular expression finds in a text.",
               {long_text("string", &Pattern::string), long_text("regex_pattern", &Pattern::regex_pattern),
                Choice("mode", &Extract::mode, {"First Match", "All Matches", "First Group", "All Groups"}),
                flag("case_insensitive", &Pattern::case_insensitive), flag("multiline", &Pattern::multiline),
                flag("dotall", &Pattern::dotall), Int("group_index", &Extract::group_index).range(0, 100)},
               extract);
  add<ReplaceMatches>(
      table, "RegexReplace", "Regex Replace", "Puts a text in place of what a regular expression finds.",
      {long_text("string", &Pattern::string), long_text("regex_pattern", &Pattern::regex_pattern),
       long_text("replace", &ReplaceMatches::replace), flag("case_insensitive", &Pattern::case_insensitive).optional(),
       flag("multiline", &Pattern::multiline).optional(), flag("dotall", &Pattern::dotall).optional(),
       Int("count", &ReplaceMatches::count).range(0, 100).optional()},
      replace_matches);
}

}  // namespace easel::nodes
