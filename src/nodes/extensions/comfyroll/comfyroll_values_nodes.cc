// Nodes of Comfyroll Studio (github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes): numbers, texts and lists of them.
#include <algorithm>
#include <cmath>

#include "formats/utf8.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/common/python/values_as_text.h"
#include "nodes/extensions/comfyroll/comfyroll.h"
#include "nodes/extensions/was/was_values.h"
#include "sampling/random/python_random.h"
#include "text/unicode.h"

namespace easel::nodes {
namespace {

using Texts = Results<std::string, std::string>;
using SomeText = Results<Anything, std::string>;

Value text_value(std::string text) { return computed<std::string>(std::move(text)); }

constexpr double kFar = 18446744073709551615.0;

// --- Numbers ---

struct Whole {
  int64_t value = 0;
};
struct Real {
  double value = 0.0;
};
struct Frame {
  int64_t index = 1;
  bool print = true;
};
struct Stepped {
  int64_t index = 1, by = 1;
};
struct Trigger {
  int64_t index = 0, trigger_value = 1;
};
struct Growing {
  double start_value = 1.0, step = 0.1;
  int64_t start_frame = 0, frame_duration = 1, current_frame = 0;
};
struct GrowingWhole {
  int64_t start_value = 1, step = 1, start_frame = 0, frame_duration = 1, current_frame = 0;
};
struct Either {
  bool flag = true;
  int64_t bit = 1;
  double yes = 1, no = 0;
};
struct Times {
  int64_t integer = 1;
  double multiple = 8;
};
struct Clamped {
  double a = 1, range_min = 1, range_max = 1;
};
struct Calculation {
  double a = 1.0;
  std::string operation;
  int64_t decimal_places = 2;
};
struct OldSeed {
  Linked<WasSeed> seed;
};

double calculated(const Calculation& in) {
  const double a = in.a;
  double out = 0;
  if (in.operation == "sin") out = std::sin(a);
  else if (in.operation == "cos" || in.operation == "tan") out = std::cos(a);  // the original's "tan" is a cosine
  else if (in.operation == "sqrt") out = std::sqrt(a);
  else if (in.operation == "exp") out = std::exp(a);
  else if (in.operation == "log") out = std::log(a);
  else if (in.operation == "neg") out = -a;
  else out = std::abs(a);
  if (!std::isfinite(out))
    throw Error(Fault::kInvalid, in.operation + " of " + as_text(computed<double>(a)) + " is no number").at_input("a");
  return python_round(out, static_cast<int>(in.decimal_places));
}

// Whole and with a point, of a number that a condition has chosen.
Results<int64_t, double, std::string> chosen(bool yes, const Either& in, const char* page) {
  const double value = yes ? in.yes : in.no;
  return {python_int(value, "value"), value, help(page)};
}

template <class T, class P>
T grown(const P& in) {
  if (in.current_frame < in.start_frame) return in.start_value;
  const T value = in.start_value + static_cast<T>(in.current_frame - in.start_frame) * in.step;
  return in.current_frame <= in.start_frame + in.frame_duration ? value + in.step : value;
}

void add_conversions(Table& table) {
  const AddNode add{table, "comfyroll", "Comfyroll/Utils/Conversion"};
  add.node<Whole>("CR Integer To String", "A whole number as text.",
                  {Int("int_", &Whole::value).range(0, INT64_MAX).link_only()},
                  [](const Whole& in) -> Texts {
                    return {std::to_string(in.value), help("Conversion-Nodes#cr-integer-to-string")};
                  },
                  {{"STRING"}, {"show_help"}});
  add.node<Real>("CR Float To String", "A number as text.",
                 {Float("float_", &Real::value).range(0.0, 1000000.0).link_only()},
                 [](const Real& in) -> Texts {
                   return {as_text(computed<double>(in.value)), help("Conversion-Nodes#cr-float-to-string")};
                 },
                 {{"STRING"}, {"show_help"}});
  add.node<OldSeed>("CR Seed to Int", "The number of a SEED.", {Link("seed", &OldSeed::seed)},
                    [](const OldSeed& in) -> Results<int64_t, std::string> {
                      return {in.seed->number("seed"), help("Legacy-Nodes#cr-seed-to-int")};
                    },
                    {{"INT"}, {"show_help"}});
}

void add_numbers(Table& table) {
  const AddNode add{table, "comfyroll", "Comfyroll/Utils/Other"};
  using WholeAndHelp = Results<int64_t, std::string>;
  add.node<Real>("CR Value", "A number, with and without what is behind its point.",
                 {Float("value", &Real::value).range(-kFar, kFar)},
                 [](const Real& in) -> Results<double, int64_t, std::string> {
                   return {in.value, python_int(in.value, "value"), help("Other-Nodes#cr-value")};
                 },
                 {{"FLOAT"}, {"INT"}, {"show_help"}});
  add.node<Times>("CR Integer Multiple", "A whole number so many times, without what is behind the point.",
                  {Int("integer", &Times::integer).range(-INT64_MAX, INT64_MAX),
                   Float("multiple", &Times::multiple).range(1.0, kFar)},
                  [](const Times& in) -> WholeAndHelp {
                    return {python_int(static_cast<double>(in.integer) * in.multiple, "multiple"),
                            help("Other-Nodes#cr-integer-multiple")};
                  },
                  {{"INT"}, {"show_help"}});
  add.node<Clamped>(
      "CR Clamp Value", "A number, kept within a range.",
      {Float("a", &Clamped::a).range(-kFar, kFar), Float("range_min", &Clamped::range_min).range(-kFar, kFar),
       Float("range_max", &Clamped::range_max).range(-kFar, kFar)},
      [](const Clamped& in) -> Results<double, std::string> {
        return {std::max(in.range_min, std::min(in.a, in.range_max)), help("Other-Nodes#cr-clamp-value")};
      },
      {{"a"}, {"show_help"}});
  add.node<Calculation>(
      "CR Math Operation", "A function of a number. \"tan\" gives the cosine, as in the original.",
      {Float("a", &Calculation::a).range(-kFar, kFar),
       Choice("operation", &Calculation::operation, {"sin", "cos", "tan", "sqrt", "exp", "log", "neg", "abs"}),
       Int("decimal_places", &Calculation::decimal_places).range(0, 10)},
      [](const Calculation& in) -> Results<double, std::string> {
        return {calculated(in), help("Other-Nodes#cr-math-operation")};
      },
      {{"a"}, {"show_help"}});
  add.node<Either>("CR Set Value On Boolean", "One of two numbers.",
                   {Bool("boolean", &Either::flag).link_only(), Float("value_if_true", &Either::yes).range(-kFar, kFar),
                    Float("value_if_false", &Either::no).range(-kFar, kFar)},
                   [](const Either& in) { return chosen(in.flag, in, "Other-Nodes#cr-set-value-on-boolean"); },
                   {{"INT"}, {"FLOAT"}, {"show_help"}});
  add.node<Either>(
      "CR Set Value On Binary", "One of two numbers.",
      {Int("binary", &Either::bit).range(0, 1).link_only(), Float("value_if_1", &Either::yes).range(-kFar, kFar),
       Float("value_if_0", &Either::no).range(-kFar, kFar)},
      [](const Either& in) { return chosen(in.bit == 1, in, "Other-Nodes#cr-set-value-on-binary"); },
      {{"INT"}, {"FLOAT"}, {"show_help"}});
}

void add_indices(Table& table) {
  const AddNode add{table, "comfyroll", "Comfyroll/Utils/Index"};
  using TwoAndHelp = Results<int64_t, int64_t, std::string>;
  const auto index = [](int64_t from, int64_t to) { return Int("index", &Stepped::index).range(from, to).link_only(); };
  add.node<Stepped>("CR Index Increment", "An index and what is added to it.",
                    {index(-10000, 10000), Int("interval", &Stepped::by).range(-10000, 10000)},
                    [](const Stepped& in) -> TwoAndHelp {
                      return {in.index + in.by, in.by, help("Index-Nodes#cr-index-increment")};
                    },
                    {{"index"}, {"interval"}, {"show_help"}});
  add.node<Stepped>("CR Index Multiply", "An index and by what it is multiplied.",
                    {index(0, 10000), Int("factor", &Stepped::by).range(0, 10000)},
                    [](const Stepped& in) -> TwoAndHelp {
                      return {in.index * in.by, in.by, help("Index-Nodes#cr-index-multiply")};
                    },
                    {{"index"}, {"factor"}, {"show_help"}});
  add.node<Stepped>("CR Index Reset", "Another index.",
                    {index(0, 10000), Int("reset_to", &Stepped::by).range(0, 10000)},
                    [](const Stepped& in) -> TwoAndHelp {
                      return {in.by, in.by, help("Index-Nodes#cr-index-reset")};
                    },
                    {{"index"}, {"reset_to"}, {"show_help"}});
  add.node<Trigger>("CR Trigger", "Whether an index is a certain one.",
                    {Int("index", &Trigger::index).range(0, 9999).step(1),
                     Int("trigger_value", &Trigger::trigger_value).range(0, 10000)},
                    [](const Trigger& in) -> Results<int64_t, bool, std::string> {
                      return {in.index, in.index == in.trigger_value, help("Index-Nodes#cr-trigger")};
                    },
                    {{"index"}, {"trigger"}, {"show_help"}});
}

void add_frames(Table& table) {
  const AddNode add{table, "comfyroll", "Comfyroll/Animation"};
  add.node<Frame>("CR Current Frame", "The number of a frame.",
                  {Int("index", &Frame::index).range(-10000, 10000),
                   Choice("print_to_console", &Frame::print, {{"Yes", true}, {"No", false}})},
                  [](const Frame& in) -> Results<int64_t> { return {in.index}; }, {{"index"}});
  const auto frame = [](const char* name, auto member) { return Int(name, member).range(0, 9999).step(1); };
  add.node<Growing>(
      "CR Increment Float", "A number that grows from frame to frame.",
      {Float("start_value", &Growing::start_value).range(0.0, 9999.0).step(0.001),
       Float("step", &Growing::step).range(-9999.0, 9999.0).step(0.001), frame("start_frame", &Growing::start_frame),
       frame("frame_duration", &Growing::frame_duration), frame("current_frame", &Growing::current_frame)},
      [](const Growing& in) -> Results<double, std::string> {
        return {grown<double>(in), help("Interpolation-Nodes#cr-increment-float")};
      },
      {{"FLOAT"}, {"show_help"}});
  add.node<GrowingWhole>(
      "CR Increment Integer", "A whole number that grows from frame to frame.",
      {frame("start_value", &GrowingWhole::start_value), Int("step", &GrowingWhole::step).range(-9999, 9999).step(1),
       frame("start_frame", &GrowingWhole::start_frame), frame("frame_duration", &GrowingWhole::frame_duration),
       frame("current_frame", &GrowingWhole::current_frame)},
      [](const GrowingWhole& in) -> Results<int64_t, std::string> {
        return {grown<int64_t>(in), help("Interpolation-Nodes#cr-increment-integer")};
      },
      {{"INT"}, {"show_help"}});
}

// --- Texts ---

struct OneText {
  std::string text;
};
struct Operation {
  std::string text, operation;
};
struct Parting {
  std::string text = "text", delimiter = ",";
};
struct Rounded {
  std::string text, round_integer;
};
struct Matched {
  std::string text, switch_1, switch_2, switch_3, switch_4;
};
struct Replacing {
  std::string text, find1, replace1, find2, replace2, find3, replace3;
};
struct Lines {
  std::string text;
  bool convert_from_csv = false, remove_chars = false, split_string = false;
  std::string csv_quote_char = "'", chars_to_remove;
};
struct RandomLines {
  uint64_t seed = 0;
  std::string value_type;
  int64_t rows = 5, string_length = 5;
  std::string custom_values = "123ABC", prepend_text;
};

// Letters beyond ASCII change by tables that are not here.
void require_ascii(const std::string& text) {
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 127; }))
    throw Error(Fault::kInvalid, "letters beyond ASCII have no upper and lower case here").at_input("text");
}

