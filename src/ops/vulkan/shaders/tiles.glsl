// The product that linear.comp and conv.comp share: each workgroup makes one tile of the result, TILE_ROWS x
// TILE_COLUMNS, from strips of the input and of the weights that it brings into shared memory, DEPTH values of the sum
// at a time. A thread keeps ROWS x COLUMNS sums in registers.
//
// The sum runs over `taps` places of the input for each row, each of `push.depth` values: one for a linear layer, the
// pixels under the kernel for a convolution. The including file defines
//   int source(uint row, uint tap)   the first element of the input at that place, or -1 for zeros
// what finish.glsl asks for beside the scale of the weights, and `push` with x, weight, bias, residual, result, rows,
// columns, depth, scale.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint ROWS = 4;
layout(constant_id = 2) const uint COLUMNS = 4;
layout(constant_id = 3) const uint ACROSS = 8;  // threads along the columns
layout(constant_id = 4) const uint DEPTH = 16;
layout(constant_id = 5) const uint INPUT_TYPE = 0;
layout(constant_id = 6) const uint WEIGHT_TYPE = 0;
layout(constant_id = 7) const uint RESULT_TYPE = 0;
layout(constant_id = 8) const uint ACTIVATION = 0;
layout(constant_id = 9) const uint GATED = 0;  // weights are [value; gate], the result value * gelu(gate)
layout(constant_id = 10) const uint TAPS = 1;

const uint DOWN = THREADS / ACROSS;
const uint TILE_ROWS = DOWN * ROWS, TILE_COLUMNS = ACROSS * COLUMNS;
// One more than a tile, so that threads that write a column meet different banks.
const uint INPUT_STRIDE = TILE_ROWS + 1, WEIGHT_STRIDE = TILE_COLUMNS + 1;
const uint STRIPS = 1 + GATED;

shared float inputs[DEPTH * INPUT_STRIDE];
shared float weights[STRIPS * DEPTH * WEIGHT_STRIDE];

float weight_scale(uint column) { return 1.0; }
#include "finish.glsl"

// Element `depth` of tap `tap` of a row of the weights, [columns (twice if gated)][taps][depth].
float weight(uint column, uint tap, uint depth) {
  return load(push.weight, WEIGHT_TYPE, (column * TAPS + tap) * push.depth + depth);
}

void bring(uint first_row, uint first_column, uint tap, uint first) {
  const uint step = gl_LocalInvocationID.x % DEPTH, depth = first + step;
  for (uint row = gl_LocalInvocationID.x / DEPTH; row < TILE_ROWS; row += THREADS / DEPTH) {
    float value = 0.0;
    if (first_row + row < push.rows && depth < push.depth) {
      const int from = source(first_row + row, tap);
      if (from >= 0) value = load(push.x, INPUT_TYPE, uint(from) + depth);
    }
    inputs[step * INPUT_STRIDE + row] = value;
  }
  for (uint strip = 0; strip < STRIPS; ++strip)
    for (uint column = gl_LocalInvocationID.x / DEPTH; column < TILE_COLUMNS; column += THREADS / DEPTH) {
      const bool inside = first_column + column < push.columns && depth < push.depth;
      weights[(strip * DEPTH + step) * WEIGHT_STRIDE + column] =
          inside ? weight(first_column + column + strip * push.columns, tap, depth) : 0.0;
    }
}

void multiply() {
  const uint tiles = (push.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const uint first_row = group() / tiles * TILE_ROWS, first_column = group() % tiles * TILE_COLUMNS;
  if (first_row >= push.rows) return;  // for the whole workgroup
  const uint across = gl_LocalInvocationID.x % ACROSS, down = gl_LocalInvocationID.x / ACROSS;
  float sums[STRIPS * ROWS * COLUMNS];
  [[unroll]] for (uint i = 0; i < STRIPS * ROWS * COLUMNS; ++i) sums[i] = 0.0;

  for (uint tap = 0; tap < TAPS; ++tap)
    for (uint first = 0; first < push.depth; first += DEPTH) {
      bring(first_row, first_column, tap, first);
      barrier();
      for (uint step = 0; step < DEPTH; ++step) {
        float x[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r) x[r] = inputs[step * INPUT_STRIDE + down + r * DOWN];
        [[unroll]] for (uint strip = 0; strip < STRIPS; ++strip)
          [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
            const float w = weights[(strip * DEPTH + step) * WEIGHT_STRIDE + across + c * ACROSS];
            [[unroll]] for (uint r = 0; r < ROWS; ++r) sums[(strip * ROWS + r) * COLUMNS + c] += x[r] * w;
          }
      }
      barrier();
    }

  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
      const uint row = first_row + down + r * DOWN, column = first_column + across + c * ACROSS;
      finish(row, column, sums[r * COLUMNS + c], sums[(GATED * ROWS + r) * COLUMNS + c]);
    }
}
