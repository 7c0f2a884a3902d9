// ImpactWildcardProcessor of ComfyUI-Impact-Pack (github.com/ltdrdata/ComfyUI-Impact-Pack): texts with choices.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random/numpy_random.h"
#include "node_api/table.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/extensions/impact/wildcard_text.h"

namespace easel::nodes {
namespace {

Error left_out(const std::string& what, const char* input) {
  return Error(Fault::kUnsupported, what + " are not drawn here")
      .at_input(input)
      .fix("Write what is meant, or choices as {a|b}");
}

// The weight before ::, or 1.
double weight_of(const std::string& option, const char* input) {
  const size_t end = option.find("::");
  if (end == std::string::npos) return 1;
  const std::string text = stripped(option.substr(0, end));
  const std::string digits = text.substr(text.starts_with('-') ? 1 : 0);
  const auto value = digits_as_number(digits);
  if (!value) return 1;
  if (text.starts_with('-'))
    throw Error(Fault::kInvalid, "a choice has the weight " + text + ", which is below 0").at_input(input);
  return *value;
}

std::string without_weight(const std::string& option) {
  const auto begin = std::find_if_not(option.begin(), option.end(), is_blank);
  const auto end = std::find_if_not(begin, option.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  if (end == begin || !std::string_view(end, option.end()).starts_with("::")) return option;
  return {end + 2, option.end()};
}

// numpy's Generator.choice(options, p=weights).
std::string chosen(const std::string& choices, NumpyRandom& random, const char* input) {
  const std::vector<std::string> options = split(choices, "|");
  if (options.front().find("$$") != std::string::npos) throw left_out("several of a list ({2$$a|b|c})", input);
  std::vector<double> sums;
  double total = 0;
  for (const std::string& option : options) total += weight_of(option, input);
  if (!(total > 0)) throw Error(Fault::kInvalid, "all choices have the weight 0").at_input(input);
  double sum = 0;
  for (const std::string& option : options) sums.push_back(sum += weight_of(option, input) / total);
  const double drawn = random.uniform();
  const auto found =
      std::upper_bound(sums.begin(), sums.end(), drawn, [&](double x, double upto) { return x < upto / sums.back(); });
  return without_weight(options[static_cast<size_t>(found - sums.begin())]);
}

// Replaces the innermost braces, from left to right; nothing when there are none.
std::optional<std::string> replaced_once(const std::string& text, NumpyRandom& random, const char* input) {
  std::string out;
  size_t done = 0, open = std::string::npos;
  bool any = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') open = i;
    if (text[i] != '}' || open == std::string::npos) continue;
    out.append(text, done, open - done);
    out += chosen(text.substr(open + 1, i - open - 1), random, input);
    done = i + 1;
    open = std::string::npos;
    any = true;
  }
  if (!any) return std::nullopt;
  return out + text.substr(done);
}

// `input` is where the text comes from.
std::string populated(const std::string& given, uint64_t seed, const char* input) {
  require_length(given.size());
  std::string text = without_comment_lines(given);
  NumpyRandom random(seed);
  if (names_a_file(text)) throw left_out("files of choices (__name__)", input);
  while (auto next = replaced_once(text, random, input)) text = std::move(*next);
  if (names_a_file(text)) throw left_out("files of choices (__name__)", input);
  return text;
}

struct Wildcards {
  std::string wildcard_text, populated_text, mode, add;
  uint64_t seed = 0;
};

// The original's server fills in the second text when a prompt is queued; the node itself does the same once more.
Results<std::string> process(const Wildcards& in) {
  std::string text = in.populated_text;
  if (in.mode == "populate") text = populated(in.wildcard_text, in.seed, "wildcard_text");
  return {populated(text, in.seed, "populated_text")};
}

}  // namespace

void register_impact_wildcard_nodes(Table& table) {
  table.add(NodeOf<Wildcards>{
      .name = "ImpactWildcardProcessor",
      .category = "ImpactPack/Prompt",
      .description =
          "Replaces {a|b} by one of its choices, drawn by the seed: of the first text to populate it, of the "
          "second where it is fixed.",
      .origin = "impact",
      .inputs = {Text("wildcard_text", &Wildcards::wildcard_text).multiline().names_embeddings(),
                 Text("populated_text", &Wildcards::populated_text).multiline().names_embeddings(),
                 Choice("mode", &Wildcards::mode, {"populate", "fixed", "reproduce"}), Seed("seed", &Wildcards::seed),
                 Text("Select to add Wildcard", &Wildcards::add)
                     .optional()
                     .tip("A menu of the original's page, without a meaning for what is computed.")},
      .runs_when_checked = true,
      .run = process});
}

}  // namespace easel::nodes
