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

class HookGroup;  // models/patch/hooks.h

// A prompt tokenised for each tower of an encoder; empty for towers that the encoder does not have.
struct PromptTokens {
  std::vector<text::Chunk> l, h, g;
};

struct EncodedText {
  Tensor cond;    // [1,77*k,C] f32; C is the width of the tower, for SDXL the sum of both
  Tensor pooled;  // [1,P] f32, of the first chunk; for SDXL that of bigG
  Tensor state;   // [1,width] f32: the same before its projection
};

// The text encoders of one model file (or two, for SDXL). Immutable, apart from a small cache of encoded chunks so that
// the same text is not encoded twice in a row. Thread-safe.
class TextEncoder {
 public:
  // Each patch is given the canonical names of its tower (clip_keys.h).
  using TowerPatches = std::map<TextTowerKind, nn::WeightPatchPtr>;

  // One tower, or CLIP-L and bigG in any order. Throws Error(kMismatch) for other sets, Error(kBadFile) for an
  // incomplete one.
  TextEncoder(memory::Residency& residency, std::vector<TextTowerTensors> towers, DType compute, std::string file);
  ~TextEncoder();

  // An encoder of the same files with further patches to its tensors (LoRA, merges), applied after the earlier ones.
  std::shared_ptr<const TextEncoder> patched(memory::Residency& residency, const TowerPatches& patches) const;

  bool has(TextTowerKind kind) const;
  // A tower's tensors as its file has them, by their canonical names; null if there is no such tower.
  std::shared_ptr<const StoredTensors> stored(TextTowerKind kind) const;
  // A tower's patched tensor, by its canonical name (clip_keys.h); undefined if there is none.
  StoredTensor tensor(TextTowerKind kind, const std::string& name) const;
  // Identifies what a tower is made from, its patches included; empty if there is no such tower.
  std::string key(TextTowerKind kind) const;
  // The width C of the conditioning.
  int64_t context_dim() const;
  // The width of EncodedText::state.
  int64_t state_width() const;
  const std::string& file() const { return file_; }
  // "CLIP-L and OpenCLIP-bigG"
  std::string description() const;

  PromptTokens tokenize(std::string_view prompt, const text::EmbeddingSource* embeddings,
                        std::vector<std::string>* warnings) const;
  // SDXL's two prompts; the shorter one is padded with chunks of the empty prompt. Encoders without CLIP-L do not use
  // `text_l`.
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
  std::shared_ptr<const HookGroup> hooks = {};              // given to each entry that it encodes, or null
  bool hooked = false;                                      // SetClipHooks has been here
  // Further changes of the encoder's weights for parts of the sampling, in order: a text becomes an entry for each.
  // Empty: one for all of it.
  struct Part {
    double start_percent = 0, end_percent = 1;
    TextEncoder::TowerPatches patches;
  };
  std::vector<Part> schedule = {};
};

// The towers of a checkpoint as a CLIP handle's encoder, or null when the file has none.
std::shared_ptr<const TextEncoder> load_text_encoder(memory::Residency& residency, const StoredTensors& checkpoint,
                                                     DType compute, const std::string& file);

// Throws Error(kUnsupported) if the encoder's weights change over the sampling, so that a text has several encodings.
void require_one_encoding(const ClipHandle& clip);

// Encodes a prompt; the tokenizer's warnings are added to `warnings` (unless null). Throws as require_one_encoding().
EncodedText encode_prompt(const ClipHandle& clip, std::string_view prompt,
                          std::vector<std::string>* warnings = nullptr);

}  // namespace easel::models
