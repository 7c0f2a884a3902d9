// Weights packed in panels, and the product of rows with them.
#pragma once

#include "ops/cpu/kernels/kernels.h"
#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

// A weight matrix [outputs, taps * depth] as panels of Kernels::panel outputs: [panel][tap][lane][output],
// each lane four bytes along k (one f32, two bf16, four signed bytes; what is lacking is completed with zeros). The
// last panel is as many whole vectors wide as it needs. With `gated` a panel holds values in its first half and
// their gates in the second, so that one block of sums has both.
struct Panels {
  DType type = DType::kF32;
  Isa level = Isa::kBase;
  int64_t outputs = 0;  // rows of the weight matrix
  int64_t columns = 0;  // of the product: outputs, or half of them when gated
  int64_t taps = 1, lanes = 0;
  bool gated = false;
  int64_t width = 0;  // columns in a panel
  int64_t count = 0;  // panels
  StorageRef memory;  // weights, then biases, then for bytes their scales and sums
  const float* weights = nullptr;
  const float* bias = nullptr;  // Kernels::panel for each panel, zeros where there is none
  // Of bytes: [panel][tap][Kernels::panel], see DequantiseTile.
  const float* scale = nullptr;
  const int32_t* sum = nullptr;
  size_t bytes = 0;

  int64_t columns_of(int64_t panel) const { return panel + 1 < count ? width : columns - panel * width; }
  // Vectors of outputs in a panel.
  int64_t vectors_of(int64_t panel) const;
  // One weight, as rounded; not gated.
  float value(int64_t output, int64_t tap, int64_t k) const;
};

// weight [outputs, in, ...]: one window of 1 or 3x3 or any other k x k values for each input. A window of taps x runs
// values, as it is packed, gives each tap a depth of runs * in: k = run * in + i.
struct WeightWindow {
  int64_t taps = 1, runs = 1;
  WindowKind kind = WindowKind::kPlain;  // how a 3x3 window in the tensor becomes the packed one
};

// The outputs of all `weights`, one after another. bias: [outputs] or undefined; any float encodings.
Panels pack_panels(std::span<const StoredTensor> weights, const WeightWindow& window, const StoredTensor& bias,
                   DType type, bool gated, const Packer& packer);

// Changes whenever what pack_panels() makes of the same weights does.
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
  // Of bytes, see QuantiseRows: those of row r. With several taps, of which each sees another pixel, those of row r and
  // tap t are at pixel[r] + tap_pixel[t].
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

// Rows that a strip's length should be a multiple of, and the bytes of values that it may have, so that they stay in
// the L2 cache.
int64_t strip_unit(const Kernels& k);
int64_t strip_bytes(const Kernels& k);

}  // namespace easel::ops::cpu
