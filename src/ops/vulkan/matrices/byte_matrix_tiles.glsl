// byte_tiles.glsl on cooperative matrices: products of bytes of M x K by K x N with sums in 32 bits, each done by the
// lanes of a subgroup together, divided as in matrix_tiles.glsl. What was summed at a place of the input is scaled by each
// row's numbers before the next, so sums pass through shared memory once for each tap. The including file defines what
// byte_tiles.glsl asks for.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#include "matrix_tile.glsl"

const uint DEPTH = STEPS * K / 4, STRIDE = DEPTH + 4;  // in words of four bytes

shared uint inputs[TILE_ROWS * STRIDE];
shared uint weights[STRIPS * TILE_COLUMNS * STRIDE];
shared int results[SUBGROUPS * M * N];

float weight_scale(uint column) { return Floats(push.weight_scales).at[2 * column]; }
#include "../shaders/finish.glsl"

void bring(uint first_row, uint first_column, uint tap, uint first) {
  for (uint i = gl_LocalInvocationID.x; i < TILE_ROWS * DEPTH; i += THREADS) {
    const uint row = i / DEPTH, depth = first + i % DEPTH;
    uint word = 0;
    if (first_row + row < push.rows && depth < push.depth) {
      const int from = source(first_row + row, tap);
      if (from >= 0) word = Words(push.x).at[uint(from) * push.depth + depth];
    }
    inputs[row * STRIDE + i % DEPTH] = word;
  }
  for (uint i = gl_LocalInvocationID.x; i < STRIPS * TILE_COLUMNS * DEPTH; i += THREADS) {
    const uint column = i / DEPTH, depth = first + i % DEPTH, strip = column / TILE_COLUMNS;
    const uint inside = first_column + column % TILE_COLUMNS;
    uint word = 0;
    if (inside < push.columns && depth < push.depth)
      word = Words(push.weight).at[((inside + strip * push.columns) * TAPS + tap) * push.depth + depth];
    weights[column * STRIDE + i % DEPTH] = word;
  }
}

void multiply() {
  const uint tiles = (push.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const uint first_row = group() / tiles * TILE_ROWS, first_column = group() % tiles * TILE_COLUMNS;
  if (first_row >= push.rows) return;  // for the whole workgroup
  const uint down = gl_SubgroupID / ACROSS, across = gl_SubgroupID % ACROSS, mine = gl_SubgroupID * M * N;
  const uint my_row = first_row + down * ROWS * M, my_column = first_column + across * COLUMNS * N;
  float totals[MATRICES * EACH];
  [[unroll]] for (uint i = 0; i < MATRICES * EACH; ++i) totals[i] = 0.0;

  for (uint tap = 0; tap < TAPS; ++tap) {
    coopmat<int, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[MATRICES];
    [[unroll]] for (uint i = 0; i < MATRICES; ++i)
      sums[i] = coopmat<int, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0);
    for (uint first = 0; first < push.depth; first += DEPTH) {
      bring(first_row, first_column, tap, first);
      barrier();
      [[unroll]] for (uint step = 0; step < STEPS; ++step) {
        coopmat<int8_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r)
          coopMatLoad(a[r], inputs, (down * ROWS + r) * M * STRIDE + step * K / 4, STRIDE,
                      gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint strip = 0; strip < STRIPS; ++strip)
          [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
            coopmat<int8_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
            coopMatLoad(b, weights, (strip * TILE_COLUMNS + (across * COLUMNS + c) * N) * STRIDE + step * K / 4, STRIDE,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint r = 0; r < ROWS; ++r) {
              const uint at = (strip * ROWS + r) * COLUMNS + c;
              sums[at] = coopMatMulAdd(a[r], b, sums[at]);
            }
          }
      }
      barrier();
    }
    // Which lane holds which element is the device's affair, so they pass through shared memory.
    [[unroll]] for (uint strip = 0; strip < STRIPS; ++strip)
      [[unroll]] for (uint r = 0; r < ROWS; ++r)
        [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
          const uint at = (strip * ROWS + r) * COLUMNS + c;
          coopMatStore(sums[at], results, mine, N, gl_CooperativeMatrixLayoutRowMajor);
          barrier();
          [[unroll]] for (uint e = 0; e < EACH; ++e) {
            const uint i = gl_SubgroupInvocationID + e * SUBGROUP, row = my_row + r * M + i / N;
            const int from = i < M * N && row < push.rows ? source(row, tap) : -1;
            if (from < 0) continue;
            const float scale = Floats(push.scales).at[2 * from], centre = Floats(push.scales).at[2 * from + 1];
            const uint column = min(my_column + c * N + i % N, push.columns - 1) + strip * push.columns;
            const float weight_sum = float(int(Words(push.weight_sums).at[column * TAPS + tap]));
            totals[at * EACH + e] += scale * float(results[mine + i]) + centre * weight_sum;
          }
          barrier();
        }
  }

  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    [[unroll]] for (uint c = 0; c < COLUMNS; ++c)
      [[unroll]] for (uint e = 0; e < EACH; ++e) {
        const uint i = gl_SubgroupInvocationID + e * SUBGROUP, at = r * COLUMNS + c;
        if (i < M * N)
          finish(my_row + r * M + i / N, my_column + c * N + i % N, totals[at * EACH + e],
                 totals[(at + GATED * ROWS * COLUMNS) * EACH + e]);
      }
}
