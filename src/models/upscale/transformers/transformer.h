// Networks that enlarge pictures by attention: SwinIR (Liang et al. 2021), HAT (Chen et al. 2023), DAT (Chen et al.
// 2023) and OmniSR (Wang et al. 2023).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "nn/weights.h"

namespace easel::models {

enum class TransformerKind { kSwinIr, kHat, kDat, kOmniSr };
const char* transformer_name(TransformerKind kind);

// Which of them has tensors of these names, all below `prefix`.
std::optional<TransformerKind> transformer_kind(const StoredTensors& file, const std::string& prefix = "");

// The same for the names below a scope.
bool is_transformer(TransformerKind kind, const nn::Weights& w);

// What the shapes in a file say of one.
struct TransformerConfig {
  int64_t scale = 1;   // pixels of the result per pixel along a side
  int64_t width = 0;   // of the maps
  int64_t window = 0;  // the longer side of its windows, in pixels
  int64_t blocks = 0;
};

class TransformerUpscaler {
 public:
  virtual ~TransformerUpscaler() = default;
  // Throws Error(kBadFile), or Error(kUnsupported) for variants that Easel does not run. It computes in f32, as the
  // originals do.
  static std::unique_ptr<const TransformerUpscaler> make(TransformerKind kind, const nn::Weights& w);
  static TransformerConfig read_config(TransformerKind kind, const nn::Weights& w);

  // [N,H,W,3] f32 from 0 to 1 -> [N,H scale,W scale,3] f32, not clipped.
  virtual Tensor forward(const Tensor& pictures) const = 0;
  // Bytes that forward() needs for each pixel of its picture, at most.
  virtual size_t bytes_of_pixel() const = 0;
  virtual size_t bytes() const = 0;
};

}  // namespace easel::models
