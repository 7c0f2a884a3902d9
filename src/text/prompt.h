// Prompts as ComfyUI writes them: weights in parentheses, textual-inversion embeddings by name, and
// the division into the chunks of 77 tokens that CLIP's text encoders take.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace easel::text {

// The prefix of an embedding's name in a prompt.
constexpr std::string_view kEmbeddingMark = "embedding:";
// In one prompt: each is looked for in all folders. Longer names cannot be a file's.
constexpr size_t kMostEmbeddings = 1000, kLongestEmbedding = 1024;

// Tokens of one chunk, start and end marks included.
constexpr int64_t kChunkLength = 77;

// One position of a chunk: a vocabulary entry, or a vector that stands in its place.
struct Token {
  int32_t id = 0;                           // -1 where `embedding` is set
  float weight = 1.0f;                      // emphasis; 1 = none
  std::shared_ptr<const Tensor> embedding;  // null, or one contiguous f32 row [C]
  int32_t word = 0;                         // counts the prompt's words from 1; 0 for marks and padding
};

using Chunk = std::vector<Token>;  // always kChunkLength of them

// The differences between the text encoders.
struct TokenizerStyle {
  int32_t pad_token = 49407;             // 49407 for CLIP-L, 0 for OpenCLIP H and bigG
  int64_t embedding_width = 0;           // C of the encoder (768, 1024, 1280, ...); 0: take any width
  std::string embedding_key = "clip_l";  // which tensor of a file made for several encoders: clip_l, clip_h, clip_g
};

// Where `embedding:name` finds its vectors.
class EmbeddingSource {
 public:
  virtual ~EmbeddingSource() = default;
  // The vectors f32 [n, C] of that name, contiguous, or an undefined tensor when there are none.
  // Throws Error where a file of that name exists but cannot be read.
  virtual Tensor find(std::string_view name, const TokenizerStyle& style) const = 0;
  // "did you mean 'a'?", naming those that there are and that a name which was not found may mean; or nothing.
  virtual std::string near(std::string_view name) const {
    (void)name;
    return {};
  }
};

// A piece of a prompt and its final weight.
struct WeightedText {
  std::string text;
  double weight;
};

// Reads ComfyUI's weight syntax: "(a)" multiplies by 1.1, "(a:1.2)" sets, groups nest, "\(" and "\)" are
// plain parentheses, and unmatched ones stay text. Only a finite number is a weight.
// Throws Error(kInvalid) for groups nested deeper than 200.
std::vector<WeightedText> parse_weights(std::string_view prompt);

// Warnings about other programs' syntax in a prompt, which counts as plain words here: "<lora:name:0.8>" and the like,
// and A1111's BREAK. Each is a sentence that says what to do instead.
std::vector<std::string> foreign_syntax(std::string_view prompt);

// Tokenizes a prompt into one or more chunks, as ComfyUI's SDTokenizer does: word by word, a word of 8 or
// more tokens is cut at a chunk's end, a shorter one moves to the next chunk whole.
// Without `embeddings`, "embedding:name" is ordinary text. With it, spaces may stand before the name, as in the
// reference since 2025; a name that is not found is left out and
// said in `warnings` (unless null); so is a vector whose width does not fit the encoder, whose place is then
// taken by what follows it in its chunk (weights stay in their places, as in the reference). Throws Error(kInvalid) for
// a prompt that names more than kMostEmbeddings.
std::vector<Chunk> tokenize(std::string_view prompt, const TokenizerStyle& style,
                            const EmbeddingSource* embeddings = nullptr, std::vector<std::string>* warnings = nullptr);

}  // namespace easel::text