std::string operated(const Operation& in) {
  std::string text = in.text;
  if (in.operation == "trim") return stripped(text);
  if (in.operation == "remove_spaces") return replaced(text, " ", "");
  if (in.operation == "reverse") {
    const text::CodePoints all = text::decode_utf8(text);
    std::string out;
    for (auto c = all.rbegin(); c != all.rend(); ++c) formats::append_utf8(out, static_cast<uint32_t>(*c));
    return out;
  }
  require_ascii(text);
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (size_t i = 0; i < text.size(); ++i) {
    char& c = text[i];
    if (in.operation == "uppercase") c = upper(c);
    else if (in.operation == "lowercase") c = lower(c);
    else if (in.operation == "capitalize") c = i ? lower(c) : upper(c);
    else c = upper(c) == c ? lower(c) : upper(c);
  }
  return text;
}

// The number and the whole number that comes of it. Rounding up adds one even to a whole number, as in the original.
Results<int64_t, double, std::string> as_number(const Rounded& in) {
  const bool negative = in.text.starts_with('-');
  const std::optional<double> found = digits_as_number(negative ? in.text.substr(1) : in.text);
  if (!found)
    throw Error(Fault::kInvalid, "'" + in.text + "' is no number").at_input("text").fix("Give digits, such as 1.5");
  const double value = negative ? -*found : *found;
  int64_t whole = 0;
  if (in.round_integer == "round") whole = python_int(std::nearbyint(value), "text");
  else whole = python_int(value, "text");
  if (in.round_integer == "round up" && !negative) ++whole;
  if (in.round_integer == "round down" && negative) --whole;
  return {whole, value, help("Conversion-Nodes#cr-string-to-number")};
}

