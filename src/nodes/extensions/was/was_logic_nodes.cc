// Nodes of WAS Node Suite (github.com/WASasquatch/was-node-suite-comfyui): numbers, switches, chosen lines.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "formats/utf8.h"
#include "models/text/text_encoder.h"
#include "models/upscale/upscaler.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/extensions/was/was_values.h"
#include "sampling/random/python_random.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "was";

template <class P>
Input<P> linked_text(const char* name, std::string P::*member) {
  return Text(name, member).link_only().names_embeddings();
}

// --- Numbers ---

using Numbers = Results<WasNumber, double, int64_t>;

Numbers numbers(const WasNumber& number, const char* input = "number") {
  return {number, number.real(), whole(number, input)};
}
Numbers numbers(int64_t number) { return numbers(WasNumber{number}); }
Numbers numbers(double number, const char* input) { return numbers(WasNumber{number}, input); }

struct SeedOnly {
  uint64_t seed = 0;
};
struct Constant {
  std::string number_type;
  double number = 0;
};
struct Random {
  std::string number_type;
  double minimum = 0, maximum = 0;
  uint64_t seed = 0;
};
struct Two {
  Linked<WasNumber> number_a, number_b;
  std::string operation;
  bool boolean = true;
};
struct Multiple {
  Linked<WasNumber> number;
  int64_t multiple = 8;
};
struct OneText {
  std::string text;
};
struct Flag {
  double boolean = 1;
};
struct YesOrNo {
  bool boolean = false;
};
struct Shown {
  Linked<WasNumber> number;
  std::string label = "Debug to Console";
};
struct Places {
  int64_t int_input = 0;
};

Numbers constant(const Constant& in) {
  if (in.number_type == "integer") return numbers(python_int(in.number, "number"));
  if (in.number_type == "float") return numbers(in.number, "number");
  return numbers(int64_t{in.number > 0.5});
}

Numbers random_number(const Random& in) {
  sampling::PythonRandom random(in.seed);
  if (in.number_type == "float") return numbers(random.uniform(in.minimum, in.maximum), "maximum");
  if (in.number_type == "bool") return numbers(random.random(), "maximum");
  if (in.minimum != std::floor(in.minimum) || in.maximum != std::floor(in.maximum))
    throw Error(Fault::kInvalid, "whole numbers have whole limits").at_input("minimum");
  const int64_t low = python_int(in.minimum, "minimum"), high = python_int(in.maximum, "maximum");
  if (low > high) throw Error(Fault::kInvalid, "the minimum is above the maximum").at_input("minimum");
  return numbers(random.randint(low, high));
}

bool both_whole(const WasNumber& a, const WasNumber& b) {
  return std::holds_alternative<int64_t>(a.value) && std::holds_alternative<int64_t>(b.value);
}

