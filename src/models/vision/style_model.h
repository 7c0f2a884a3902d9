// T2I-Adapter's style adapter (coadapter-style): turns an image into tokens for the text context.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "models/handles.h"
#include "models/text/clip_encoder.h"
#include "nn/weights.h"

namespace easel::models {

// Mou et al. 2023, "T2I-Adapter": learned style tokens are appended to the vision tower's last hidden state, a small
// transformer is applied to both, and the style tokens' states are projected to the text's width.
class StyleModel {
 public:
  // Keys: style_embedding [1,tokens,width], ln_pre, transformer_layes.N (OpenCLIP blocks; the spelling is the
  // publisher's), ln_post, proj [width,context]. Throws Error(kBadFile).
  explicit StyleModel(const nn::Weights& w);
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // hidden [N,T,width] (any float type) -> [N,tokens,context] f32. Throws Error(kMismatch) for another width.
  Tensor encode(const Tensor& hidden) const;

  int64_t width() const { return width_; }
  int64_t tokens() const { return tokens_.dim(1); }
  int64_t context_dim() const { return projection_.out_features(); }
  size_t bytes() const;

 private:
  int64_t width_ = 0;
  Tensor tokens_;  // [1,tokens,width] f32
  nn::LayerNorm pre_norm_, post_norm_;
  ClipEncoder encoder_;
  nn::Linear projection_;
  DType compute_;
  std::string file_;
};

// STYLE_MODEL
struct StyleModelHandle {
  std::string file;
  int64_t width = 0, context_dim = 0, tokens = 0;
  std::shared_ptr<memory::Resident<StyleModel>> model;
};

// Whether a file's tensors are a style model.
bool is_style_model(const StoredTensors& file);

struct StyleShape {
  int64_t width = 0, context_dim = 0, tokens = 0;
};
// From the shapes alone. Throws Error(kBadFile).
StyleShape read_style_shape(const StoredTensors& file, const std::string& file_name);

// Throws Error(kUnsupported) naming the file if it is not a style model, Error(kBadFile) if it is damaged.
StyleModelHandle load_style_model(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name);

// An Error(kMismatch) that says why the three do not fit each other and what would, or nullopt if they do. Computes
// nothing. context_dim: width of the text conditioning, which comes from `text_file`. `vision` may be null (unknown).
std::optional<Error> style_mismatch(const StyleModelHandle& style, const ClipVisionHandle* vision, int64_t context_dim,
                                    const std::string& text_file);

// The style tokens of the N images of a batch, one after the other: [1, N*tokens, context_dim] f32.
Tensor style_tokens(const StyleModelHandle& style, const ClipVisionOutput& image);

}  // namespace easel::models
