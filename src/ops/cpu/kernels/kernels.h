// The kernels that exist once per instruction level, as tables of plain functions.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace easel::ops::cpu {

// A block of rows times a piece of one panel: out[r][j] = sum over taps and lanes of a * w. A "lane" is
// four bytes along k: one f32, two neighbouring bf16, or four bytes, unsigned in a and signed in the weights, whose
// sums are 32-bit integers in the place of the floats.
struct PanelTile {
  const char* a;  // row r, tap t starts at a + row_offset[r] + tap_offset[t] (bytes)
  const int64_t* row_offset;
  const int64_t* tap_offset;
  int64_t taps, lanes;   // lanes per tap
  const float* weights;  // [taps][lanes][outputs of the panel] lanes
  float* out;            // rows of out_stride floats
  int64_t out_stride;
  bool accumulate;  // add to out instead of writing it
};

// Rows of values as unsigned bytes, each row with a scale and a zero of its own: x = scale (byte - zero) to half a
// scale. A row that is not finite gets a scale that is not a number.
struct QuantiseRows {
  const void* x;  // rows of `stride` elements
  int64_t stride, rows, depth;
  uint8_t* to;  // rows of `pitch` bytes, a multiple of four; zeros after `depth`
  int64_t pitch;
  float* scale;   // of each row
  int32_t* zero;  // in [0, 255]
};

// The integer sums of a block as the f32 they stand for, in place or added: row_scale weight_scale (sum - zero
// weight_sum).
struct DequantiseTile {
  float* sums;  // rows of sums_stride; integers before, f32 after
  int64_t sums_stride, rows, columns;
  const float* row_scale;
  const int32_t* row_zero;
  const float* weight_scale;  // of each column
  const int32_t* weight_sum;  // of the bytes of each column
  float* total;               // null, or where to add the values, arranged as the sums
};

// f32 weights of one panel as signed bytes, with a scale for each tap and column.
struct PackBytes {
  const float* from;  // [tap][k][width]
  int64_t taps, depth, width;
  float* to;     // [tap][lane][width] lanes of four bytes, zeros after `depth`
  float* scale;  // [tap][scale_pitch]
  int32_t* sum;  // of the bytes, in the same arrangement
  int64_t scale_pitch;
};

// What turns the f32 sums of one block into outputs: bias, gate or activation, scale, residual, type.
struct FinishTile {
  const float* sums;  // rows of sums_stride floats
  int64_t sums_stride;
  int64_t rows, columns;         // columns of the output, at most a panel (half a panel when gated)
  const float* bias;             // of the panel, padded with zeros
  const float* const* row_bias;  // one more bias for each row, or null
  int activation;                // the number of an ops::Activation
  float scale;
  bool gated;  // values beside gates, `gate` floats further on
  int64_t gate;
  const void* residual;  // null, or where out's element 0 corresponds to
  void* out;
  const int64_t* out_offset;  // of each row, in elements
};

// Up to a vector of rows to columns of whole vectors: to[column][row], zeros for missing rows.
struct TransposeRows {
  const float* from;
  int64_t stride, rows, columns;
  float* to;
};

// What becomes of a 3x3 window when it is packed: nothing, Winograd's sixteen values, or the four of one of the
// windows that see a map as it was before it is enlarged by two (rows, then columns of the output).
enum class WindowKind { kPlain, kWinograd, kFoldEvenEven, kFoldEvenOdd, kFoldOddEven, kFoldOddOdd };
struct TransformWindows {
  WindowKind kind;    // not kPlain
  const float* from;  // windows of nine vectors
  int64_t windows;
  float* to;  // windows of sixteen or four vectors
};

// Lanes of a vector of outputs: to[lane][width].
struct PackLanes {
  const float* from;  // k at vector k_offset[k]
  const int32_t* k_offset;
  int64_t depth;  // values of k; an odd number of bf16 is completed with zeros
  int64_t width;  // floats from one lane to the next
  float* to;
};

// Rows of keys as weights whose outputs are the keys: to[key panel][lane][key], zeros for missing keys.
struct PackKeys {
  const void* from;  // key j at element j * stride; a whole number of lanes
  int64_t stride, keys, lanes;
  float* to;
};

// Rows of values as weights whose depth is the keys: to[column panel][lane of keys][column], zeros for
// missing keys and columns.
struct PackValues {
  const void* from;  // value j at element j * stride
  int64_t stride, keys, columns;
  int64_t lanes;  // lanes of keys to write, beyond `keys` zeros
  float* to;
};

