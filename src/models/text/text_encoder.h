// CLIP handles: from a prompt to conditioning, for SD1 (CLIP-L), SD2 (OpenCLIP-H), SDXL (L and bigG) and its refiner.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/clip_text.h"
#include "text/prompt.h"

namespace easel::models {

// A prompt as each tower of an encoder sees it; empty for towers the encoder does not have.
struct PromptTokens {
  std::vector<text::Chunk> l, h, g;
};

struct EncodedText {
  Tensor cond;    // [1,77*k,C] f32; C is the width of the tower, for SDXL the sum of both
  Tensor pooled;  // [1,P] f32, of the first chunk; for SDXL that of bigG
};

// The text encoders of one model file (or two, for SDXL). Immutable apart from a small cache of encoded
// chunks, so that the same text is never encoded twice in a row; safe to use from several threads.
class TextEncoder {
 public:
  // Each sees the canonical names of its tower (clip_keys.h).
  using TowerPatches = std::map<TextTowerKind, nn::WeightPatchPtr>;

  // One tower, or CLIP-L and bigG in any order. Throws Error(kMismatch) for other sets, Error(kBadFile) for an
  // incomplete one.
  TextEncoder(memory::Residency& residency, std::vector<TextTowerTensors> towers, DType compute, std::string file);
  ~TextEncoder();

  // An encoder of the same files with tensors changed on their way in (LoRA, merges), after what earlier patches
  // change.
  std::shared_ptr<const TextEncoder> patched(memory::Residency& residency, const TowerPatches& patches) const;

  bool has(TextTowerKind kind) const;
  // A tower's tensor by its canonical name (clip_keys.h), patched; undefined when there is none.
  StoredTensor tensor(TextTowerKind kind, const std::string& name) const;
  // Says everything a tower is made from, its patches included; empty when there is none.
  std::string key(TextTowerKind kind) const;
  // Width C of the conditioning it makes.
  int64_t context_dim() const;
  const std::string& file() const { return file_; }
  // "CLIP-L and OpenCLIP-bigG"
  std::string description() const;

  PromptTokens tokenize(std::string_view prompt, const text::EmbeddingSource* embeddings,
                        std::vector<std::string>* warnings) const;
  // SDXL's two prompts; the shorter one is filled up with chunks of the empty prompt.
  // On encoders without CLIP-L, `text_l` is not used.
  PromptTokens tokenize_pair(std::string_view text_g, std::string_view text_l, const text::EmbeddingSource* embeddings,
                             std::vector<std::string>* warnings) const;

  // stop_at_layer: -1 is the last layer, -2 the last but one, ...; nullopt: what the model was trained with.
  EncodedText encode(const PromptTokens& tokens, std::optional<int> stop_at_layer) const;

 private:
  struct Tower;
  class Cache;
  using AllPatches = std::map<TextTowerKind, std::vector<nn::WeightPatchPtr>>;
  TextEncoder(memory::Residency& residency, std::vector<TextTowerTensors> towers, DType compute, std::string file,
              const AllPatches& patches);
  const Tower* tower(TextTowerKind kind) const;
  ClipTextModel::Output encode_chunk(const Tower& tower, const text::Chunk& chunk,
                                     const ClipTextModel::Layer& layer) const;
  EncodedText encode_tower(const Tower& tower, const std::vector<text::Chunk>& chunks,
                           std::optional<int> stop_at_layer) const;

  std::vector<Tower> towers_;
  std::string file_;
  DType compute_;
  std::unique_ptr<Cache> cache_;
};

// CLIP
struct ClipHandle {
  std::shared_ptr<const TextEncoder> encoder;
  std::shared_ptr<const text::EmbeddingSource> embeddings;  // null: `embedding:name` is ordinary text
  std::optional<int> stop_at_layer;                         // CLIPSetLastLayer
};

// The towers of a checkpoint as a CLIP handle's encoder, or null when the file has none.
std::shared_ptr<const TextEncoder> load_text_encoder(memory::Residency& residency, const StoredTensors& checkpoint,
                                                     DType compute, const std::string& file);

// A prompt encoded; what the tokenizer has to say goes to `warnings` (unless null).
EncodedText encode_prompt(const ClipHandle& clip, std::string_view prompt,
                          std::vector<std::string>* warnings = nullptr);

}  // namespace easel::models