// Python's a % b and a // b, which follow the sign of b.
double modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
int64_t modulo(int64_t a, int64_t b) {
  const int64_t rest = b == -1 ? 0 : a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
int64_t floor_division(int64_t a, int64_t b) { return (a - modulo(a, b)) / b; }

void require_divisor(const WasNumber& b, const char* input) {
  if (b.real() == 0) throw Error(Fault::kInvalid, "nothing can be divided by 0").at_input(input);
}

// Of whole numbers a whole one, as long as it has a place in 64 bits.
WasNumber calculated(const WasNumber& a, const WasNumber& b, const std::string& operation) {
  const double x = a.real(), y = b.real();
  if (operation == "greater-than") return {int64_t{x > y}};
  if (operation == "greater-than or equals") return {int64_t{x >= y}};
  if (operation == "less-than") return {int64_t{x < y}};
  if (operation == "less-than or equals") return {int64_t{x <= y}};
  if (operation == "equals") return {int64_t{x == y}};
  if (operation == "does not equal") return {int64_t{x != y}};
  const bool divides = operation == "division" || operation == "floor division" || operation == "modulus";
  if (divides) require_divisor(b, "number_b");
  if (operation == "division") return {x / y};
  if (both_whole(a, b)) {
    const int64_t i = std::get<int64_t>(a.value), j = std::get<int64_t>(b.value);
    int64_t out = 0;
    bool fits = true;
    if (operation == "addition") fits = !__builtin_add_overflow(i, j, &out);
    else if (operation == "subtraction") fits = !__builtin_sub_overflow(i, j, &out);
    else if (operation == "multiplication") fits = !__builtin_mul_overflow(i, j, &out);
    else if (operation == "modulus") out = modulo(i, j);
    else if (operation == "floor division") out = floor_division(i, j);
    else if (j < 0) return {std::pow(x, y)};
    else {
      out = 1;
      if (j > 64 && (i > 1 || i < -1)) fits = false;
      else
        for (int64_t n = 0; n < (j > 64 ? j % 2 : j) && fits; ++n) fits = !__builtin_mul_overflow(out, i, &out);
      if (j > 64 && i == 0) out = 0;
    }
    if (!fits) throw Error(Fault::kInvalid, "the result has no place in 64 bits").at_input("operation");
    return {out};
  }
  if (operation == "addition") return {x + y};
  if (operation == "subtraction") return {x - y};
  if (operation == "multiplication") return {x * y};
  if (operation == "exponentiation") return {std::pow(x, y)};
  if (operation == "modulus") return {modulo(x, y)};
  return {std::floor(x / y)};
}

Numbers operate(const Two& in) { return numbers(calculated(*in.number_a, *in.number_b, in.operation), "operation"); }

// The number, or the next multiple above it.
Numbers multiple_of(const Multiple& in) {
  const WasNumber by{in.multiple};
  require_divisor(by, "multiple");
  if (calculated(*in.number, by, "modulus").real() == 0) return numbers(*in.number);
  const WasNumber times = calculated(*in.number, by, "floor division");
  return numbers(calculated(calculated(times, by, "multiplication"), by, "addition"));
}

// The number that a text stands for, spaces around it left out.
WasNumber parsed(const std::string& text) {
  size_t begin = text.find_first_not_of(" \t\n\r"), end = text.find_last_not_of(" \t\n\r");
  const std::string core = begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
  const char* from = core.data() + (core.starts_with('+') ? 1 : 0);
  const char* to = core.data() + core.size();
  if (core.find('.') != std::string::npos) {
    double value = 0;
    if (const auto [at, fault] = std::from_chars(from, to, value); fault == std::errc() && at == to) return {value};
  } else {
    int64_t value = 0;
    if (const auto [at, fault] = std::from_chars(from, to, value); fault == std::errc() && at == to) return {value};
  }
  throw Error(Fault::kInvalid, "'" + text.substr(0, 40) + "' is no number").at_input("text");
}

Results<bool, WasNumber, int64_t, double> flag(const Flag& in) {
  const auto rounded = static_cast<int64_t>(std::nearbyint(in.boolean));
  return {rounded != 0, WasNumber{rounded}, rounded, in.boolean};
}

Results<WasNumber> show(const Shown& in, Call& call) {
  call.show_text(in.label + ":\n" + as_text(*in.number));
  return {in.number};
}

void add_numbers(Table& table) {
  constexpr double kFar = 18446744073709551615.0;
  const AddNode add{table, kOrigin, "WAS Suite/Number"};
  add.node<SeedOnly>("Seed", "A seed, in four types.", {Seed("seed", &SeedOnly::seed)},
                     [](const SeedOnly& in) -> Results<WasSeed, WasNumber, double, int64_t> {
                       const int64_t number = WasSeed{in.seed}.number("seed");
                       return {WasSeed{in.seed}, WasNumber{number}, static_cast<double>(number), number};
                     },
                     {{"seed"}, {"number"}, {"float"}, {"int"}});
  const std::vector<std::string> types{"integer", "float", "bool"};
  add.node<Constant>("Constant Number", "A number.",
                     {Choice("number_type", &Constant::number_type, types),
                      Float("number", &Constant::number).range(-kFar, kFar).step(0.01)},
                     constant);
  add.node<Random>(
      "Random Number", "A number that a seed chooses.",
      {Choice("number_type", &Random::number_type, types), Float("minimum", &Random::minimum).range(-kFar, kFar),
       Float("maximum", &Random::maximum).range(-kFar, kFar), Seed("seed", &Random::seed)},
      random_number);
  add.node<Two>("Number Operation", "Calculates with two numbers, or compares them.",
                {Link("number_a", &Two::number_a), Link("number_b", &Two::number_b),
                 Choice("operation", &Two::operation,
                        {"addition", "subtraction", "division", "floor division", "multiplication", "exponentiation",
                         "modulus", "greater-than", "greater-than or equals", "less-than", "less-than or equals",
                         "equals", "does not equal"})},
                operate);
  add.node<Multiple>(
      "Number Multiple Of", "A number, brought up to a multiple of another.",
      {Link("number", &Multiple::number), Int("multiple", &Multiple::multiple).range(-INT64_MAX, INT64_MAX)},
      multiple_of);
  add.node<Two>(
      "Number Input Switch", "Hands on the first number, or the second.",
      {Link("number_a", &Two::number_a), Link("number_b", &Two::number_b), Bool("boolean", &Two::boolean).link_only()},
      [](const Two& in) { return numbers(in.boolean ? *in.number_a : *in.number_b); });
  add.node<OneText>("Text to Number", "The number that a text stands for.", {linked_text("text", &OneText::text)},
                    [](const OneText& in) -> Results<WasNumber> { return {parsed(in.text)}; });
  add.node<Flag>("Logic Boolean", "Yes from above one half on, in four types.",
                 {Float("boolean", &Flag::boolean).range(0.0, 1.0).step(0.01)}, flag);
  add.node<YesOrNo>(
      "Boolean To Text", "True or False, as text.", {Bool("boolean", &YesOrNo::boolean)},
      [](const YesOrNo& in) -> Results<std::string> { return {std::string(in.boolean ? "True" : "False")}; });
  add.node<Places>(
      "Integer place counter", "How many characters a whole number takes.",
      {Int("int_input", &Places::int_input).range(0, 10000000).step(1)},
      [](const Places& in) -> Results<int64_t> { return {static_cast<int64_t>(std::to_string(in.int_input).size())}; },
      {{"INT_PLACES"}});
  table.add(NodeOf<Shown>{.name = "Debug Number to Console",
                          .category = "WAS Suite/Debug",
                          .description = "Shows a number, and hands it on.",
                          .origin = kOrigin,
                          .inputs = {Link("number", &Shown::number), Text("label", &Shown::label)},
                          .output_node = true,
                          .run = show});
}

// --- Texts ---

struct Labelled {
  std::string text, label = "Text Output";
};
struct RandomLine {
  std::string text;
  uint64_t seed = 0;
};
struct Replacing {
  std::string text, find, replace;
};
struct Truncating {
  std::string text;
  bool words = false, from_beginning = false;
  int64_t truncate_to = 10;
  std::string text_b, text_c, text_d;
};

Results<std::string> show_text(const Labelled& in, Call& call) {
  call.show_text(in.label + ":\n" + in.text);
  return {in.text};
}

Results<std::string> random_line(const RandomLine& in) {
  std::vector<std::string> lines = split(in.text, "\n");
  return {lines[sampling::PythonRandom(in.seed).choice(lines.size())]};
}

// One occurrence after the other, from the beginning, until there is none; a replacement that holds what it replaces
// would go on for ever in the original.
Results<std::string, WasNumber, double, int64_t> replace_all(const Replacing& in) {
  if (in.find.empty() || in.replace.find(in.find) != std::string::npos) {
    if (in.text.find(in.find) == std::string::npos) return {in.text, WasNumber{int64_t{0}}, 0.0, int64_t{0}};
    throw Error(Fault::kInvalid, "what is put in place holds what is looked for, so that it would never end")
        .at_input("replace");
  }
  std::string text = in.text;
  int64_t count = 0;
  for (size_t at; (at = text.find(in.find)) != std::string::npos; ++count) {
    text.replace(at, in.find.size(), in.replace);
    if (text.size() > size_t{1} << 20 || count > 100000)
      throw Error(Fault::kInvalid, "replaces more than is sensible").at_input("find");
  }
  return {std::move(text), WasNumber{count}, static_cast<double>(count), count};
}

// re.subn of the text.
Results<std::string, WasNumber, double, int64_t> replace_matches(const Replacing& in) {
  try {
    auto [text, count] = text::Regex(in.find, {}).replace(text::decode_utf8(in.text), in.replace);
    const auto n = static_cast<int64_t>(count);
    return {std::move(text), WasNumber{n}, static_cast<double>(n), n};
  } catch (Error& e) {
    throw e.at_input("find");
  }
}

// Python's list[:n] or list[n:], as the original asks for it.
template <class T>
T part(const T& all, int64_t length, bool from_beginning) {
  const auto size = static_cast<int64_t>(all.size());
  const int64_t n = std::min(length < 0 ? -length : length, size);
  // The beginning of so many; -0 in [-0:] is everything.
  const bool front = from_beginning == (length >= 0);
  if (front) return {all.begin(), all.begin() + (length < 0 ? size - n : n)};
  const int64_t skipped = length == 0 ? 0 : size - n;
  return {all.begin() + skipped, all.end()};
}

std::string truncated(const std::string& text, const Truncating& in) {
  if (!in.words) {
    std::string out;
    for (const int32_t c : part(text::decode_utf8(text), in.truncate_to, in.from_beginning))
      formats::append_utf8(out, static_cast<uint32_t>(c));
    return out;
  }
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (is_blank(c)) {
      if (!words.back().empty()) words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (words.back().empty()) words.pop_back();
  return joined(part(words, in.truncate_to, in.from_beginning), " ");
}

void add_texts(Table& table) {
  const AddNode add{table, kOrigin, "WAS Suite/Text"};
  table.add(NodeOf<Labelled>{.name = "Text to Console",
                             .category = "WAS Suite/Debug",
                             .description = "Shows a text, and hands it on.",
                             .origin = kOrigin,
                             .inputs = {linked_text("text", &Labelled::text), Text("label", &Labelled::label)},
                             .output_node = true,
                             .run = show_text});
  add.node<RandomLine>("Text Random Line", "A line of a text that a seed chooses.",
                       {linked_text("text", &RandomLine::text), Seed("seed", &RandomLine::seed)}, random_line);
  add.node<Replacing>(
      "Text Find and Replace Input", "Puts one text in place of another, and counts how often.",
      {linked_text("text", &Replacing::text), linked_text("find", &Replacing::find),
       linked_text("replace", &Replacing::replace)},
      replace_all,
      {{"result_text"}, {"replacement_count_number"}, {"replacement_count_float"}, {"replacement_count_int"}});
  add.node<Replacing>(
      "Text Find and Replace", "Puts a text in place of what a regular expression finds, and counts how often.",
      {linked_text("text", &Replacing::text), Text("find", &Replacing::find), Text("replace", &Replacing::replace)},
      replace_matches,
      {{"result_text"}, {"replacement_count_number"}, {"replacement_count_float"}, {"replacement_count_int"}});
  add.node<OneText>("String to Text", "A text.", {Text("string", &OneText::text).names_embeddings()},
                    [](const OneText& in) -> Results<std::string> { return {in.text}; });
  add.node<Truncating>(
      "Text String Truncate", "Cuts up to four texts to so many characters or words.",
      {linked_text("text", &Truncating::text),
       Choice("truncate_by", &Truncating::words, {{"characters", false}, {"words", true}}),
       Choice("truncate_from", &Truncating::from_beginning, {{"end", false}, {"beginning", true}}),
       Int("truncate_to", &Truncating::truncate_to).range(-99999999, 99999999).step(1),
       linked_text("text_b", &Truncating::text_b).optional(), linked_text("text_c", &Truncating::text_c).optional(),
       linked_text("text_d", &Truncating::text_d).optional()},
      [](const Truncating& in) -> Results<std::string, std::string, std::string, std::string> {
        return {truncated(in.text, in), truncated(in.text_b, in), truncated(in.text_c, in), truncated(in.text_d, in)};
      },
      {{"TEXT"}, {"TEXT_B"}, {"TEXT_C"}, {"TEXT_D"}});
}

// --- Switches and loaders ---

template <class L>
struct Choose {
  Linked<L> a, b;
  bool boolean = true;
};

template <class L>
void add_switch(Table& table, const char* name, const char* stem) {
  const std::string a = std::string(stem) + "_a", b = std::string(stem) + "_b";
  table.add(NodeOf<Choose<L>>{.name = name,
                              .category = "WAS Suite/Logic",
                              .description = "Hands on the first value, or the second.",
                              .origin = kOrigin,
                              .inputs = {Link(a.c_str(), &Choose<L>::a), Link(b.c_str(), &Choose<L>::b),
                                         Bool("boolean", &Choose<L>::boolean).link_only()},
                              .run = [](const Choose<L>& in) -> Results<L> { return {in.boolean ? in.a : in.b}; },
                              .foresee = [a, b](const Known<Choose<L>>& in, Call& call) -> Foreseen<L> {
                                if (call.awaits("boolean")) return {};
                                return {Handed{value_of(call, in(&Choose<L>::boolean) ? a : b)}};
                              }});
}

// A file's name without its folders and ending.
std::string stem(const std::string& file) {
  const size_t slash = file.find_last_of("/\\");
  const std::string name = slash == std::string::npos ? file : file.substr(slash + 1);
  const size_t point = name.rfind('.');
  return point == std::string::npos || point == 0 ? name : name.substr(0, point);
}

struct Named {
  std::string name;
};

using Loaded = Results<models::ModelHandle, models::ClipHandle, models::VaeHandle, std::string>;

Loaded load_checkpoint(const Named& in, Call& call) {
  Outputs out = Parts(call, Parts::Doing::kRun).make("CheckpointLoaderSimple", {{"ckpt_name", in.name}}, {});
  return {Handed{out[0]}, Handed{out[1]}, Handed{out[2]}, stem(in.name)};
}

struct LoadLora {
  Linked<models::ModelHandle> model;
  Linked<models::ClipHandle> clip;
  std::string lora_name;
  double strength_model = 1.0, strength_clip = 1.0;
};

std::pair<Value, Value> with_lora(const Parts& parts, Value model, Value clip, const std::string& name, double on_model,
                                  double on_clip) {
  if (name == "None" || (on_model == 0 && on_clip == 0)) return {std::move(model), std::move(clip)};
  Outputs out =
      parts.make("LoraLoader", {{"lora_name", name}, {"strength_model", on_model}, {"strength_clip", on_clip}},
                 {{"model", std::move(model)}, {"clip", std::move(clip)}});
  return {out[0], out[1]};
}

Results<models::ModelHandle, models::ClipHandle, std::string> load_lora(const LoadLora& in, Call& call) {
  auto [model, clip] = with_lora(Parts(call, Parts::Doing::kRun), in.model.value(), in.clip.value(), in.lora_name,
                                 in.strength_model, in.strength_clip);
  return {Handed{model}, Handed{clip}, stem(in.lora_name)};
}

Foreseen<models::ModelHandle, models::ClipHandle, std::string> foresee_lora(const Known<LoadLora>& in, Call& call) {
  auto [model, clip] = with_lora(Parts(call, Parts::Doing::kForesee), value_of(call, "model"), value_of(call, "clip"),
                                 in(&LoadLora::lora_name), in(&LoadLora::strength_model), in(&LoadLora::strength_clip));
  return {Handed{model}, Handed{clip}, std::nullopt};
}

void add_loaders(Table& table) {
  table.add(NodeOf<Named>{.name = "Checkpoint Loader (Simple)",
                          .category = "WAS Suite/Loaders",
                          .description = "Loads a checkpoint as CheckpointLoaderSimple does, and says its name.",
                          .origin = kOrigin,
                          .inputs = {File("ckpt_name", &Named::name, "checkpoints")},
                          .outputs = {{}, {}, {}, {"NAME_STRING"}},
                          .runs_when_checked = true,
                          .run = load_checkpoint});
  table.add(
      NodeOf<Named>{.name = "Upscale Model Loader",
                    .category = "WAS Suite/Loaders",
                    .description = "Loads an upscale model as UpscaleModelLoader does, and says its name.",
                    .origin = kOrigin,
                    .inputs = {File("model_name", &Named::name, "upscale_models")},
                    .outputs = {{"UPSCALE_MODEL"}, {"MODEL_NAME_TEXT"}},
                    .runs_when_checked = true,
                    .run = [](const Named& in, Call& call) -> Results<models::UpscalerHandle, std::string> {
                      const Parts parts(call, Parts::Doing::kRun);
                      return {Handed{parts.make("UpscaleModelLoader", {{"model_name", in.name}}, {})[0]}, in.name};
                    }});
  for (const char* name : {"Load Lora", "Lora Loader"})
    table.add(
        NodeOf<LoadLora>{.name = name,
                         .category = "WAS Suite/Loaders",
                         .description = "Applies a LoRA as LoraLoader does, and says its name.",
                         .origin = kOrigin,
                         .inputs = {Link("model", &LoadLora::model), Link("clip", &LoadLora::clip),
                                    FileOr("None", "lora_name", &LoadLora::lora_name, "loras"),
                                    Float("strength_model", &LoadLora::strength_model).range(-10.0, 10.0).step(0.01),
                                    Float("strength_clip", &LoadLora::strength_clip).range(-10.0, 10.0).step(0.01)},
                         .outputs = {{}, {}, {"NAME_STRING"}},
                         .run = load_lora,
                         .foresee = foresee_lora});
}

}  // namespace

void register_was_logic_nodes(Table& table) {
  add_numbers(table);
  add_texts(table);
  add_switch<models::Conditioning>(table, "Conditioning Input Switch", "conditioning");
  add_switch<Latent>(table, "Latent Input Switch", "latent");
  add_switch<models::ModelHandle>(table, "Model Input Switch", "model");
  add_switch<models::VaeHandle>(table, "VAE Input Switch", "vae");
  add_switch<models::ClipHandle>(table, "CLIP Input Switch", "clip");
  add_switch<models::ClipVisionHandle>(table, "CLIP Vision Input Switch", "clip_vision");
  add_switch<models::ControlNetHandle>(table, "Control Net Model Input Switch", "control_net");
  add_switch<models::UpscalerHandle>(table, "Upscale Model Switch", "upscale_model");
  add_loaders(table);
}

}  // namespace easel::nodes
