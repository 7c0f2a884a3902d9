#include "text/prompt.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/cancel.h"
#include "base/error.h"
#include "text/tokenizer.h"

namespace easel::text {
namespace {

constexpr int kMaxNesting = 200;
constexpr size_t kShownName = 200;  // bytes of a name in a warning
constexpr size_t kLongWord = 8;     // a word of as many tokens may be split at the end of a chunk

// Inside the parser, escaped parentheses are replaced by these pairs, which contain no parenthesis.
constexpr std::string_view kHiddenClose("\0\1", 2), kHiddenOpen("\0\2", 2);

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t hit = text.find(from, at);
    out += text.substr(at, hit - at);
    if (hit == std::string_view::npos) return out;
    out += to;
    at = hit + from.size();
  }
}

std::string escape(std::string_view text) {
  return replace_all(replace_all(text, "\\)", kHiddenClose), "\\(", kHiddenOpen);
}

std::string unescape(std::string_view text) {
  return replace_all(replace_all(text, kHiddenClose, ")"), kHiddenOpen, "(");
}

// Splits a text before each "(" and after each ")" of the outermost level. As in the reference, an unmatched ")" lowers
// the level below zero, so that the next "(" opens no group.
std::vector<std::string_view> split_groups(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t start = 0;
  int64_t level = 0;
  const auto cut = [&](size_t end) {
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(' && level++ == 0) cut(i);
    if (text[i] == ')' && --level == 0) cut(i + 1);
  }
  cut(text.size());
  return parts;
}

// A decimal number as Python's float() reads it (blanks around it, one "_" between digits, full-width
// digits), as long as it is finite.
std::optional<double> parse_number(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  std::string plain;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t k) { return i + k < text.size() ? static_cast<uint8_t>(text[i + k]) : 0; };
    if (byte(0) == 0xEF && byte(1) == 0xBC && byte(2) >= 0x90 && byte(2) <= 0x99) {  // U+FF10..U+FF19
      plain.push_back(static_cast<char>('0' + byte(2) - 0x90));
      i += 2;
    } else if (text[i] == '_') {
      if (plain.empty() || !digit(plain.back()) || !digit(static_cast<char>(byte(1)))) return std::nullopt;
    } else {
      plain.push_back(text[i]);
    }
  }
  std::string_view number = plain;
  if (number.starts_with('+')) number.remove_prefix(1);
  if (number.empty() || number.starts_with('+') || (plain[0] == '+' && number[0] == '-')) return std::nullopt;
  double value = 0;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (failed == std::errc::result_out_of_range && end == number.data() + number.size()) {
    // from_chars does not convert values that underflow or overflow.
    const bool tiny = number.find("e-") != number.npos || number.find("E-") != number.npos;
    return tiny ? std::optional(0.0) : std::nullopt;
  }
  if (failed != std::errc() || end != number.data() + number.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

void read_groups(std::string_view text, double weight, int depth, std::vector<WeightedText>& out) {
  if (depth > kMaxNesting)
    throw Error(Fault::kInvalid, "the prompt nests parentheses deeper than " + std::to_string(kMaxNesting))
        .fix(R"(write a weight as (words:1.3), or a plain parenthesis as \( )");
  for (std::string_view part : split_groups(text)) {
    if (part.size() < 2 || part.front() != '(' || part.back() != ')') {
      out.push_back({unescape(part), weight});
      continue;
    }
    std::string_view inner = part.substr(1, part.size() - 2);
    double inner_weight = weight * 1.1;
    const size_t colon = inner.rfind(':');
    if (colon != std::string_view::npos && colon > 0) {
      if (const auto number = parse_number(inner.substr(colon + 1))) {
        inner_weight = *number;
        inner = inner.substr(0, colon);
      }
    }
    read_groups(inner, inner_weight, depth + 1, out);
  }
}

// The tokens of a word, which stay in one chunk if possible.
using Group = std::vector<Token>;

struct FoundEmbedding {
  Tensor vectors;         // undefined: no such embedding
  std::string_view rest;  // text behind the name that is not part of it
};

// "name," means the embedding "name" and a comma, unless one is called "name,".
FoundEmbedding find_embedding(std::string_view name, const TokenizerStyle& style, const EmbeddingSource& source) {
  if (Tensor vectors = source.find(name, style); vectors.defined()) return {vectors, {}};
  const size_t first = name.find_first_not_of(',');
  const size_t last = name.find_last_not_of(',');
  const std::string_view bare =
      first == std::string_view::npos ? std::string_view() : name.substr(first, last - first + 1);
  if (bare.size() == name.size()) return {};
  return {source.find(bare, style), name.substr(bare.size())};
}

class WordReader {
 public:
  WordReader(const TokenizerStyle& style, const EmbeddingSource* embeddings, std::vector<std::string>* warnings)
      : style_(style), embeddings_(embeddings), warnings_(warnings) {}

  void read(std::string_view word, float weight) {
    if (embeddings_ && word.starts_with(kEmbeddingMark)) {
      const std::string_view name = word.substr(kEmbeddingMark.size());
      const FoundEmbedding found = find_embedding(name, style_, *embeddings_);
      if (found.vectors.defined()) add_vectors(found.vectors, weight);
      else if (warnings_) warnings_->push_back(missing(name));
      if (found.rest.empty()) return;
      word = found.rest;
    }
    Group group;
    for (int32_t id : Tokenizer::clip().encode(word)) group.push_back({id, weight, nullptr});
    groups.push_back(std::move(group));
  }

  std::vector<Group> groups;

 private:
  std::string missing(std::string_view name) const {
    std::string text = "there is no embedding \"" + std::string(name.substr(0, kShownName)) +
                       (name.size() > kShownName ? "..." : "") + "\"; it is left out";
    if (const std::string hint = embeddings_->near(name); !hint.empty()) text += "; " + hint;
    return text;
  }

  void add_vectors(const Tensor& vectors, float weight) {
    Group group;
    for (int64_t i = 0; i < vectors.dim(0); ++i)
      group.push_back({-1, weight, std::make_shared<const Tensor>(vectors.select(0, i))});
    groups.push_back(std::move(group));
  }

  const TokenizerStyle& style_;
  const EmbeddingSource* embeddings_;
  std::vector<std::string>* warnings_;
};

class ChunkWriter {
 public:
  explicit ChunkWriter(int32_t pad_token) : pad_{pad_token, 1.0f, nullptr} { open(); }

  void add(Group group) {
    ++words_;
    for (Token& token : group) token.word = words_;
    const bool may_cut = group.size() >= kLongWord;
    auto next = group.begin();
    while (next != group.end()) {
      const auto left = static_cast<size_t>(group.end() - next);
      const size_t room = static_cast<size_t>(kChunkLength) - 1 - chunks_.back().size();
      if (left <= room) {
        chunks_.back().insert(chunks_.back().end(), next, group.end());
        return;
      }
      if (may_cut) {
        chunks_.back().insert(chunks_.back().end(), next, next + static_cast<std::ptrdiff_t>(room));
        next += static_cast<std::ptrdiff_t>(room);
      }
      close();
      open();
    }
  }

  std::vector<Chunk> finish() {
    close();
    return std::move(chunks_);
  }

 private:
  void open() { chunks_.push_back({{Tokenizer::kStartToken, 1.0f, nullptr}}); }
  void close() {
    chunks_.back().push_back({Tokenizer::kEndToken, 1.0f, nullptr});
    chunks_.back().resize(static_cast<size_t>(kChunkLength), pad_);
  }

  std::vector<Chunk> chunks_;
  Token pad_;
  int32_t words_ = 0;
};

void require_few_embeddings(std::string_view prompt) {
  size_t marks = 0;
  for (size_t at = 0; (at = prompt.find(kEmbeddingMark, at)) != std::string_view::npos; at += kEmbeddingMark.size())
    if (++marks > kMostEmbeddings)
      throw Error(Fault::kInvalid, "the prompt names more than " + std::to_string(kMostEmbeddings) + " embeddings")
          .fix("Take the word \"embedding:\" out where no file is meant");
}

// Removes vectors of another width from a chunk. The tokens after them move up, but weights keep their positions.
void drop_misfits(Chunk& chunk, const TokenizerStyle& style, std::vector<std::string>* warnings) {
  size_t kept = 0;
  const size_t length = chunk.size();
  for (size_t i = 0; i < length; ++i) {
    Token token = chunk[i];
    if (token.embedding && token.embedding->dim(0) != style.embedding_width) {
      if (warnings)
        warnings->push_back("an embedding " + std::to_string(token.embedding->dim(0)) +
                            " wide does not fit a text encoder " + std::to_string(style.embedding_width) +
                            " wide; it is left out");
      continue;
    }
    chunk[kept].id = token.id;
    chunk[kept++].embedding = std::move(token.embedding);
  }
  for (; kept < length; ++kept) {
    chunk[kept].id = style.pad_token;
    chunk[kept].embedding = nullptr;
  }
}

}  // namespace

