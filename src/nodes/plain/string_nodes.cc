// Nodes that work on texts. Lengths and positions count characters, as in Python.
#include <algorithm>

#include "formats/utf8.h"
#include "node_api/table.h"
#include "text/unicode.h"

namespace easel::nodes {
namespace {

using text::CodePoints;

std::string as_text(const CodePoints& characters) {
  std::string out;
  for (const int32_t c : characters) formats::append_utf8(out, static_cast<uint32_t>(c));
  return out;
}

// The text in lower case, unless the comparison is case-sensitive.
CodePoints to_compare(const std::string& text, bool case_sensitive) {
  const CodePoints characters = text::decode_utf8(text);
  return case_sensitive ? characters : text::lower_case(characters);
}

// These nodes run before anything is computed, and chains of them can multiply a text; this limits its size.
constexpr size_t kMostText = size_t{16} << 20;

void require_length(size_t bytes) {
  if (bytes > kMostText)
    throw Error(Fault::kMemory, "makes a text of more than " + std::to_string(kMostText >> 20) + " MiB");
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
  return {as_text({all.begin() + start, all.begin() + end})};
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
  return {as_text(begin < end ? CodePoints(begin, end) : CodePoints())};
}

struct Replace {
  std::string string, find, replace;
};

Results<std::string> replace(const Replace& in) {
  std::string out;
  if (in.find.empty()) {  // inserted before each character and at the end
    out = in.replace;
    require_length((in.replace.size() + 1) * (in.string.size() + 1));
    for (const int32_t c : text::decode_utf8(in.string)) {
      formats::append_utf8(out, static_cast<uint32_t>(c));
      out += in.replace;
    }
  } else {
    size_t at = 0;
    for (size_t next; (next = in.string.find(in.find, at)) != std::string::npos; at = next + in.find.size()) {
      out.append(in.string, at, next - at).append(in.replace);
      require_length(out.size());
    }
    out.append(in.string, at);
  }
  return {std::move(out)};
}

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
}

}  // namespace easel::nodes
