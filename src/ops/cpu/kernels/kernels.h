// The kernels, compiled once per instruction level, as tables of plain functions.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace easel::ops::cpu {

// A block of rows times a piece of one panel: out[r][j] = sum over taps and lanes of a * w. A "lane" is four bytes
// along k: one f32, two neighbouring bf16, or four 8-bit integers. The latter are unsigned in a and signed in the
// weights, and their sums are 32-bit integers stored in place of the floats, for dequantise() of the same level only: a
// level may take a constant off each byte of a.
struct PanelTile {
  const char* a = nullptr;  // row r, tap t starts at a + row_offset[r] + tap_offset[t] (bytes)
  const int64_t* row_offset = nullptr;
  const int64_t* tap_offset = nullptr;
  int64_t taps = 1, lanes = 0;     // lanes per tap
  const float* weights = nullptr;  // [taps][lanes][outputs of the panel] lanes, see Kernels::pair_lanes
  float* out = nullptr;            // rows of out_stride floats
  int64_t out_stride = 0;
  bool accumulate = false;  // add to out instead of overwriting it
};

// Asymmetric quantisation to unsigned 8 bits, each row with its own scale and zero point: x = scale (byte - zero), with
// an error of at most half a scale. A row with infinities or NaN gets NaN as its scale.
struct QuantiseRows {
  const void* x;  // rows of `stride` elements
  int64_t stride, rows, depth;
  uint8_t* to;  // rows of `pitch` bytes, a multiple of four, padded with zeros after `depth`
  int64_t pitch;
  float* scale;   // of each row
  int32_t* zero;  // zero point of each row, in [0, 255]
};

// Dequantises the integer sums of a block to row_scale weight_scale (sum - row_zero weight_sum), in place or added to
// `total`.
struct DequantiseTile {
  float* sums;  // rows of sums_stride; integers on entry, f32 on return
  int64_t sums_stride, rows, columns;
  const float* row_scale;
  const int32_t* row_zero;
  const float* weight_scale;  // of each column
  const int32_t* weight_sum;  // sum of the quantised weights of each column
  float* total = nullptr;     // if not null, the values are added here, with the strides of the sums
};

// Symmetric quantisation of one panel of f32 weights to signed 8 bits, with a scale for each tap and column.
struct PackBytes {
  const float* from;  // [tap][k][width]
  int64_t taps, depth, width;
  float* to;     // [tap][lane][width] lanes of four bytes, padded with zeros after `depth`
  float* scale;  // [tap][scale_pitch]
  int32_t* sum;  // [tap][scale_pitch], sums of the quantised weights
  int64_t scale_pitch;
};

// Turns the f32 sums of one block into outputs: bias, gate or activation, scale, residual, conversion.
struct FinishTile {
  const float* sums;  // rows of sums_stride floats
  int64_t sums_stride;
  int64_t rows, columns;         // columns of the output, at most a panel (half a panel when gated)
  const float* bias;             // of the panel, padded with zeros
  const float* const* row_bias;  // one more bias for each row, or null
  int activation;                // the number of an ops::Activation
  float scale;
  bool gated;  // each row of sums holds values, and their gates `gate` floats further on
  int64_t gate;
  const void* residual;  // laid out like out, or null
  void* out;
  const int64_t* out_offset;  // of each row, in elements
};

// Transposes up to one vector of rows: to[column][row], padded with zeros to a whole vector of rows.
struct TransposeRows {
  const float* from;
  int64_t stride, rows, columns;
  float* to;
};

// The transform applied to a 3x3 window when it is packed: none, Winograd's to sixteen values, or folding to a 2x2
// window over the map before its 2x nearest-neighbour enlargement. Folded windows differ for even and odd output rows
// (named first) and columns.
enum class WindowKind { kPlain, kWinograd, kFoldEvenEven, kFoldEvenOdd, kFoldOddEven, kFoldOddOdd };
struct TransformWindows {
  WindowKind kind;    // not kPlain
  const float* from;  // windows of nine vectors
  int64_t windows;
  float* to;  // windows of sixteen or four vectors
};

// Packs one vector of outputs into lanes: to[lane][width].
struct PackLanes {
  const float* from;  // k at vector k_offset[k]
  const int32_t* k_offset;
  int64_t depth;  // values of k; an odd number of bf16 is padded with a zero
  int64_t width;  // floats from one lane to the next
  float* to;
};

