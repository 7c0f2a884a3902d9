#version 450
#extension GL_GOOGLE_include_directive : require
#include "../shaders/memory.glsl"
#include "factors.glsl"

// attention.comp on cooperative matrices: products with sums in f32. A subgroup has M queries and keeps their sums; a
// workgroup's subgroups share blocks of KEYS keys, then their values. Inputs are bf16; see factors.glsl. Scores and softmax
// are f32, the weights of the values factors.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 128;
layout(constant_id = 1) const uint SUBGROUP = 32;
layout(constant_id = 2) const uint M = 16;
layout(constant_id = 3) const uint N = 16;
layout(constant_id = 4) const uint K = 16;
layout(constant_id = 5) const uint KEYS = 32;
layout(constant_id = 6) const uint MOST = 64;  // at least the width of a head; this and KEYS are multiples of N and K
layout(constant_id = 7) const uint TYPE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 q, k, v, bias, result;
  uint queries, keys, heads, width;  // width: values of a head
  float scale;
  uint q_sample, q_row, k_sample, k_row, v_sample, v_row;  // strides
  uint bias_sample, bias_head, bias_row, causal;
} push;

const uint QUERIES = THREADS / SUBGROUP * M, LANES = SUBGROUP / M;  // LANES: threads for a query
const uint ROWS = QUERIES > KEYS ? QUERIES : KEYS;
// 16 bytes more, so that rows begin at different banks.
const uint STRIDE = MOST + 8, SCORE_STRIDE = KEYS + 4, WEIGHT_STRIDE = KEYS + 8;
const float NONE = -3.4e38;

shared FACTOR rows[ROWS * STRIDE];  // queries, then keys and values in turn
shared float scores[QUERIES * SCORE_STRIDE];
shared FACTOR weights[QUERIES * WEIGHT_STRIDE];
shared float largest[QUERIES], total[QUERIES], fading[QUERIES], part[THREADS];
shared uint most[2];    // the bits of the largest magnitude in this block and in the next
shared uint fades_at;   // the last block that raised a largest score

// Returns the largest magnitude that this thread has seen.
float bring_scaled(uvec2 from, uint at, uint stride, uint all, uint count, float scale) {
  float seen = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < all * MOST; i += THREADS) {
    const uint row = i / MOST, column = i % MOST;
    const float value = row < count && column < push.width ? load(from, TYPE, at + row * stride + column) : 0.0;
    seen = max(seen, abs(value));
    rows[row * STRIDE + column] = FACTOR(value * scale);
  }
  return seen;
}

// `count` rows of a head, the others zero, as factors. Returns what they must be multiplied with.
float bring(uvec2 from, uint at, uint stride, uint all, uint count, uint block) {
  const float seen = bring_scaled(from, at, stride, all, count, 1.0);
#ifndef BF16_FACTORS
  atomicMax(most[block % 2], floatBitsToUint(seen));
  if (gl_LocalInvocationID.x == 0) most[(block + 1) % 2] = 0;
#endif
  barrier();
  const int twos = twos_for(uintBitsToFloat(most[block % 2]));
  if (twos == 0) return 1.0;
  bring_scaled(from, at, stride, all, count, power_of_two(twos));
  barrier();
  return power_of_two(-twos);
}

