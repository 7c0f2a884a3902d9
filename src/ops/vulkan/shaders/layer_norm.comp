#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension: a workgroup for each row.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;
layout(constant_id = 2) const uint RESULT_TYPE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 x, weight, bias, result;  // weight and bias may be absent
  uint rows, channels;
  float eps;
} push;

#include "workgroup_sum.glsl"

void main() {
  if (group() >= push.rows) return;  // for the whole workgroup
  const uint at = group() * push.channels;
  float sum = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < push.channels; i += THREADS) sum += load(push.x, TYPE, at + i);
  const float mean = workgroup_sum(sum) / float(push.channels);
  float squares = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < push.channels; i += THREADS) {
    const float distance_from = load(push.x, TYPE, at + i) - mean;
    squares += distance_from * distance_from;
  }
  const float scale = 1.0 / sqrt(workgroup_sum(squares) / float(push.channels) + push.eps);
  for (uint i = gl_LocalInvocationID.x; i < push.channels; i += THREADS) {
    float y = (load(push.x, TYPE, at + i) - mean) * scale;
    if (present(push.weight)) y *= Floats(push.weight).at[i];
    if (present(push.bias)) y += Floats(push.bias).at[i];
    store(push.result, RESULT_TYPE, at + i, y);
  }
}
