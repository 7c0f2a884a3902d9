// tiles.glsl on cooperative matrices (VK_KHR_cooperative_matrix): products of M x K by K x N with sums in f32, each done by
// the lanes of a subgroup together. A subgroup keeps ROWS x COLUMNS of them, a workgroup has DOWN rows of subgroups.
// Inputs are bf16; see factors.glsl. The including file defines what tiles.glsl asks for.
#include "factors.glsl"
#include "matrix_tile.glsl"
layout(constant_id = 13) const uint INPUT_TYPE = 0;
layout(constant_id = 14) const uint WEIGHT_TYPE = 0;

const uint DEPTH = STEPS * K, STRIDE = DEPTH + 8;  // 16 bytes more, so that rows begin at different banks

shared FACTOR inputs[TILE_ROWS * STRIDE];
shared FACTOR weights[STRIPS * TILE_COLUMNS * STRIDE];
shared float results[SUBGROUPS * M * N];
shared uint odd_at;           // the last strip with a value that is too large
shared uint moderate_at[2];   // the last strips of inputs and of weights with values of moderate size
shared uint largest_bits[2];  // the largest magnitudes in a strip that has to be brought again

float weight_scale(uint column) { return 1.0; }
#include "../shaders/finish.glsl"

// Returns the largest magnitudes that this thread has seen, of inputs and of weights.
vec2 bring(uint first_row, uint first_column, uint tap, uint first, vec2 scale) {
  vec2 seen = vec2(0.0);
  for (uint i = gl_LocalInvocationID.x; i < TILE_ROWS * DEPTH; i += THREADS) {
    const uint row = i / DEPTH, depth = first + i % DEPTH;
    float value = 0.0;
    if (first_row + row < push.rows && depth < push.depth) {
      const int from = source(first_row + row, tap);
      if (from >= 0) value = load(push.x, INPUT_TYPE, uint(from) + depth);
    }
    seen.x = max(seen.x, abs(value));
    inputs[row * STRIDE + i % DEPTH] = FACTOR(value * scale.x);
  }
  for (uint i = gl_LocalInvocationID.x; i < STRIPS * TILE_COLUMNS * DEPTH; i += THREADS) {
    const uint column = i / DEPTH, depth = first + i % DEPTH, strip = column / TILE_COLUMNS;
    const uint inside = first_column + column % TILE_COLUMNS;
    float value = 0.0;
    if (inside < push.columns && depth < push.depth)
      value = load(push.weight, WEIGHT_TYPE, ((inside + strip * push.columns) * TAPS + tap) * push.depth + depth);
    seen.y = max(seen.y, abs(value));
    weights[column * STRIDE + i % DEPTH] = FACTOR(value * scale.y);
  }
  return seen;
}

// A strip of inputs and one of weights. Returns what their products must be multiplied with, as two factors.
vec2 bring_moderate(uint first_row, uint first_column, uint tap, uint first, uint strip_number) {
  const vec2 seen = bring(first_row, first_column, tap, first, vec2(1.0));
#ifdef BF16_FACTORS
  barrier();
  return vec2(1.0);
#else
  if (max(seen.x, seen.y) > LARGE) odd_at = strip_number;
  if (seen.x >= MODERATE) moderate_at[0] = strip_number;
  if (seen.y >= MODERATE) moderate_at[1] = strip_number;
  if (gl_LocalInvocationID.x < 2) largest_bits[gl_LocalInvocationID.x] = 0;
  barrier();
  if (odd_at != strip_number && moderate_at[0] == strip_number && moderate_at[1] == strip_number) return vec2(1.0);
  atomicMax(largest_bits[0], floatBitsToUint(seen.x));
  atomicMax(largest_bits[1], floatBitsToUint(seen.y));
  barrier();
  const int input_twos = twos_for(uintBitsToFloat(largest_bits[0]));
  const int weight_twos = twos_for(uintBitsToFloat(largest_bits[1]));
  if (input_twos == 0 && weight_twos == 0) return vec2(1.0);
  bring(first_row, first_column, tap, first, vec2(power_of_two(input_twos), power_of_two(weight_twos)));
  barrier();
  return vec2(power_of_two(-input_twos), power_of_two(-weight_twos));
#endif
}

void multiply() {
  const uint tiles = (push.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const uint first_row = group() / tiles * TILE_ROWS, first_column = group() % tiles * TILE_COLUMNS;
  if (first_row >= push.rows) return;  // for the whole workgroup
  const uint down = gl_SubgroupID / ACROSS, across = gl_SubgroupID % ACROSS;
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[MATRICES];
  [[unroll]] for (uint i = 0; i < MATRICES; ++i)
    sums[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
  if (gl_LocalInvocationID.x == 0) odd_at = moderate_at[0] = moderate_at[1] = 0;
  barrier();

  uint strip_number = 0;
  for (uint tap = 0; tap < TAPS; ++tap)
    for (uint first = 0; first < push.depth; first += DEPTH) {
      const vec2 scale = bring_moderate(first_row, first_column, tap, first, ++strip_number);
      [[unroll]] for (uint step = 0; step < STEPS; ++step) {
        coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r)
          coopMatLoad(a[r], inputs, (down * ROWS + r) * M * STRIDE + step * K, STRIDE,
                      gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint strip = 0; strip < STRIPS; ++strip)
          [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
            coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
            coopMatLoad(b, weights, (strip * TILE_COLUMNS + (across * COLUMNS + c) * N) * STRIDE + step * K, STRIDE,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint r = 0; r < ROWS; ++r) {
              const uint at = (strip * ROWS + r) * COLUMNS + c;
              if (scale == vec2(1.0)) {
                sums[at] = coopMatMulAdd(a[r], b, sums[at]);
              } else {
                const coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> part = coopMatMulAdd(
                    a[r], b, coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0));
                sums[at] = sums[at] + part * scale.x * scale.y;
              }
            }
          }
      }
      barrier();
    }

  // Which lane holds which element is the device's affair, so they pass through shared memory.
  const uint mine = gl_SubgroupID * M * N;
  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
      float gates[EACH];
      if (GATED != 0) {
        coopMatStore(sums[(ROWS + r) * COLUMNS + c], results, mine, N, gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        for (uint i = gl_SubgroupInvocationID; i < M * N; i += SUBGROUP) gates[i / SUBGROUP] = results[mine + i];
        barrier();
      }
      coopMatStore(sums[r * COLUMNS + c], results, mine, N, gl_CooperativeMatrixLayoutRowMajor);
      barrier();
      for (uint i = gl_SubgroupInvocationID; i < M * N; i += SUBGROUP)
        finish(first_row + (down * ROWS + r) * M + i / N, first_column + (across * COLUMNS + c) * N + i % N,
               results[mine + i], GATED != 0 ? gates[i / SUBGROUP] : 0.0);
      barrier();
    }
}
