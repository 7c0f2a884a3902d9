// Prompts: weights, choices, embeddings by name, tokens.
#include "text/prompt.h"

#include <cmath>

#include "fuzz/fuzz.h"
#include "text/embeddings.h"
#include "text/tokenizer.h"
#include "workflow/convert/dynamic_text.h"

namespace easel::fuzz {
namespace {

// There is one embedding of two vectors, and one whose vectors do not fit.
class Embeddings final : public text::EmbeddingSource {
 public:
  Tensor find(std::string_view name, const text::TokenizerStyle&) const override {
    return name == "a" ? Tensor::zeros({2, 8}) : name == "b" ? Tensor::zeros({1, 3}) : Tensor();
  }
};

void read(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  if (text.size() > 4096) return;
  workflow::Draw draw(1);
  (void)workflow::rewritten_text(text, draw);
  (void)text::foreign_syntax(text);
  (void)text::may_name_embeddings(text);
  for (const int32_t id : text::Tokenizer::clip().encode(text))
    require(id >= 0 && id < text::Tokenizer::kVocabularySize);
  for (const text::WeightedText& piece : text::parse_weights(text)) require(std::isfinite(piece.weight));
  text::TokenizerStyle style;
  style.embedding_width = 8;
  std::vector<std::string> warnings;
  const Embeddings embeddings;
  for (const text::Chunk& chunk : text::tokenize(text, style, &embeddings, &warnings))
    require(chunk.size() == static_cast<size_t>(text::kChunkLength));
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
