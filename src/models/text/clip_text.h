// CLIP's text transformer: CLIP-L, OpenCLIP-H, OpenCLIP-bigG, of any width and depth.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/resident.h"
#include "models/text/clip_encoder.h"
#include "models/text/clip_keys.h"
#include "nn/weights.h"
#include "text/prompt.h"

namespace easel::models {

struct ClipTextConfig {
  int64_t width = 0, layers = 0, heads = 0;  // heads of 64
  int64_t positions = 0, vocabulary = 0;     // 77 and 49408
  int64_t projection = 0;                    // width of the pooled output
  // The number of layers of the published model: negative layer numbers count from its end. SD2 files may lack the last
  // of 24 layers, which nothing uses.
  int64_t nominal_layers = 0;
  bool projected = false;                               // there is a text_projection
  ops::Activation activation = ops::Activation::kGelu;  // quick_gelu up to 22 layers (CLIP-L), as in the reference
};

// Reads the configuration of a tower in canonical names (clip_keys.h). Throws Error(kBadFile).
ClipTextConfig read_clip_text_config(const nn::Weights& w);

class ClipTextModel {
 public:
  // `w` is the scope that holds text_model and text_projection.
  // Throws Error(kBadFile) for missing tensors and shapes that do not fit.
  explicit ClipTextModel(const nn::Weights& w);
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // The layer whose hidden state is the result.
  struct Layer {
    std::optional<int> index;  // nullopt: after the last layer and the final norm; -2: after the last but one, ...
    bool normed = true;        // with an index: the final norm is applied to it
  };
  struct Output {
    Tensor hidden;  // [T,width] f32
    Tensor pooled;  // [1,projection] f32: the last state at the first end mark, normed and projected
    Tensor state;   // [1,width] f32: the same before its projection
  };
  // One chunk of at most `positions` tokens; a token's embedding row must be f32 [width].
  // An index beyond the number of layers means the last one, as in the reference's clip skip; an index >= 0
  // counts from the front. Throws Error(kInvalid) for tokens that do not fit.
  Output encode(const text::Chunk& chunk, const Layer& layer) const;

  const ClipTextConfig& config() const { return config_; }
  size_t bytes() const;

 private:
  Tensor embed(const text::Chunk& chunk) const;

  ClipTextConfig config_;
  StoredTensor token_table_;  // in the file: only the rows asked for are read
  Tensor position_table_;     // f32
  ClipEncoder encoder_;
  nn::LayerNorm final_norm_;
  nn::Linear projection_;
  DType compute_;
};

// A tower that is built when it is first needed, one for all who ask for the same tensors with the same patches, which
// see canonical names.
std::shared_ptr<memory::Resident<ClipTextModel>> make_text_tower(memory::Residency& residency,
                                                                 const TextTowerTensors& tower, DType compute,
                                                                 const std::string& file,
                                                                 const std::vector<nn::WeightPatchPtr>& patches = {});

}  // namespace easel::models