// Packs keys as weights whose outputs are the keys: to[key panel][lane][key], padded with zeros to whole vectors of
// keys.
struct PackKeys {
  const void* from;  // key j at element j * stride; a whole number of lanes
  int64_t stride, keys, lanes;
  float* to;
  int64_t padding = 0;  // lanes of zeros after those
};

// Packs values as weights whose depth is the keys: to[column panel][lane of keys][column], padded with zeros to whole
// lanes and vectors.
struct PackValues {
  const void* from;  // value j at element j * stride
  int64_t stride, keys, columns;
  int64_t lanes;  // lanes of keys to write; those beyond `keys` are zero
  float* to;
};

// One step of the online softmax over a block of keys: weights = 2^(c (score - top)). On entry top, sum and outputs are
// those of the keys before the block; on return they include it, except that outputs are only rescaled.
struct SoftmaxBlock {
  const float* scores;  // rows of scores_stride; `keys` is a multiple of the vector, padded with -infinity
  int64_t scores_stride, rows, keys;
  float c;     // positive
  float* top;  // of each row
  float* sum;
  void* weights;  // rows of weights_stride elements
  int64_t weights_stride;
  float* outputs;                         // rows of outputs_stride floats, multiplied by 2^(c (old top - new top))
  int64_t outputs_stride, outputs_width;  // width: a multiple of the vector
  float* factors = nullptr;               // where it is not null, for what the outputs of each row are to be multiplied
                                          // with, and they are left alone
};

// scores = scores * scale + bias over the first `keys` of each row; bias may be null.
struct BiasScores {
  float* scores;
  int64_t scores_stride, rows, keys;
  float scale;
  const float* bias;  // rows of bias_stride
  int64_t bias_stride;
};

// out = outputs / sum.
struct FinishAttention {
  const float* outputs;
  int64_t outputs_stride, rows, columns;
  const float* sum;
  void* out;
  int64_t out_stride;
};

// Adds the sums over rows of x - shift and of its square to `sums` and `squares`, for each channel.
struct NormSums {
  const void* x;  // rows of `channels`
  int64_t rows, channels;
  const float* shift;  // [channels], near the mean, so that the variance suffers no cancellation
  double *sums, *squares;
};

// out = (x - mean) * scale + shift, by channel, then SiLU if wanted.
struct NormApply {
  const void* x;
  int64_t rows, channels;
  const float *mean, *scale, *shift;
  bool silu;
  void* out;
};

struct LayerNormRows {
  const void* x;  // rows of `stride` elements
  int64_t rows, channels, stride;
  const float *weight, *bias;  // [channels] or null
  float eps;
  void* out;  // dense
};

// out = x scale + shift, or an activation of x.
struct MapRun {
  const void* x = nullptr;
  int64_t count = 0;
  int activation = 0;  // number of an ops::Activation; kNone for scale and shift
  float scale = 1.0f, shift = 0.0f;
  void* out = nullptr;
};

enum class ZipOp { kAdd, kMul, kLerp };  // a + factor b, a b, a + (b - a) factor
struct ZipRun {
  ZipOp op = ZipOp::kAdd;
  const void *a = nullptr, *b = nullptr;
  bool b_single = false;  // one value of b for the whole run
  int64_t count = 0;
  float factor = 1.0f;
  void* out = nullptr;
};

// Winograd's transform of one line of 4x4 input tiles, two pixels apart, into sixteen planes of rows.
struct WinogradInput {
  const void* in;  // pixel (0, 0) of the first tile; pixels of `channels` elements
  int64_t row;     // elements from one line of pixels to the next
  int64_t channels, tiles;
  void* out = nullptr;  // plane k, tile t at out + k * plane + t * pitch
  int64_t plane, pitch;
};

// Winograd's inverse transform, from sixteen planes of sums to the four pixels of each tile.
struct WinogradOutput {
  const float* in;  // plane k, tile t at in + k * plane + t * pitch
  int64_t plane, pitch;
  int64_t tiles, columns;  // columns: a multiple of the vector
  const int32_t* rows;     // for each of the four pixels of each tile its row in out, rows of `pitch` floats
  float* out;
};

