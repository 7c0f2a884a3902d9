#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// How much attention each key gets, in two dispatches: for each query of each head the largest score and the sum of
// exponentials (PHASE 0, a thread each), then for each key the mean over the heads of its weights (PHASE 1).
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;
layout(constant_id = 2) const uint PHASE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 q, k, statistics, result;  // statistics: f32 [N, heads, queries, 2]
  uint count;                      // of threads that have work
  uint queries, keys, heads, width;
  float scale;
  uint q_sample, q_row, k_sample, k_row;  // strides
} push;

float score(uint sample_at, uint head, uint query, uint key) {
  const uint q = sample_at * push.q_sample + query * push.q_row + head * push.width;
  const uint k = sample_at * push.k_sample + key * push.k_row + head * push.width;
  float sum = 0.0;
  for (uint i = 0; i < push.width; ++i) sum += load(push.q, TYPE, q + i) * load(push.k, TYPE, k + i);
  return sum * push.scale;
}

void main() {
  const uint at = group() * THREADS + gl_LocalInvocationID.x;
  if (at >= push.count) return;
  if (PHASE == 0) {
    const uint query = at % push.queries, head = at / push.queries % push.heads,
               sample_at = at / push.queries / push.heads;
    float top = score(sample_at, head, query, 0), sum = 1.0;
    for (uint key = 1; key < push.keys; ++key) {
      const float s = score(sample_at, head, query, key), higher = max(top, s);
      sum = sum * exp(top - higher) + exp(s - higher);
      top = higher;
    }
    Floats(push.statistics).at[2 * at] = top;
    Floats(push.statistics).at[2 * at + 1] = sum;
  } else {
    const uint key = at % push.keys, sample_at = at / push.keys;
    float received = 0.0;
    for (uint head = 0; head < push.heads; ++head) {
      float sum = 0.0;
      for (uint query = 0; query < push.queries; ++query) {
        const uint of = 2 * ((sample_at * push.heads + head) * push.queries + query);
        sum += exp(score(sample_at, head, query, key) - Floats(push.statistics).at[of]) /
               Floats(push.statistics).at[of + 1];
      }
      received += sum;
    }
    Floats(push.result).at[at] = received / float(push.heads);
  }
}
