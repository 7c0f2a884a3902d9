// Texts put together and asked about. Lengths and places count characters, as Python's do.
#include <algorithm>

#include "formats/utf8.h"
#include "node_api/table.h"
#include "text/unicode.h"

namespace easel::nodes {
namespace {

using text::CodePoints;

CodePoints characters(const Call& call, const char* input) { return text::decode_utf8(call.text(input)); }

Value text_value(const CodePoints& characters) {
  std::string out;
  for (const int32_t c : characters) formats::append_utf8(out, static_cast<uint32_t>(c));
  return Value("STRING", std::move(out));
}

// Both inputs, in lower case where case does not matter.
std::pair<CodePoints, CodePoints> to_compare(const Call& call, const char* first, const char* second) {
  CodePoints a = characters(call, first), b = characters(call, second);
  if (!call.flag("case_sensitive")) a = text::lower_case(a), b = text::lower_case(b);
  return {std::move(a), std::move(b)};
}

Outputs substring(Call& call) {
  const CodePoints all = characters(call, "string");
  const auto length = static_cast<int64_t>(all.size());
  // Negative places count from the end.
  const auto place = [&](const char* input) {
    const int64_t at = call.integer(input);
    return std::clamp<int64_t>(at < 0 ? std::max(at, -length) + length : at, 0, length);
  };
  const int64_t start = place("start"), end = std::max(start, place("end"));
  return {text_value({all.begin() + start, all.begin() + end})};
}

Outputs trim(Call& call) {
  const CodePoints all = characters(call, "string");
  const std::string& mode = call.text("mode");
  const auto is_text = [](int32_t c) {
    // Python's white space has four separators that Unicode's has not.
    return text::char_class(c) != text::CharClass::kSpace && !(c >= 0x1C && c <= 0x1F);
  };
  const auto begin = mode == "Right" ? all.begin() : std::find_if(all.begin(), all.end(), is_text);
  const auto end = mode == "Left" ? all.end() : std::find_if(all.rbegin(), all.rend(), is_text).base();
  return {text_value(begin < end ? CodePoints(begin, end) : CodePoints())};
}

Outputs replace(Call& call) {
  const std::string &all = call.text("string"), &find = call.text("find"), &with = call.text("replace");
  std::string out;
  if (find.empty()) {  // before each character, and at the end
    out = with;
    for (const int32_t c : text::decode_utf8(all)) {
      formats::append_utf8(out, static_cast<uint32_t>(c));
      out += with;
    }
  } else {
    size_t at = 0;
    for (size_t next; (next = all.find(find, at)) != std::string::npos; at = next + find.size())
      out.append(all, at, next - at).append(with);
    out.append(all, at);
  }
  return {Value("STRING", std::move(out))};
}

Outputs contains(Call& call) {
  const auto [all, part] = to_compare(call, "string", "substring");
  return {Value("BOOLEAN", part.empty() || std::search(all.begin(), all.end(), part.begin(), part.end()) != all.end())};
}

Outputs compare(Call& call) {
  const auto [a, b] = to_compare(call, "string_a", "string_b");
  const std::string& mode = call.text("mode");
  const bool fits = b.size() <= a.size();
  const bool out = mode == "Equal"         ? a == b
                   : mode == "Starts With" ? fits && std::equal(b.begin(), b.end(), a.begin())
                                           : fits && std::equal(b.rbegin(), b.rend(), a.rbegin());
  return {Value("BOOLEAN", out)};
}

}  // namespace

void register_string_nodes(Table& table) {
  const auto add = [&](const char* name, const char* display, const char* description, std::vector<In> inputs,
                       Out output, std::function<Outputs(Call&)> run) {
    table.add({.name = name,
               .display = display,
               .category = "utils/string",
               .description = description,
               .inputs = std::move(inputs),
               .outputs = {std::move(output)},
               .run = std::move(run)});
  };
  const auto long_text = [](const char* name) { return Text(name).def("").multiline(); };
  constexpr int64_t kFar = int64_t{1} << 62;
  add("StringConcatenate", "Concatenate", "Joins two texts.",
      {long_text("string_a"), long_text("string_b"), Text("delimiter").def("")}, {"STRING"}, [](Call& call) -> Outputs {
        return {Value("STRING", call.text("string_a") + call.text("delimiter") + call.text("string_b"))};
      });
  add("StringSubstring", "Substring", "A part of a text; negative places count from its end.",
      {long_text("string"), Int("start").def(0).range(-kFar, kFar), Int("end").def(0).range(-kFar, kFar)}, {"STRING"},
      substring);
  add("StringLength", "Length", "How many characters a text has.", {long_text("string")}, {"INT", "length"},
      [](Call& call) -> Outputs { return {Value("INT", static_cast<int64_t>(characters(call, "string").size()))}; });
  add("StringTrim", "Trim", "Takes white space away.", {long_text("string"), Choice("mode", {"Both", "Left", "Right"})},
      {"STRING"}, trim);
  add("StringReplace", "Replace", "Puts one text in place of another, wherever it stands.",
      {long_text("string"), long_text("find"), long_text("replace")}, {"STRING"}, replace);
  add("StringContains", "Contains", "Whether a text has another in it.",
      {long_text("string"), long_text("substring"), Bool("case_sensitive").def(true)}, {"BOOLEAN", "contains"},
      contains);
  add("StringCompare", "Compare", "Whether two texts are equal, or one begins or ends with the other.",
      {long_text("string_a"), long_text("string_b"), Choice("mode", {"Starts With", "Ends With", "Equal"}),
       Bool("case_sensitive").def(true)},
      {"BOOLEAN"}, compare);
}

}  // namespace easel::nodes
