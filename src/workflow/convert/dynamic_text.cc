#include "workflow/convert/dynamic_text.h"

#include <vector>

#include "base/hash.h"
#include "workflow/convert/graph.h"

namespace easel::workflow {
namespace {

constexpr int kDeepestChoice = 64;

std::string without_comments(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("/*")) {
      const size_t end = rest.find("*/", 2);
      if (end != std::string_view::npos) {
        i += end + 2;
        continue;
      }
    } else if (rest.starts_with("//") && (i == 0 || text[i - 1] != ':')) {
      const size_t end = rest.find_first_of("\r\n");
      if (end == std::string_view::npos) break;
      i += end;
      continue;
    } else if (rest.starts_with("//")) {
      out += "//";  // of an address
      i += 2;
      continue;
    }
    out += text[i++];
  }
  return out;
}

// Reads a text without comments. Escapes keep their backslash until all choices are made.
class Reader {
 public:
  Reader(std::string_view text, Draw& draw, int depth) : text_(text), draw_(draw), depth_(depth) {}

  std::string read() {
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\') out += escape();
      else if (c == '{') out += choice();
      else out += c;
    }
    std::string plain;
    for (size_t i = 0; i < out.size(); ++i) {
      const bool escaped =
          out[i] == '\\' && i + 1 < out.size() && std::string_view("{}|").find(out[i + 1]) != std::string_view::npos;
      plain += out[escaped ? ++i : i];
    }
    return plain;
  }

 private:
  std::string escape() {
    std::string out = "\\";
    if (at_ < text_.size()) out += text_[at_++];
    return out;
  }

  // What stands between braces, the first of which has been read; one that is not closed reaches to the end.
  std::string choice() {
    std::vector<std::string> options(1);
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\') {
        options.back() += escape();
        continue;
      }
      if (c == '{') ++depth;
      else if (c == '}' && depth-- == 0) break;
      else if (c == '|' && depth == 0) {
        options.emplace_back();
        continue;
      }
      options.back() += c;
    }
    const std::string& chosen = options[draw_.below(options.size())];
    return depth_ < kDeepestChoice ? Reader(chosen, draw_, depth_ + 1).read() : chosen;
  }

  std::string_view text_;
  Draw& draw_;
  int depth_;
  size_t at_ = 0;
};

constexpr std::string_view kMark = "\xFF";  // between the parts of what is hashed; not UTF-8

// The state from which the choices in a node's text are drawn.
uint64_t draw_state(uint64_t seed, std::string_view node, std::string_view input) {
  return Hash64().add(std::to_string(seed)).add(kMark).add(node).add(kMark).add(input).add(kMark).value();
}

// The first seed typed into a node, 0 when there is none.
uint64_t first_seed(const Prompt& prompt, const NodeTable& table) {
  for (const PromptNode& node : prompt.nodes) {
    const NodeSpec* spec = table.find(node.class_type, node.input_names());
    if (!spec) continue;
    for (const InputSpec& input : spec->inputs) {
      if (!is_seed(input)) continue;
      const auto value = node.inputs.find(input.name);
      if (value == node.inputs.end() || !value->is_number_integer()) continue;
      return value->is_number_unsigned() ? value->get<uint64_t>() : static_cast<uint64_t>(value->get<int64_t>());
    }
  }
  return 0;
}

void rewrite(PromptNode& node, const InputSpec& input, uint64_t seed) {
  const auto value = node.inputs.find(input.name);
  if (!input.dynamic_prompts || value == node.inputs.end() || !value->is_string()) return;
  const std::string text = value->get<std::string>();
  if (text.find_first_of("/{\\") == std::string::npos) return;
  Draw draw(draw_state(seed, node.id, input.name));
  *value = rewritten_text(text, draw);
}

}  // namespace

size_t Draw::below(size_t count) {
  state_ += 0x9E3779B97F4A7C15u;
  uint64_t x = state_;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return static_cast<size_t>((x ^ (x >> 31)) % count);
}

std::string rewritten_text(std::string_view text, Draw& draw) {
  const std::string plain = without_comments(text);
  return Reader(plain, draw, 0).read();
}

uint64_t draw_start(std::string_view name) { return Hash64().add(name).add(kMark).value(); }

void rewrite_text(Prompt& prompt, const NodeTable& table, const std::string& node, const InputSpec& input) {
  if (PromptNode* found = prompt.find(node)) rewrite(*found, input, first_seed(prompt, table));
}

void rewrite_texts(Prompt& prompt, const NodeTable& table) {
  const uint64_t seed = first_seed(prompt, table);
  for (PromptNode& node : prompt.nodes) {
    const NodeSpec* spec = table.find(node.class_type, node.input_names());
    if (!spec) continue;
    for (const InputSpec& input : spec->inputs) rewrite(node, input, seed);
  }
}

}  // namespace easel::workflow