Results<int64_t, std::string> matched(const Matched& in) {
  int64_t number = 0;
  for (const std::string* one : {&in.switch_1, &in.switch_2, &in.switch_3, &in.switch_4}) {
    ++number;
    if (*one == in.text) return {number, help("Other-Nodes#cr-set-switch-from-string")};
  }
  throw Error(Fault::kInvalid, "'" + in.text + "' is none of the four texts").at_input("text");
}

Results<Anything, Anything, Anything, Anything, std::string> parted(const Parting& in) {
  std::vector<std::string> parts = split(in.text, in.delimiter);
  parts.resize(4);
  return {text_value(stripped(parts[0])), text_value(stripped(parts[1])), text_value(stripped(parts[2])),
          text_value(stripped(parts[3])), help("Other-Nodes#cr-split-string")};
}

// Lines that begin with # are left out; of the others the last keeps what stands there.
SomeText lines(const Lines& in) {
  for (const auto& [on, name] : {std::pair(in.convert_from_csv, "convert_from_csv"), {in.split_string, "split_string"}})
    if (on) throw Error(Fault::kInvalid, "lists in one line are not there").at_input(name).fix("Give a line for each");
  std::string text = in.text;
  while (text.ends_with(',')) text.pop_back();
  std::vector<std::string> out;
  for (std::string& line : split(text, "\n")) {
    if (stripped(line).starts_with('#')) continue;
    out.push_back(in.remove_chars ? replaced(line, in.chars_to_remove, "") : std::move(line));
  }
  if (text.empty() || text.ends_with('\n')) out.pop_back();  // nothing follows the last line's end
  return {text_value(joined(out)), help("Text-Nodes#cr-multiline-text")};
}