// One block of keys of the online softmax, in place of a matrix of all scores: weights = 2^(c (score - top)),
// where top, sum and the outputs so far belong to the keys seen before.
struct SoftmaxBlock {
  const float* scores;  // rows of scores_stride; `keys` a multiple of the vector, missing ones -infinity
  int64_t scores_stride, rows, keys;
  float c;     // positive
  float* top;  // of each row
  float* sum;
  void* weights;  // rows of weights_stride elements
  int64_t weights_stride;
  float* outputs;                         // rows of outputs_stride floats, multiplied by 2^(c (old top - new top))
  int64_t outputs_stride, outputs_width;  // width: a multiple of the vector
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

// Sums and sums of squares of x - shift over rows, by channel, added to what is there.
struct NormSums {
  const void* x;  // rows of `channels`
  int64_t rows, channels;
  const float* shift;  // [channels], near the mean, so that squares lose no digits
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
  const float *weight, *bias;  // or null
  float eps;
  void* out;  // dense
};

// out = x scale + shift, or an activation of x.
struct MapRun {
  const void* x;
  int64_t count;
  int activation;  // number of an ops::Activation; kNone for scale and shift
  float scale, shift;
  void* out;
};

enum class ZipOp { kAdd, kMul, kLerp };  // a + factor b, a b, a + (b - a) factor
struct ZipRun {
  ZipOp op;
  const void *a, *b;
  bool b_single;  // one value of b for the whole run
  int64_t count;
  float factor;
  void* out;
};

// One line of 4x4 tiles, two pixels apart, into sixteen planes of rows.
struct WinogradInput {
  const void* in;  // pixel (0, 0) of the first tile; pixels of `channels` elements
  int64_t row;     // elements from one line of pixels to the next
  int64_t channels, tiles;
  void* out;  // plane k, tile t at out + k * plane + t * pitch
  int64_t plane, pitch;
};

// Sixteen planes of sums back to the four pixels of each tile.
struct WinogradOutput {
  const float* in;  // plane k, tile t at in + k * plane + t * pitch
  int64_t plane, pitch;
  int64_t tiles, columns;  // columns: whole vectors
  const int32_t* rows;     // where each of the four pixels of each tile goes: a row of `pitch` floats
  float* out;
};

// Rows times one or two vectors of outputs, with matrix registers. Rows come in groups of sixteen (the last may have
// fewer) at a constant distance from one another, so that a group is one load; the depth in steps of sixteen lanes.
struct TileProduct {
  const char* a;  // group g, step s at a + group_offset[g] + step_offset[s] (bytes)
  const int64_t* group_offset;
  const int64_t* step_offset;  // one more where the lanes are no whole number of steps
  int64_t row_step;            // bytes from row to row of a group
  int64_t rows, lanes;
  const float* weights;  // lane l of the first vector at weights + l * weight_step
  int64_t weight_step;   // floats
  int64_t vectors;       // 1 or 2
  int64_t second;        // floats from the first vector to the second one, in weights and in out
  float* out;            // rows of out_stride floats
  int64_t out_stride;
  bool accumulate;            // add to out instead of writing it
  const float* next_weights;  // null, or those of the next call, to be fetched meanwhile: lanes next_step floats apart
  int64_t next_step, next_lanes;
  // Called with each step where it is not null: work for the vector registers while the others multiply. It may use
  // the rows of `out` that are done, of which rows_done (may be null) tells the number.
  void (*meanwhile)(void* context);
  void* context;
  int64_t* rows_done;
};

// Rows gathered for TileProduct, so that a group's rows of one step lie side by side: [two groups][step][row][64
// bytes]. A row is the bytes of all its taps one after another, completed with zeros to whole steps.
struct StageRows {
  const char* a;  // row r, tap t at a + row_offset[r] + tap_offset[t] (bytes)
  const int64_t* row_offset;
  const int64_t* tap_offset;
  int64_t rows, taps, tap_bytes;
  char* to;
};

constexpr int kMaxTileRows = 6, kMaxPanelVecs = 4;

struct Kernels {
  int vec;    // f32 in a vector
  int panel;  // outputs in a panel
  // By type (0 f32, 1 bf16, 2 bytes), rows - 1, vectors of outputs - 1.
  void (*panel_tile[3][kMaxTileRows][kMaxPanelVecs])(const PanelTile&);
  void (*quantise_rows[2])(const QuantiseRows&);  // by type of x
  void (*dequantise)(const DequantiseTile&);
  void (*pack_bytes)(const PackBytes&);
  void (*finish[2])(const FinishTile&);
  void (*transpose_rows)(const TransposeRows&);
  void (*transform_windows)(const TransformWindows&);
  void (*pack_lanes[2])(const PackLanes&);
  void (*widen_half)(const void* half, float* to, int64_t n);  // null where there is no instruction for it
  void (*pack_keys[2])(const PackKeys&);
  void (*pack_values[2])(const PackValues&);
  void (*bias_scores)(const BiasScores&);
  void (*softmax_block[2])(const SoftmaxBlock&);
  void (*finish_attention[2])(const FinishAttention&);
  void (*norm_sums[2])(const NormSums&);
  void (*norm_apply[2][2])(const NormApply&);  // by type of x, type of out
  void (*layer_norm[2][2])(const LayerNormRows&);
  void (*map[2])(const MapRun&);
  void (*winograd_input[2])(const WinogradInput&);
  void (*winograd_output)(const WinogradOutput&);
  void (*zip[2])(const ZipRun&);
  // Where there are matrix registers, else null. By type (1 bf16, 2 bytes).
  void (*tile_product[3])(const TileProduct&);
  void (*stage_rows)(const StageRows&);
  // Four products of registers, `rounds` times: what a thread can do at best.
  void (*tile_register_loop[3])(int64_t rounds);
};

const Kernels& kernels(Isa level);
inline const Kernels& kernels() { return kernels(isa()); }

}  // namespace easel::ops::cpu
