#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// Mean and sum of squared distances from it, for slices of each group of channels of each sample: a workgroup each, so
// that large maps use the whole device. group_norm.comp puts the slices together.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 x, statistics;  // x [samples, positions, channels]; f32 [samples, groups, slices, 2]
  uint groups, slices, positions, channels;
  uint slice;  // positions of one
} push;

#include "workgroup_sum.glsl"

void main() {
  const uint slice = group() % push.slices, channel_group = group() / push.slices % push.groups,
             sample_at = group() / push.slices / push.groups;
  const uint size = push.channels / push.groups, first = slice * push.slice;
  const uint count = (min(push.positions, first + push.slice) - first) * size;
  const uint at = (sample_at * push.positions + first) * push.channels + channel_group * size;
  float sum = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < count; i += THREADS)
    sum += load(push.x, TYPE, at + i / size * push.channels + i % size);
  const float mean = workgroup_sum(sum) / float(count);
  float squares = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < count; i += THREADS) {
    const float distance_from = load(push.x, TYPE, at + i / size * push.channels + i % size) - mean;
    squares += distance_from * distance_from;
  }
  squares = workgroup_sum(squares);
  if (gl_LocalInvocationID.x == 0) {
    Floats(push.statistics).at[2 * group()] = mean;
    Floats(push.statistics).at[2 * group() + 1] = squares;
  }
}
