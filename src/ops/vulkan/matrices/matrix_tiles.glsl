// tiles.glsl on cooperative matrices (VK_KHR_cooperative_matrix): f16 products of M x K by K x N with sums in f32, each
// done by the lanes of a subgroup together. A subgroup keeps ROWS x COLUMNS of them, a workgroup has DOWN rows of
// subgroups. Inputs are bf16, whose digits f16 holds; where a strip has values beyond f16's range, that strip is brought
// again, divided by 2^16, and its sums are multiplied by that. The including file defines what tiles.glsl asks for.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 128;
layout(constant_id = 1) const uint SUBGROUP = 32;
layout(constant_id = 2) const uint M = 16;
layout(constant_id = 3) const uint N = 16;
layout(constant_id = 4) const uint K = 16;
layout(constant_id = 5) const uint DOWN = 2;
layout(constant_id = 6) const uint ROWS = 2;
layout(constant_id = 7) const uint COLUMNS = 4;
layout(constant_id = 8) const uint STEPS = 2;  // products along the sum between two barriers
layout(constant_id = 9) const uint INPUT_TYPE = 0;
layout(constant_id = 10) const uint WEIGHT_TYPE = 0;
layout(constant_id = 11) const uint RESULT_TYPE = 0;
layout(constant_id = 12) const uint ACTIVATION = 0;
layout(constant_id = 13) const uint GATED = 0;
layout(constant_id = 14) const uint TAPS = 1;

const uint SUBGROUPS = THREADS / SUBGROUP, ACROSS = SUBGROUPS / DOWN;
const uint TILE_ROWS = DOWN * ROWS * M, TILE_COLUMNS = ACROSS * COLUMNS * N, DEPTH = STEPS * K;
const uint STRIDE = DEPTH + 8;  // 16 bytes more, so that rows begin at different banks
const uint STRIPS = 1 + GATED;
const float LARGE = 32768.0, DOWN_SCALE = 1.0 / 65536.0;

shared float16_t inputs[TILE_ROWS * STRIDE];
shared float16_t weights[STRIPS * TILE_COLUMNS * STRIDE];
shared float results[SUBGROUPS * M * N];
shared uint large_at;  // the last strip with values beyond the range

void bring(uint first_row, uint first_column, uint tap, uint first, uint strip_number, float scale) {
  for (uint i = gl_LocalInvocationID.x; i < TILE_ROWS * DEPTH; i += THREADS) {
    const uint row = i / DEPTH, depth = first + i % DEPTH;
    float value = 0.0;
    if (first_row + row < push.rows && depth < push.depth) {
      const int from = source(first_row + row, tap);
      if (from >= 0) value = load(push.x, INPUT_TYPE, uint(from) + depth);
    }
    if (abs(value) > LARGE) large_at = strip_number;
    inputs[row * STRIDE + i % DEPTH] = float16_t(value * scale);
  }
  for (uint i = gl_LocalInvocationID.x; i < STRIPS * TILE_COLUMNS * DEPTH; i += THREADS) {
    const uint column = i / DEPTH, depth = first + i % DEPTH, strip = column / TILE_COLUMNS;
    const uint inside = first_column + column % TILE_COLUMNS;
    float value = 0.0;
    if (inside < push.columns && depth < push.depth)
      value = load(push.weight, WEIGHT_TYPE, ((inside + strip * push.columns) * TAPS + tap) * push.depth + depth);
    weights[column * STRIDE + i % DEPTH] = float16_t(value);
  }
}

void finish(uint row, uint column, float y, float gate) {
  if (row >= push.rows || column >= push.columns) return;
  if (present(push.bias)) y += Floats(push.bias).at[column];
  if (GATED != 0) {
    if (present(push.bias)) gate += Floats(push.bias).at[push.columns + column];
    y *= gelu(gate);
  }
  y = push.scale * activated(y + row_bias(row, column), ACTIVATION);
  if (present(push.residual)) y += load(push.residual, RESULT_TYPE, row * push.columns + column);
  store(push.result, RESULT_TYPE, row * push.columns + column, y);
}

void multiply() {
  const uint tiles = (push.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const uint first_row = group() / tiles * TILE_ROWS, first_column = group() % tiles * TILE_COLUMNS;
  if (first_row >= push.rows) return;  // for the whole workgroup
  const uint down = gl_SubgroupID / ACROSS, across = gl_SubgroupID % ACROSS;
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[STRIPS * ROWS * COLUMNS];
  [[unroll]] for (uint i = 0; i < STRIPS * ROWS * COLUMNS; ++i)
    sums[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
  if (gl_LocalInvocationID.x == 0) large_at = 0;
  barrier();

  uint strip_number = 0;
  for (uint tap = 0; tap < TAPS; ++tap)
    for (uint first = 0; first < push.depth; first += DEPTH) {
      ++strip_number;
      bring(first_row, first_column, tap, first, strip_number, 1.0);
      barrier();
      const bool large = large_at == strip_number;
      if (large) {
        barrier();
        bring(first_row, first_column, tap, first, strip_number, DOWN_SCALE);
        barrier();
      }
      [[unroll]] for (uint step = 0; step < STEPS; ++step) {
        coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r)
          coopMatLoad(a[r], inputs, (down * ROWS + r) * M * STRIDE + step * K, STRIDE,
                      gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint strip = 0; strip < STRIPS; ++strip)
          [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
            coopMatLoad(b, weights, (strip * TILE_COLUMNS + (across * COLUMNS + c) * N) * STRIDE + step * K, STRIDE,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint r = 0; r < ROWS; ++r) {
              const uint at = (strip * ROWS + r) * COLUMNS + c;
              if (large) {
                const coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> part = coopMatMulAdd(
                    a[r], b, coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0));
                sums[at] = sums[at] + part * 65536.0;
              } else {
                sums[at] = coopMatMulAdd(a[r], b, sums[at]);
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
      float gates[(M * N + SUBGROUP - 1) / SUBGROUP];
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
