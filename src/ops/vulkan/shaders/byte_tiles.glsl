// tiles.glsl for bytes (quantise.comp): sums of products of bytes are exact in 32 bits; each place of the input has a
// scale and a centre of its own, so what was summed at a place is scaled before the next. DEPTH counts words of four
// bytes. The including file defines
//   int source(uint row, uint tap)   the row of quantised values at that place, or -1 for zeros
// what finish.glsl asks for beside the scale of the weights, and `push` with x, scales, weight, weight_scales, weight_sums,
// bias, residual, result, rows, columns, depth, scale.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint ROWS = 4;
layout(constant_id = 2) const uint COLUMNS = 4;
layout(constant_id = 3) const uint ACROSS = 8;
layout(constant_id = 4) const uint DEPTH = 16;
layout(constant_id = 5) const uint RESULT_TYPE = 0;
layout(constant_id = 6) const uint ACTIVATION = 0;
layout(constant_id = 7) const uint GATED = 0;
layout(constant_id = 8) const uint TAPS = 1;

const uint DOWN = THREADS / ACROSS;
const uint TILE_ROWS = DOWN * ROWS, TILE_COLUMNS = ACROSS * COLUMNS;
const uint INPUT_STRIDE = TILE_ROWS + 1, WEIGHT_STRIDE = TILE_COLUMNS + 1;
const uint STRIPS = 1 + GATED;

shared int inputs[DEPTH * INPUT_STRIDE];
shared int weights[STRIPS * DEPTH * WEIGHT_STRIDE];

float weight_scale(uint column) { return Floats(push.weight_scales).at[2 * column]; }
#include "finish.glsl"

// The sum of the products of four bytes each.
#ifdef DOT_PRODUCTS
#extension GL_EXT_spirv_intrinsics : require
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019], id = 4450)
int packed_dot(int a, int b, spirv_literal int packed_bytes);
int dot_bytes(int a, int b) { return packed_dot(a, b, 0); }
#else
int dot_bytes(int a, int b) {
  return bitfieldExtract(a, 0, 8) * bitfieldExtract(b, 0, 8) + bitfieldExtract(a, 8, 8) * bitfieldExtract(b, 8, 8) +
         bitfieldExtract(a, 16, 8) * bitfieldExtract(b, 16, 8) + (a >> 24) * (b >> 24);
}
#endif

void bring(uint first_row, uint first_column, uint tap, uint first) {
  const uint step = gl_LocalInvocationID.x % DEPTH, depth = first + step;
  for (uint row = gl_LocalInvocationID.x / DEPTH; row < TILE_ROWS; row += THREADS / DEPTH) {
    int word = 0;
    if (first_row + row < push.rows && depth < push.depth) {
      const int from = source(first_row + row, tap);
      if (from >= 0) word = int(Words(push.x).at[uint(from) * push.depth + depth]);
    }
    inputs[step * INPUT_STRIDE + row] = word;
  }
  for (uint strip = 0; strip < STRIPS; ++strip)
    for (uint column = gl_LocalInvocationID.x / DEPTH; column < TILE_COLUMNS; column += THREADS / DEPTH) {
      const bool inside = first_column + column < push.columns && depth < push.depth;
      const uint of = (first_column + column + strip * push.columns) * TAPS + tap;
      weights[(strip * DEPTH + step) * WEIGHT_STRIDE + column] =
          inside ? int(Words(push.weight).at[of * push.depth + depth]) : 0;
    }
}

void multiply() {
  const uint tiles = (push.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const uint first_row = group() / tiles * TILE_ROWS, first_column = group() % tiles * TILE_COLUMNS;
  if (first_row >= push.rows) return;  // for the whole workgroup
  const uint across = gl_LocalInvocationID.x % ACROSS, down = gl_LocalInvocationID.x / ACROSS;
  float totals[STRIPS * ROWS * COLUMNS];
  [[unroll]] for (uint i = 0; i < STRIPS * ROWS * COLUMNS; ++i) totals[i] = 0.0;

  for (uint tap = 0; tap < TAPS; ++tap) {
    int sums[STRIPS * ROWS * COLUMNS];
    [[unroll]] for (uint i = 0; i < STRIPS * ROWS * COLUMNS; ++i) sums[i] = 0;
    for (uint first = 0; first < push.depth; first += DEPTH) {
      bring(first_row, first_column, tap, first);
      barrier();
      for (uint step = 0; step < DEPTH; ++step) {
        int x[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r) x[r] = inputs[step * INPUT_STRIDE + down + r * DOWN];
        [[unroll]] for (uint strip = 0; strip < STRIPS; ++strip)
          [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
            const int w = weights[(strip * DEPTH + step) * WEIGHT_STRIDE + across + c * ACROSS];
            [[unroll]] for (uint r = 0; r < ROWS; ++r)
              sums[(strip * ROWS + r) * COLUMNS + c] += dot_bytes(x[r], w);
          }
      }
      barrier();
    }
    [[unroll]] for (uint r = 0; r < ROWS; ++r) {
      const uint row = first_row + down + r * DOWN;
      const int from = row < push.rows ? source(row, tap) : -1;
      if (from < 0) continue;
      const float scale = Floats(push.scales).at[2 * from], centre = Floats(push.scales).at[2 * from + 1];
      [[unroll]] for (uint strip = 0; strip < STRIPS; ++strip)
        [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
          const uint column = min(first_column + across + c * ACROSS, push.columns - 1) + strip * push.columns;
          const float weight_sum = float(int(Words(push.weight_sums).at[column * TAPS + tap]));
          totals[(strip * ROWS + r) * COLUMNS + c] +=
              scale * float(sums[(strip * ROWS + r) * COLUMNS + c]) + centre * weight_sum;
        }
    }
  }

  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
      const uint row = first_row + down + r * DOWN, column = first_column + across + c * ACROSS;
      finish(row, column, totals[r * COLUMNS + c], totals[(GATED * ROWS + r) * COLUMNS + c]);
    }
}