void main() {
  const uint thread = gl_LocalInvocationID.x, lane = thread % LANES, mine = thread / LANES;
  const uint blocks = (push.queries + QUERIES - 1) / QUERIES;
  const uint head_at = group() / blocks, sample_at = head_at / push.heads, head = head_at % push.heads;
  const uint first_query = group() % blocks * QUERIES, first_value = head * push.width, query = first_query + mine;
  const uint q_at = sample_at * push.q_sample + first_value, k_at = sample_at * push.k_sample + first_value,
             v_at = sample_at * push.v_sample + first_value;
  const uint first_row = gl_SubgroupID * M;  // of this subgroup, among the workgroup's queries
  if (thread == 0) most[0] = most[1] = fades_at = 0;
  if (thread < QUERIES) {
    largest[thread] = -3.0e38;
    total[thread] = 0.0;
  }
  barrier();

  uint block = 1;
  const uint there = first_query < push.queries ? min(QUERIES, push.queries - first_query) : 0;
  const float q_scale = push.scale * bring(push.q, q_at + first_query * push.q_row, push.q_row, QUERIES, there, block);
  coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA> q[MOST / K];
  [[unroll]] for (uint i = 0; i < MOST / K; ++i)
    coopMatLoad(q[i], rows, first_row * STRIDE + i * K, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[MOST / N];
  [[unroll]] for (uint i = 0; i < MOST / N; ++i)
    sums[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);

  // Nobody sees keys behind the last query.
  const uint seen = push.causal != 0 ? min(push.keys, first_query + QUERIES) : push.keys;
  for (uint first_key = 0; first_key < seen; first_key += KEYS) {
    const uint count = min(KEYS, seen - first_key);
    barrier();
    const float scale = q_scale * bring(push.k, k_at + first_key * push.k_row, push.k_row, KEYS, count, ++block);
    [[unroll]] for (uint j = 0; j < KEYS / N; ++j) {
      coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> score =
          coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
      [[unroll]] for (uint i = 0; i < MOST / K; ++i) {
        coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB> k;
        coopMatLoad(k, rows, j * N * STRIDE + i * K, STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
        score = coopMatMulAdd(q[i], k, score);
      }
      coopMatStore(score, scores, first_row * SCORE_STRIDE + j * N, SCORE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
    }
    barrier();

    float top = NONE;
    for (uint at = lane; at < KEYS; at += LANES) {
      const uint key = first_key + at;
      float score = NONE;
      if (at < count && query < push.queries && (push.causal == 0 || key <= query)) {
        score = scores[mine * SCORE_STRIDE + at] * scale;
        if (present(push.bias))
          score += Floats(push.bias).at[sample_at * push.bias_sample + head * push.bias_head + query * push.bias_row + key];
      }
      scores[mine * SCORE_STRIDE + at] = score;
      top = max(top, score);
    }
    part[thread] = top;
    barrier();
    const float before = largest[mine];
    top = before;
    for (uint i = 0; i < LANES; ++i) top = max(top, part[mine * LANES + i]);
    barrier();
    float sum = 0.0;
    for (uint at = lane; at < KEYS; at += LANES) {
      const float score = scores[mine * SCORE_STRIDE + at];
      const float e = score <= NONE ? 0.0 : exp(score - top);
      weights[mine * WEIGHT_STRIDE + at] = FACTOR(e);
      sum += e;
    }
    part[thread] = sum;
    barrier();
    if (lane == 0) {
      sum = total[mine] * exp(before - top);
      for (uint i = 0; i < LANES; ++i) sum += part[mine * LANES + i];
      total[mine] = sum;
      largest[mine] = top;
      fading[mine] = exp(top - before);
      if (top > before) fades_at = block;
    }
    barrier();
    // A new largest score scales what was summed before it. Every place of a matrix is divided by its row's number.
    if (fades_at == block && first_key > 0) {
      for (uint i = gl_SubgroupInvocationID; i < M * N; i += SUBGROUP)
        scores[first_row * SCORE_STRIDE + i] = fading[first_row + i / N];
      barrier();
      coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> fades;
      coopMatLoad(fades, scores, first_row * SCORE_STRIDE, N, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint c = 0; c < MOST / N; ++c) sums[c] = sums[c] / fades;
    }
    const float v_scale = bring(push.v, v_at + first_key * push.v_row, push.v_row, KEYS, count, ++block);
    [[unroll]] for (uint i = 0; i < KEYS / K; ++i) {
      coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA> w;
      coopMatLoad(w, weights, first_row * WEIGHT_STRIDE + i * K, WEIGHT_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint c = 0; c < MOST / N; ++c) {
        coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB> v;
        coopMatLoad(v, rows, i * K * STRIDE + c * N, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
        if (v_scale == 1.0) {
          sums[c] = coopMatMulAdd(w, v, sums[c]);
        } else {
          const coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> here =
              coopMatMulAdd(w, v, coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0));
          sums[c] = sums[c] + here * v_scale;
        }
      }
    }
  }

  // Which lane holds which element is the device's affair, so they pass through shared memory.
  [[unroll]] for (uint c = 0; c < MOST / N; ++c) {
    barrier();
    coopMatStore(sums[c], scores, first_row * SCORE_STRIDE, N, gl_CooperativeMatrixLayoutRowMajor);
    barrier();
    for (uint i = gl_SubgroupInvocationID; i < M * N; i += SUBGROUP) {
      const uint row = first_row + i / N, value = c * N + i % N;
      if (first_query + row < push.queries && value < push.width)
        store(push.result, TYPE,
              ((sample_at * push.queries + first_query + row) * push.heads + head) * push.width + value,
              scores[first_row * SCORE_STRIDE + i] / total[row]);
    }
  }
}
