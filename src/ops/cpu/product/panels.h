// Weights packed into panels, and the product of rows with them.
#pragma once

#include "ops/cpu/kernels/kernels.h"
#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

// A weight matrix [outputs, taps * depth] as panels of Kernels::panel outputs: [panel][tap][lane][output]. A lane is
// four bytes along k (one f32, two bf16 or four signed 8-bit integers), padded with zeros. The last panel is only as
// wide as it needs to be, in whole vectors. Where paired(), the lanes of a tap come in pairs
// (ops/cpu/kernels/arm64/paired_tile.inl). With `gated` a panel holds values in its first half and their gates in its
// second, so that one block of sums has both.
struct Panels {
  DType type = DType::kF32;
  Isa level = Isa::kBase;
  int64_t outputs = 0;  // rows of the weight matrix
  int64_t columns = 0;  // of the product: outputs, or half of them when gated
  int64_t taps = 1, lanes = 0;
  bool gated = false;
  int64_t width = 0;  // columns in a panel
  int64_t count = 0;  // panels
  StorageRef memory;  // weights, biases and, if 8-bit, their scales and sums
  const float* weights = nullptr;
  const float* bias = nullptr;  // Kernels::panel values for each panel, padded with zeros
  // For 8-bit weights, [panel][tap][Kernels::panel]: see DequantiseTile.
  const float* scale = nullptr;
  const int32_t* sum = nullptr;
  size_t bytes = 0;

  int64_t columns_of(int64_t panel) const { return panel + 1 < count ? width : columns - panel * width; }
  bool paired() const { return type != DType::kF32 && kernels(level).pair_lanes != nullptr; }
  // Vectors of outputs in a panel.
  int64_t vectors_of(int64_t panel) const;
  // One weight after rounding; not for gated panels.
  float value(int64_t output, int64_t tap, int64_t k) const;
};

// How the windows of a weight [outputs, in, k, k], or [outputs, in], are packed: as taps x runs values for each input,
// so that each tap has a depth of runs * in, with k = run * in + i.
struct WeightWindow {
  int64_t taps = 1, runs = 1;
  WindowKind kind = WindowKind::kPlain;  // how a 3x3 window in the tensor becomes the packed one
};

// Packs the outputs of all `weights`, one after another. bias: [outputs] or undefined; any float encodings.
Panels pack_panels(std::span<const StoredTensor> weights, const WeightWindow& window, const StoredTensor& bias,
                   DType type, bool gated, const Packer& packer);

// Changes whenever pack_panels() would pack the same weights differently.
uint64_t layout_fingerprint();

// Up to kMaxStripRows rows that one thread multiplies with a range of panels.
constexpr int64_t kMaxStripRows = 384;
struct Strip {
  const char* a = nullptr;  // row r, tap t at a + row_offset[r] + tap_offset[t] (bytes)
  const int64_t* row_offset = nullptr;
  const int64_t* tap_offset = nullptr;
  const int64_t* out_offset = nullptr;     // of row r in the output and the residual, in elements
  const float* const* row_bias = nullptr;  // of row r: [columns], or null altogether
  int64_t rows = 0;
  // For 8-bit rows the scale and zero point of each, see QuantiseRows. With several taps, each of which reads another
  // pixel, those of row r and tap t are at index pixel[r] + tap_pixel[t].
  const float* scale = nullptr;
  const int32_t* zero = nullptr;
  const int32_t *pixel = nullptr, *tap_pixel = nullptr;
};

struct Finish {
  void* out = nullptr;
  const void* residual = nullptr;
  Activation activation = Activation::kNone;
  float scale = 1.0f;
  DType type = DType::kF32;  // of out and residual
};

// out = scale * act(strip x panels + bias + row_bias) + residual for panels [first, last).
void multiply(const Panels& w, const Strip& strip, int64_t first, int64_t last, const Finish& finish);

// The number of rows that the length of a strip should be a multiple of, and the most bytes of values in a strip, so
// that it stays in the L2 cache.
int64_t strip_unit(const Kernels& k);
int64_t strip_bytes(const Kernels& k);

}  // namespace easel::ops::cpu
