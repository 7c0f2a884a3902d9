#include "text/tokenizer.h"

#include <algorithm>
#include <array>
#include <queue>
#include <span>

#include "base/error.h"
#include "formats/utf8.h"
#include "text/unicode.h"

namespace easel::embedded {
extern const unsigned char clip_merges[];  // assets/clip_vocab/merges.bin
extern const std::size_t clip_merges_size;
}  // namespace easel::embedded

namespace easel::text {
namespace {

constexpr int32_t kFirstMerge = 512;  // below: 256 bytes, then the same 256 at the end of a word
constexpr int32_t kMerges = Tokenizer::kStartToken - kFirstMerge;
constexpr std::string_view kStartText = "<|startoftext|>";
constexpr std::string_view kEndText = "<|endoftext|>";

// CLIP numbers the bytes with the printable ones of Latin-1 first.
constexpr std::array<uint8_t, 256> bytes_in_order() {
  std::array<uint8_t, 256> order{};
  size_t n = 0;
  const auto printable = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b != 173); };
  for (int b = 0; b < 256; ++b)
    if (printable(b)) order[n++] = static_cast<uint8_t>(b);
  for (int b = 0; b < 256; ++b)
    if (!printable(b)) order[n++] = static_cast<uint8_t>(b);
  return order;
}
constexpr std::array<uint8_t, 256> kByteOfId = bytes_in_order();

constexpr std::array<uint8_t, 256> ids_of_bytes() {
  std::array<uint8_t, 256> ids{};
  for (size_t i = 0; i < 256; ++i) ids[kByteOfId[i]] = static_cast<uint8_t>(i);
  return ids;
}
constexpr std::array<uint8_t, 256> kIdOfByte = ids_of_bytes();

struct Merge {
  int32_t left, right;
};

Merge merge_at(int32_t index) {
  const unsigned char* p = embedded::clip_merges + static_cast<size_t>(index) * 4;
  return {p[0] | p[1] << 8, p[2] | p[3] << 8};
}

uint32_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint32_t>(left) << 16 | static_cast<uint32_t>(right);
}

size_t first_slot(uint32_t key, size_t slots) { return (key * 0x9E3779B1u >> 12) & (slots - 1); }

// Length of an English contraction ('s 't 're 've 'm 'll 'd) at the start of `text`, or 0. The long s
// counts as an s, as it does in the reference's case-insensitive pattern.
size_t contraction_length(std::span<const int32_t> text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  const int32_t a = text[1], b = text.size() > 2 ? text[2] : 0;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
  return a == 's' || a == 0x17F || a == 't' || a == 'm' || a == 'd' ? 2 : 0;
}

bool starts_with(std::span<const int32_t> text, std::string_view ascii) {
  return text.size() >= ascii.size() && std::equal(ascii.begin(), ascii.end(), text.begin());
}

// Length of the next piece of a clean word: a contraction, a run of letters, one digit, or a run of
// anything else. 0 for the one character that the reference's pattern matches nowhere, U+0345: without
// regard to case it is neither a letter nor not one.
size_t piece_length(std::span<const int32_t> text) {
  constexpr int32_t kYpogegrammeni = 0x345;
  if (const size_t n = contraction_length(text)) return n;
  const CharClass kind = char_class(text[0]);
  if (kind == CharClass::kNumber) return 1;
  size_t n = 0;
  while (n < text.size() && text[n] != kYpogegrammeni && char_class(text[n]) == kind) ++n;
  return n;
}

}  // namespace

const Tokenizer& Tokenizer::clip() {
  static const Tokenizer tokenizer;
  return tokenizer;
}

Tokenizer::Tokenizer() : table_(size_t{1} << 17) {
  if (embedded::clip_merges_size != size_t{kMerges} * 4)
    throw Error(Fault::kInternal, "the built-in CLIP vocabulary has the wrong size")
        .fix("Rebuild Easel from clean sources");
  for (int32_t i = 0; i < kMerges; ++i) {
    const Merge m = merge_at(i);
    const uint32_t key = pair_key(m.left, m.right);
    size_t at = first_slot(key, table_.size());
    while (table_[at].pair != kFree) at = (at + 1) & (table_.size() - 1);
    table_[at] = {key, kFirstMerge + i};
  }
}

int32_t Tokenizer::merged(int32_t left, int32_t right) const {
  const uint32_t key = pair_key(left, right);
  for (size_t at = first_slot(key, table_.size());; at = (at + 1) & (table_.size() - 1)) {
    if (table_[at].pair == key) return table_[at].id;
    if (table_[at].pair == kFree) return -1;
  }
}

