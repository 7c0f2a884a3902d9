#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// softmax(q k^T * scale + bias) v for QUERIES queries of one head to a workgroup. Keys come in blocks of KEYS; a block
// scales what was summed before by how far it raises the largest score (online softmax, Milakov & Gimelshein 2018).
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint QUERIES = 16;
layout(constant_id = 2) const uint KEYS = 32;
layout(constant_id = 3) const uint MOST = 64;  // at least the width of a head
layout(constant_id = 4) const uint TYPE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 q, k, v, bias, result;
  uint queries, keys, heads, width;  // width: values of a head
  float scale;
  uint q_sample, q_row, k_sample, k_row, v_sample, v_row;  // strides
  uint bias_sample, bias_head, bias_row, causal;
} push;

const uint CHUNK = 16;                                // values of a key in shared memory at once
const uint EACH = QUERIES * KEYS / THREADS;           // scores of a thread
const uint PARTS = (MOST + THREADS - 1) / THREADS;   // values of the result, for each query, of a thread

shared float queries[QUERIES * MOST];
shared float key_chunk[KEYS * (CHUNK + 1)];
shared float scores[QUERIES * KEYS];
shared float largest[QUERIES], total[QUERIES], fading[QUERIES];

void main() {
  const uint thread = gl_LocalInvocationID.x;
  const uint blocks = (push.queries + QUERIES - 1) / QUERIES;
  const uint head_at = group() / blocks, sample_at = head_at / push.heads, head = head_at % push.heads;
  const uint first_query = group() % blocks * QUERIES, first_value = head * push.width;
  const uint q_at = sample_at * push.q_sample + first_value, k_at = sample_at * push.k_sample + first_value,
             v_at = sample_at * push.v_sample + first_value;

  for (uint i = thread; i < QUERIES * MOST; i += THREADS) {
    const uint query = first_query + i / MOST, value = i % MOST;
    const bool inside = query < push.queries && value < push.width;
    queries[i] = inside ? load(push.q, TYPE, q_at + query * push.q_row + value) * push.scale : 0.0;
  }
  if (thread < QUERIES) {
    largest[thread] = -3.0e38;
    total[thread] = 0.0;
  }
  float sums[QUERIES * PARTS];
  for (uint i = 0; i < QUERIES * PARTS; ++i) sums[i] = 0.0;

  // Nobody sees keys behind the last query.
  const uint seen = push.causal != 0 ? min(push.keys, first_query + QUERIES) : push.keys;
  for (uint first_key = 0; first_key < seen; first_key += KEYS) {
    const uint count = min(KEYS, seen - first_key);
    float score[EACH];
    for (uint e = 0; e < EACH; ++e) score[e] = 0.0;
    for (uint first = 0; first < push.width; first += CHUNK) {
      barrier();
      for (uint i = thread; i < KEYS * CHUNK; i += THREADS) {
        const uint key = i / CHUNK, value = first + i % CHUNK;
        key_chunk[key * (CHUNK + 1) + i % CHUNK] =
            key < count && value < push.width ? load(push.k, TYPE, k_at + (first_key + key) * push.k_row + value) : 0.0;
      }
      barrier();
      const uint values = min(CHUNK, push.width - first);
      for (uint e = 0; e < EACH; ++e) {
        const uint at = thread + e * THREADS, query = at / KEYS, key = at % KEYS;
        for (uint i = 0; i < values; ++i)
          score[e] += queries[query * MOST + first + i] * key_chunk[key * (CHUNK + 1) + i];
      }
    }
    for (uint e = 0; e < EACH; ++e) {
      const uint at = thread + e * THREADS, query = first_query + at / KEYS, key = first_key + at % KEYS;
      const bool counts = at % KEYS < count && query < push.queries && (push.causal == 0 || key <= query);
      if (counts && present(push.bias))
        score[e] += Floats(push.bias).at[sample_at * push.bias_sample + head * push.bias_head + query * push.bias_row + key];
      scores[at] = counts ? score[e] : -3.4e38;
    }
    barrier();
    if (thread < QUERIES) {
      float top = largest[thread];
      for (uint key = 0; key < count; ++key) top = max(top, scores[thread * KEYS + key]);
      const float fades = exp(largest[thread] - top);
      float sum = total[thread] * fades;
      for (uint key = 0; key < count; ++key) {
        const float score_at = scores[thread * KEYS + key];
        const float e = score_at <= -3.4e38 ? 0.0 : exp(score_at - top);
        scores[thread * KEYS + key] = e;
        sum += e;
      }
      largest[thread] = top;
      total[thread] = sum;
      fading[thread] = fades;
    }
    barrier();
    for (uint part = 0; part < PARTS; ++part) {
      const uint value = thread + part * THREADS;
      if (value >= push.width) break;
      for (uint query = 0; query < QUERIES; ++query) sums[query * PARTS + part] *= fading[query];
      for (uint key = 0; key < count; ++key) {
        const float v = load(push.v, TYPE, v_at + (first_key + key) * push.v_row + value);
        for (uint query = 0; query < QUERIES; ++query) sums[query * PARTS + part] += scores[query * KEYS + key] * v;
      }
    }
  }
  barrier();
  for (uint part = 0; part < PARTS; ++part) {
    const uint value = thread + part * THREADS;
    if (value >= push.width) break;
    for (uint query = 0; query < QUERIES && first_query + query < push.queries; ++query)
      store(push.result, TYPE,
            ((sample_at * push.queries + first_query + query) * push.heads + head) * push.width + value,
            sums[query * PARTS + part] / total[query]);
  }
}
