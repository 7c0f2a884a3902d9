#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// Moves elements between two tensors of one shape and any strides: as words or halves of them that keep every bit
// (SIZE bytes to an element), or converted between float types (SIZE 0).
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint RANK = 1;
layout(constant_id = 2) const uint SIZE = 4;
layout(constant_id = 3) const uint FROM_TYPE = 0;
layout(constant_id = 4) const uint TO_TYPE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 from, to;
  uint count;
  uint shape[6], from_stride[6], to_stride[6];
} push;

void main() {
  uint rest = group() * THREADS + gl_LocalInvocationID.x;
  if (rest >= push.count) return;
  uint from = 0, to = 0;
  for (uint d = RANK; d-- > 0;) {
    const uint at = d == 0 ? rest : rest % push.shape[d];
    from += at * push.from_stride[d];
    to += at * push.to_stride[d];
    rest /= push.shape[d];
  }
  if (SIZE == 0) store(push.to, TO_TYPE, to, load(push.from, FROM_TYPE, from));
  else if (SIZE == 2) Shorts(push.to).at[to] = Shorts(push.from).at[from];
  else if (SIZE == 4) Words(push.to).at[to] = Words(push.from).at[from];
  else {
    Words(push.to).at[2 * to] = Words(push.from).at[2 * from];
    Words(push.to).at[2 * to + 1] = Words(push.from).at[2 * from + 1];
  }
}