std::vector<WeightedText> parse_weights(std::string_view prompt) {
  std::vector<WeightedText> out;
  read_groups(escape(prompt), 1.0, 0, out);
  return out;
}

std::vector<std::string> foreign_syntax(std::string_view prompt) {
  std::vector<std::string> out;
  for (const std::string_view mark : {"<lora:", "<lyco:", "<hypernet:"}) {
    const size_t at = prompt.find(mark);
    if (at == std::string_view::npos) continue;
    const size_t end = prompt.find('>', at);
    const std::string_view tag =
        prompt.substr(at, std::min(end == std::string_view::npos ? 40 : end + 1 - at, size_t{80}));
    out.push_back(
        "\"" + std::string(tag) + "\" is read as words here" +
        (mark == "<hypernet:"
             ? "; load the file with a HypernetworkLoader node behind the checkpoint, and take it out of the text"
             : "; load the file with a LoraLoader node between the checkpoint and this one, and "
               "take it out of the text"));
  }
  for (size_t at = 0; (at = prompt.find("BREAK", at)) != std::string_view::npos; at += 5) {
    const auto letter = [&](size_t i) {
      return i < prompt.size() && std::isalnum(static_cast<unsigned char>(prompt[i]));
    };
    if ((at > 0 && letter(at - 1)) || letter(at + 5)) continue;
    out.push_back(
        "\"BREAK\" is read as a word here; encode the parts with a node each and join them with ConditioningConcat");
    break;
  }
  return out;
}