// The shapes that a thread's matrix registers have: see TileSession in product/tile_product.h.
struct TileState {
  int64_t upper = 0, lower = 0, lanes = 0;
};

// Rows times one or two vectors of outputs, with matrix registers. Rows come in groups of sixteen (the last may have
// fewer) with a constant stride inside a group, so that one load reads a group; the depth comes in steps of sixteen
// lanes.
struct TileProduct {
  const char* a;  // group g, step s at a + group_offset[g] + step_offset[s] (bytes)
  const int64_t* group_offset;
  const int64_t* step_offset;  // one for each step, the last of which may be shorter
  int64_t row_step;            // bytes from row to row of a group
  int64_t rows, lanes;
  const float* weights;   // lane l of the first vector at weights + l * weight_step
  int64_t weight_step;    // floats
  int64_t vectors;        // 1 or 2
  int64_t vector_stride;  // floats from one vector to the other, in weights and in out
  float* out;             // rows of out_stride floats
  int64_t out_stride;
  bool accumulate;            // add to out instead of overwriting it
  const float* next_weights;  // null, or the weights of the next call, to prefetch: lanes next_step floats apart
  int64_t next_step, next_lanes;
  // If not null, called once in every step, so that vector instructions can overlap with the matrix products. It may
  // use the finished rows of `out`, whose number is written to *rows_done unless that is null.
  void (*meanwhile)(void* context);
  void* context;
  int64_t* rows_done;
  TileState* state;
};

// Gathers rows for TileProduct, so that the rows of two groups lie side by side in each step: [two
// groups][step][row][64 bytes]. A row is the concatenation of its taps, padded with zeros to whole steps.
struct StageRows {
  const char* a;  // row r, tap t at a + row_offset[r] + tap_offset[t] (bytes)
  const int64_t* row_offset;
  const int64_t* tap_offset;
  int64_t rows, taps, tap_bytes;
  char* to;
};

constexpr int kMaxTileRows = 6, kMaxPanelVecs = 4;

struct Kernels {
  int vec;    // f32 values in a vector
  int panel;  // outputs in a panel
  // Indexed by type (0 f32, 1 bf16, 2 8-bit), rows - 1 and vectors of outputs - 1.
  void (*panel_tile[3][kMaxTileRows][kMaxPanelVecs])(const PanelTile&);
  // Null, or what makes pairs of the lanes of one tap of a panel, in place, which its products of bf16 and bytes want.
  void (*pair_lanes)(float* weights, int64_t lanes, int64_t width);
  void (*quantise_rows[2])(const QuantiseRows&);  // the index is the type of x
  void (*dequantise)(const DequantiseTile&);
  void (*pack_bytes)(const PackBytes&);
  void (*finish[2])(const FinishTile&);
  void (*transpose_rows)(const TransposeRows&);
  void (*transform_windows)(const TransformWindows&);
  void (*pack_lanes[2])(const PackLanes&);
  void (*widen_half)(const void* half, float* to, int64_t n);  // null if the level has no instruction for it
  void (*pack_keys[2])(const PackKeys&);
  void (*pack_values[2])(const PackValues&);
  void (*bias_scores)(const BiasScores&);
  void (*softmax_block[2])(const SoftmaxBlock&);
  void (*finish_attention[2])(const FinishAttention&);
  void (*norm_sums[2])(const NormSums&);
  void (*norm_apply[2][2])(const NormApply&);  // the indices are the types of x and out
  void (*layer_norm[2][2])(const LayerNormRows&);
  void (*map[2])(const MapRun&);
  void (*winograd_input[2])(const WinogradInput&);
  void (*winograd_output)(const WinogradOutput&);
  void (*zip[2])(const ZipRun&);
  // Null at levels without matrix registers. Indexed by type (1 bf16, 2 8-bit).
  void (*tile_product[3])(const TileProduct&);
  void (*tile_release)();  // after the last product of a task: the registers hold nothing, and need not be kept
  void (*stage_rows)(const StageRows&);
  // Four products of registers, `rounds` times: the peak of one thread.
  void (*tile_register_loop[3])(int64_t rounds);
};

const Kernels& kernels(Isa level);
inline const Kernels& kernels() { return kernels(isa()); }

}  // namespace easel::ops::cpu