SomeText random_lines(const RandomLines& in) {
  const std::string digits = "0123456789", letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string of = in.custom_values;
  if (in.value_type == "binary") of = "01";
  else if (in.value_type == "decimal") of = digits;
  else if (in.value_type == "natural") of = digits.substr(1);
  else if (in.value_type == "hexadecimal") of = digits + "ABCDEF";
  else if (in.value_type == "alphabetic") of = letters;
  else if (in.value_type == "alphanumeric") of = letters + digits;
  const text::CodePoints characters = text::decode_utf8(of);
  if (characters.empty()) throw Error(Fault::kInvalid, "there is nothing to choose from").at_input("custom_values");
  sampling::PythonRandom random(in.seed);
  std::vector<std::string> out;
  for (int64_t row = 0; row < in.rows; ++row) {
    out.push_back(in.prepend_text);
    for (int64_t i = 0; i < in.string_length; ++i)
      formats::append_utf8(out.back(), static_cast<uint32_t>(characters[random.choice(characters.size())]));
  }
  return {text_value(joined(out)), help("Other-Nodes#cr-random-multiline-values")};
}

Texts random_colours(const RandomLines& in) {
  sampling::PythonRandom random(in.seed);
  std::vector<std::string> out;
  for (int64_t row = 0; row < in.rows; ++row) {
    std::string& line = out.emplace_back();
    if (in.value_type == "rgb") {
      for (int i = 0; i < 3; ++i) line += (i ? "," : "") + std::to_string(random.randint(0, 255));
    } else {
      line = "#";
      for (int i = 0; i < 6; ++i) line += "0123456789ABCDEF"[random.choice(16)];
    }
  }
  return {joined(out), help("Other-Nodes#cr-random-multiline-colors")};
}