std::vector<Chunk> tokenize(std::string_view prompt, const TokenizerStyle& style, const EmbeddingSource* embeddings,
                            std::vector<std::string>* warnings) {
  if (embeddings) require_few_embeddings(prompt);
  WordReader words(style, embeddings, warnings);
  for (const WeightedText& part : parse_weights(prompt)) {
    const std::string_view text = part.text;
    for (size_t at = 0; (at = text.find_first_not_of(" \n", at)) != std::string_view::npos;) {
      size_t end = std::min(text.find_first_of(" \n", at), text.size());
      if (embeddings && text.substr(at, end - at) == kEmbeddingMark) {
        // The name may stand apart from the mark.
        const size_t name = text.find_first_not_of(' ', end);
        if (name != std::string_view::npos && text[name] != '\n') {
          end = std::min(text.find_first_of(" \n", name), text.size());
          words.read(std::string(kEmbeddingMark) + std::string(text.substr(name, end - name)),
                     static_cast<float>(part.weight));
          at = end;
          continue;
        }
      }
      poll_cancelled();
      words.read(text.substr(at, end - at), static_cast<float>(part.weight));
      at = end;
    }
  }
  ChunkWriter chunks(style.pad_token);
  for (Group& group : words.groups) chunks.add(std::move(group));
  std::vector<Chunk> result = chunks.finish();
  if (style.embedding_width > 0)
    for (Chunk& chunk : result) drop_misfits(chunk, style, warnings);
  return result;
}

}  // namespace easel::text