// The textbook algorithm merges all places of the best-ranked pair, left to right, then looks for the
// next best. A merge only makes pairs of worse rank than itself, so a heap ordered by rank and place
// merges in the same order without looking through the word each time.
void Tokenizer::encode_word(std::string_view bytes, std::vector<int32_t>& out) const {
  struct Symbol {
    int32_t id, previous, next;
  };
  struct Candidate {
    int32_t id, at, left, right;
    bool operator>(const Candidate& o) const { return id != o.id ? id > o.id : at > o.at; }
  };
  const auto count = static_cast<int32_t>(bytes.size());
  std::vector<Symbol> word(bytes.size());
  for (int32_t i = 0; i < count; ++i) {
    const auto s = static_cast<size_t>(i);
    word[s] = {kIdOfByte[static_cast<uint8_t>(bytes[s])], i - 1, i + 1 < count ? i + 1 : -1};
  }
  word.back().id += 256;

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto offer = [&](int32_t at) {
    if (at < 0 || word[static_cast<size_t>(at)].next < 0) return;
    const int32_t left = word[static_cast<size_t>(at)].id;
    const int32_t right = word[static_cast<size_t>(word[static_cast<size_t>(at)].next)].id;
    if (const int32_t id = merged(left, right); id >= 0) heap.push({id, at, left, right});
  };
  for (int32_t i = 0; i + 1 < count; ++i) offer(i);
  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Symbol& left = word[static_cast<size_t>(best.at)];
    if (left.id != best.left || left.next < 0) continue;  // already merged with another neighbour
    Symbol& right = word[static_cast<size_t>(left.next)];
    if (right.id != best.right) continue;
    left.id = best.id;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) word[static_cast<size_t>(left.next)].previous = best.at;
    offer(left.previous);
    offer(best.at);
  }
  for (int32_t i = 0; i >= 0; i = word[static_cast<size_t>(i)].next) out.push_back(word[static_cast<size_t>(i)].id);
}

void Tokenizer::encode_clean(std::string_view utf8, std::vector<int32_t>& out) const {
  std::string bytes;
  for (const CodePoints& word : clean_words(utf8)) {
    for (std::span<const int32_t> rest(word); !rest.empty();) {
      if (starts_with(rest, kStartText) || starts_with(rest, kEndText)) {
        const bool start = starts_with(rest, kStartText);
        out.push_back(start ? kStartToken : kEndToken);
        rest = rest.subspan(start ? kStartText.size() : kEndText.size());
        continue;
      }
      const size_t n = piece_length(rest);
      bytes.clear();
      for (int32_t c : rest.first(n)) formats::append_utf8(bytes, static_cast<uint32_t>(c));
      if (n > 0) encode_word(bytes, out);
      rest = rest.subspan(std::max<size_t>(n, 1));
    }
  }
}

// The marks are looked for before the text is cleaned, and (in lower case by then) once more after.
std::vector<int32_t> Tokenizer::encode(std::string_view utf8) const {
  std::vector<int32_t> out;
  size_t done = 0;
  for (size_t at = utf8.find("<|"); at != std::string_view::npos; at = utf8.find("<|", at)) {
    const bool start = utf8.substr(at, kStartText.size()) == kStartText;
    if (!start && utf8.substr(at, kEndText.size()) != kEndText) {
      ++at;
      continue;
    }
    encode_clean(utf8.substr(done, at - done), out);
    out.push_back(start ? kStartToken : kEndToken);
    done = at += start ? kStartText.size() : kEndText.size();
  }
  encode_clean(utf8.substr(done), out);
  return out;
}

std::string Tokenizer::text_of(int32_t id) const {
  if (id == kStartToken) return std::string(kStartText);
  if (id == kEndToken) return std::string(kEndText);
  if (id < 0 || id >= kVocabularySize)
    throw Error(Fault::kInvalid, "token " + std::to_string(id) + " is not in CLIP's vocabulary of 49408");
  std::string out;
  std::vector<int32_t> open{id};
  while (!open.empty()) {
    const int32_t t = open.back();
    open.pop_back();
    if (t >= kFirstMerge) {
      const Merge m = merge_at(t - kFirstMerge);
      open.insert(open.end(), {m.right, m.left});
    } else {
      out.push_back(static_cast<char>(kByteOfId[static_cast<size_t>(t & 255)]));
      if (t >= 256) out.push_back(' ');
    }
  }
  return out;
}

}  // namespace easel::text