void add_texts(Table& table) {
  const AddNode add{table, "comfyroll", "Comfyroll/Utils/Text"};
  const auto linked = [](const char* name, auto member) { return Text(name, member).link_only(); };
  add.node<Operation>("CR Text Operation", "Changes the letters of a text.",
                      {linked("text", &Operation::text), Choice("operation", &Operation::operation,
                                                                {"uppercase", "lowercase", "capitalize", "invert_case",
                                                                 "reverse", "trim", "remove_spaces"})},
                      [](const Operation& in) -> SomeText {
                        return {text_value(operated(in)), help("Text-Nodes#cr-text-operation")};
                      },
                      {{"STRING"}, {"show_help"}});
  add.node<Parting>(
      "CR Split String", "The first four parts of a text.",
      {Text("text", &Parting::text).names_embeddings(), Text("delimiter", &Parting::delimiter).optional()}, parted,
      {{"string_1"}, {"string_2"}, {"string_3"}, {"string_4"}, {"show_help"}});
  add.node<Replacing>(
      "CR Text Replace", "Puts up to three texts in place of others.",
      {linked("text", &Replacing::text), Text("find1", &Replacing::find1).optional(),
       Text("replace1", &Replacing::replace1).optional(), Text("find2", &Replacing::find2).optional(),
       Text("replace2", &Replacing::replace2).optional(), Text("find3", &Replacing::find3).optional(),
       Text("replace3", &Replacing::replace3).optional()},
      [](const Replacing& in) -> SomeText {
        const std::string first = replaced(in.text, in.find1, in.replace1);
        const std::string second = replaced(first, in.find2, in.replace2);
        return {text_value(replaced(second, in.find3, in.replace3)), help("Text-Nodes#cr-text-replace")};
      },
      {{"STRING"}, {"show_help"}});
  add.node<OneText>(
      "CR Text Length", "How many characters a text has.", {linked("text", &OneText::text)},
      [](const OneText& in) -> Results<int64_t, std::string> {
        return {static_cast<int64_t>(text::decode_utf8(in.text).size()), help("Text-Nodes#cr-text-length")};
      },
      {{"INT"}, {"show_help"}});
  add.node<Rounded>("CR String To Number", "The number that a text stands for.",
                    {linked("text", &Rounded::text),
                     Choice("round_integer", &Rounded::round_integer, {"round", "round down", "round up"})},
                    as_number, {{"INT"}, {"FLOAT"}, {"show_help"}});
  add.node<Matched>("CR Set Switch From String", "Which of four texts a text is.",
                    {linked("text", &Matched::text), Text("switch_1", &Matched::switch_1).optional(),
                     Text("switch_2", &Matched::switch_2).optional(), Text("switch_3", &Matched::switch_3).optional(),
                     Text("switch_4", &Matched::switch_4).optional()},
                    matched, {{"switch"}, {"show_help"}});
  add.node<Lines>(
      "CR Multiline Text", "A text of several lines; those that begin with # are left out.",
      {Text("text", &Lines::text).multiline().names_embeddings(), Bool("convert_from_csv", &Lines::convert_from_csv),
       Text("csv_quote_char", &Lines::csv_quote_char), Bool("remove_chars", &Lines::remove_chars),
       Text("chars_to_remove", &Lines::chars_to_remove), Bool("split_string", &Lines::split_string)},
      lines, {{"multiline_text"}, {"show_help"}});
  add.node<RandomLines>(
      "CR Random Multiline Values", "Lines of characters that a seed chooses.",
      {Seed("seed", &RandomLines::seed),
       Choice("value_type", &RandomLines::value_type,
              {"binary", "decimal", "natural", "hexadecimal", "alphabetic", "alphanumeric", "custom"}),
       Int("rows", &RandomLines::rows).range(1, 2048), Int("string_length", &RandomLines::string_length).range(1, 1024),
       Text("custom_values", &RandomLines::custom_values), Text("prepend_text", &RandomLines::prepend_text)},
      random_lines, {{"multiline_text"}, {"show_help"}});
  add.node<RandomLines>(
      "CR Random Multiline Colors", "Lines of colours that a seed chooses.",
      {Seed("seed", &RandomLines::seed), Choice("value_type", &RandomLines::value_type, {"rgb", "hex color"}),
       Int("rows", &RandomLines::rows).range(1, 2048)},
      random_colours, {{"multiline_text"}, {"show_help"}});
}

