// CLIP's byte-level BPE tokenizer: text to token ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace easel::text {

// Immutable after construction, so one object serves any number of threads.
class Tokenizer {
 public:
  static constexpr int32_t kStartToken = 49406;
  static constexpr int32_t kEndToken = 49407;
  static constexpr int32_t kVocabularySize = 49408;

  // The one vocabulary all CLIP text encoders share (docs/vocabulary.md); built at the first call.
  static const Tokenizer& clip();

  // Token ids of UTF-8 text, without start and end marks, as transformers' CLIPTokenizer gives them.
  // "<|startoftext|>" and "<|endoftext|>" inside the text become their tokens. Bytes that are not
  // UTF-8 are ignored. Takes time n log n in the text's length whatever the text.
  std::vector<int32_t> encode(std::string_view utf8) const;

  // The bytes a token stands for, with a space where it ends a word; the marks by their names.
  // Throws Error(kInvalid) for an id outside the vocabulary.
  std::string text_of(int32_t id) const;

 private:
  Tokenizer();

  void encode_word(std::string_view bytes, std::vector<int32_t>& out) const;
  void encode_clean(std::string_view utf8, std::vector<int32_t>& out) const;
  // The id of two merged neighbours, or -1. Ids grow with merge rank, so the smallest id merges first.
  int32_t merged(int32_t left, int32_t right) const;

  struct Slot {
    uint32_t pair = kFree;
    int32_t id = -1;
  };
  static constexpr uint32_t kFree = 0xFFFFFFFFu;

  std::vector<Slot> table_;  // open addressing; a power of two slots, under half full
};

}  // namespace easel::text
