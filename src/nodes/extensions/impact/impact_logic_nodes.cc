// Nodes of ComfyUI-Impact-Pack (github.com/ltdrdata/ComfyUI-Impact-Pack): comparisons, conditions, chosen lines.
#include <algorithm>

#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/common/python/values_as_text.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "impact";

struct Compare {
  std::string cmp;
  Linked<Anything> a, b;
};
struct Branch {
  bool cond = false;
  Linked<Anything> tt_value, ff_value;
};
struct Not {
  bool value = false;
};
struct Operators {
  std::string op;
  bool a = false, b = false;
};
struct Extreme {
  bool largest = true;
  Linked<Anything> a, b;
};
struct Convert {
  Linked<Anything> value;
};
struct IfNone {
  MaybeLinked<Anything> signal, any_input;
};
struct Select {
  std::string strings;
  bool multiline = false;
  int64_t select = 0;
};

std::optional<double> number_in(const Value& value) {
  if (const auto* v = value.get<int64_t>()) return static_cast<double>(*v);
  if (const auto* v = value.get<double>()) return *v;
  if (const auto* v = value.get<bool>()) return *v ? 1.0 : 0.0;
  return std::nullopt;
}

// Numbers by size, texts by their characters, as Python has it; what cannot be compared is refused.
Results<bool> compare(const Compare& in) {
  if (in.cmp == "tt" || in.cmp == "ff") return {in.cmp == "tt"};
  const Value &a = in.a.value(), &b = in.b.value();
  const auto x = number_in(a), y = number_in(b);
  int order = 0;
  bool equal = false, ordered = false;
  if (x && y) {
    order = *x < *y ? -1 : *x > *y;
    equal = order == 0;
    ordered = true;
  } else if (a.get<std::string>() && b.get<std::string>()) {
    order = a.as<std::string>().compare(b.as<std::string>());
    equal = order == 0;
    ordered = true;
  } else if (!has_text(a) || !has_text(b)) {
    throw Error(Fault::kInvalid, "compares numbers, flags and texts, not " + a.type() + " and " + b.type());
  }
  if (in.cmp == "a = b") return {equal};
  if (in.cmp == "a <> b") return {!equal};
  if (!ordered) throw Error(Fault::kInvalid, "a " + a.type() + " is neither more nor less than a " + b.type());
  if (in.cmp == "a > b") return {order > 0};
  if (in.cmp == "a < b") return {order < 0};
  if (in.cmp == "a >= b") return {order >= 0};
  return {order <= 0};
}

Results<int64_t> extreme(const Extreme& in) {
  const auto x = number_in(in.a.value()), y = number_in(in.b.value());
  if (!x || !y)
    throw Error(Fault::kInvalid, "takes numbers, not a " + in.a.value().type() + " and a " + in.b.value().type());
  return {python_int(in.largest ? std::max(*x, *y) : std::min(*x, *y), "a")};
}

Results<std::string, double, int64_t, bool> convert(const Convert& in) {
  const Value& value = in.value.value();
  if (!has_text(value)) throw Error(Fault::kInvalid, "a " + value.type() + " has no number").at_input("value");
  const std::string text = as_text(value);
  double number = 1.0;
  const bool sign = text.starts_with('-') || text.starts_with('+');
  const std::string digits = text.substr(sign ? 1 : 0);
  if (const auto plain = digits_as_number(digits); plain && !digits.ends_with('.'))
    number = text.starts_with('-') ? -*plain : *plain;
  else if (text == "False" || text == "false" || text == "FALSE") number = 0.0;
  return {text, number, python_int(number, "value"), number != 0.0};
}

// A line, or a part that begins with a line with # in front.
Results<std::string> selected(const Select& in) {
  const std::vector<std::string> lines = split(in.strings, "\n");
  const auto which = [&](size_t count) { return static_cast<size_t>(in.select) % count; };
  if (!in.multiline) return {lines[which(lines.size())]};
  std::vector<std::string> parts;
  std::string part;
  for (const std::string& line : lines) {
    if (line.starts_with('#') && !part.empty()) {
      parts.push_back(stripped(part));
      part.clear();
    }
    part += line + "\n";
  }
  if (!part.empty()) parts.push_back(stripped(part));
  std::string out = parts[which(parts.size())];
  if (out.starts_with('#')) out.erase(0, 1);
  return {std::move(out)};
}

}  // namespace

void register_impact_logic_nodes(Table& table) {
  const AddNode add{table, kOrigin, "ImpactPack/Logic"};
  add.node<Compare>(
      "ImpactCompare", "Compares two values.",
      {Choice("cmp", &Compare::cmp, {"a = b", "a <> b", "a > b", "a < b", "a >= b", "a <= b", "tt", "ff"}),
       Link("a", &Compare::a), Link("b", &Compare::b)},
      compare);
  add.node<Branch>(
      "ImpactConditionalBranch", "Hands on one of two values.",
      {Bool("cond", &Branch::cond), Link("tt_value", &Branch::tt_value), Link("ff_value", &Branch::ff_value)},
      [](const Branch& in) -> Results<Anything> { return {in.cond ? in.tt_value : in.ff_value}; });
  add.node<Not>("ImpactNeg", "Yes for no, and no for yes.", {Bool("value", &Not::value).link_only()},
                [](const Not& in) -> Results<bool> { return {!in.value}; });
  add.node<Operators>("ImpactLogicalOperators", "Joins two conditions.",
                      {Choice("operator", &Operators::op, {"and", "or", "xor"}),
                       Bool("bool_a", &Operators::a).link_only(), Bool("bool_b", &Operators::b).link_only()},
                      [](const Operators& in) -> Results<bool> {
                        if (in.op == "and") return {in.a && in.b};
                        return {in.op == "or" ? in.a || in.b : in.a != in.b};
                      });
  add.node<Extreme>("ImpactMinMax", "The larger of two numbers, or the smaller.",
                    {Bool("mode", &Extreme::largest), Link("a", &Extreme::a), Link("b", &Extreme::b)}, extreme);
  add.node<Convert>("ImpactConvertDataType", "A value in four types.", {Link("value", &Convert::value)}, convert);
  add.node<IfNone>("ImpactIfNone", "Whether something comes in.",
                   {Link("signal", &IfNone::signal), Link("any_input", &IfNone::any_input)},
                   [](const IfNone& in) -> Results<Anything, bool> {
                     return {in.signal, static_cast<bool>(in.any_input)};
                   },
                   {{"signal_opt"}, {"bool"}});
  add.node<Select>("ImpactStringSelector", "One of the lines of a text.",
                   {Text("strings", &Select::strings).multiline().names_embeddings(),
                    Bool("multiline", &Select::multiline), Int("select", &Select::select).range(0, INT64_MAX)},
                   selected);
}

}  // namespace easel::nodes