// --- Lists ---

struct Range {
  int64_t start = 0, end = 0, step = 1, loops = 1;
  bool ping_pong = false;
};
struct TextList {
  LinkedList<std::string> text_list;
};

Results<ListOf<int64_t>, std::string> range(const Range& in) {
  std::vector<int64_t> once, all;
  for (int64_t v = in.start; v < in.end; v += in.step) once.push_back(v);
  for (int64_t i = 0; i < in.loops; ++i) {
    if (in.ping_pong && i % 2) all.insert(all.end(), once.rbegin(), once.rend());
    else all.insert(all.end(), once.begin(), once.end());
    if (all.size() > 1000000) throw Error(Fault::kInvalid, "a list of more than a million numbers").at_input("loops");
  }
  return {std::move(all), help("List-Nodes#cr-integer-range-list")};
}

Results<ListOf<Anything>, std::string> simple_list(const OneText& in) {
  constexpr int64_t kMost = 1'000'000;
  if (std::count(in.text.begin(), in.text.end(), '\n') > kMost)
    throw Error(Fault::kMemory, "makes a list of more than " + std::to_string(kMost) + " values")
        .at_input("list_values");
  std::vector<Value> out;
  for (const std::string& line : split(in.text, "\n"))
    if (!stripped(line).empty()) out.push_back(text_value(stripped(line)));
  return {std::move(out), help("List-Nodes#cr-simple-list")};
}

void add_lists(Table& table) {
  const AddNode add{table, "comfyroll", "Comfyroll/List"};
  const auto number = [](const char* name, int64_t Range::*member) { return Int(name, member).range(-99999, 99999); };
  add.node<Range>(
      "CR Integer Range List", "A list of whole numbers, from start to before end.",
      {number("start", &Range::start), number("end", &Range::end), Int("step", &Range::step).range(1, 99999),
       Int("loops", &Range::loops).range(1, 999), Bool("ping_pong", &Range::ping_pong)},
      range, {{"INT"}, {"show_help"}});
  add.node<OneText>("CR Simple List", "A list of the lines of a text.",
                    {Text("list_values", &OneText::text).multiline().names_embeddings()}, simple_list,
                    {{"LIST"}, {"show_help"}});
  add.node<TextList>("CR Text List To String", "The texts of a list, one a line.",
                     {Link("text_list", &TextList::text_list)},
                     [](const TextList& in) -> Texts {
                       std::vector<std::string> all;
                       for (size_t i = 0; i < in.text_list.size(); ++i) all.push_back(in.text_list[i]);
                       return {joined(all), help("List-Nodes#cr-text-list-to-string")};
                     },
                     {{"STRING"}, {"show_help"}});
}

}  // namespace

void register_comfyroll_values_nodes(Table& table) {
  add_conversions(table);
  add_numbers(table);
  add_indices(table);
  add_frames(table);
  add_texts(table);
  add_lists(table);
}

}  // namespace easel::nodes
