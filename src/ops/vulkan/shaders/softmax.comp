#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// softmax(scores + bias) over each row, in place: a workgroup for each.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;

layout(push_constant, std430) uniform Push {
  uvec2 scores, bias;  // f32 [rows, keys]; bias may be absent
  uint rows, keys, bias_row;
  uint seen;  // keys that the first row sees, each one after it sees one more
} push;

#include "workgroup_sum.glsl"

const float NONE = -3.4e38;

void main() {
  if (group() >= push.rows) return;  // for the whole workgroup
  const uint at = group() * push.keys, seen = min(push.keys, push.seen + group());
  float top = -3.0e38;
  for (uint key = gl_LocalInvocationID.x; key < seen; key += THREADS) {
    float score = Floats(push.scores).at[at + key];
    if (present(push.bias)) score += Floats(push.bias).at[group() * push.bias_row + key];
    Floats(push.scores).at[at + key] = score;
    top = max(top, score);
  }
  top = workgroup_max(top);
  float sum = 0.0;
  for (uint key = gl_LocalInvocationID.x; key < push.keys; key += THREADS) {
    const float score = key < seen ? Floats(push.scores).at[at + key] : NONE;
    const float e = score <= NONE ? 0.0 : exp(score - top);
    Floats(push.scores).at[at + key] = e;
    sum += e;
  }
  sum = workgroup_sum(sum);
  for (uint key = gl_LocalInvocationID.x; key < push.keys; key += THREADS) Floats(push.scores).at[at + key] /= sum;
}
