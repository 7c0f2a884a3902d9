#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"
#include "activation.glsl"

// One activation of every element of a contiguous tensor.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;
layout(constant_id = 2) const uint ACTIVATION = 0;

layout(push_constant, std430) uniform Push {
  uvec2 x, result;
  uint count;
} push;

void main() {
  const uint i = group() * THREADS + gl_LocalInvocationID.x;
  if (i < push.count) store(push.result, TYPE, i, activated(load(push.x, TYPE, i), ACTIVATION));
}
