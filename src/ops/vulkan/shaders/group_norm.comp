#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"
#include "activation.glsl"

// activation((x - mean) / sqrt(variance + eps) * weight + bias) for one group of channels of one slice of a sample to a
// workgroup, with the statistics of all slices of that group (group_statistics.comp).
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;
layout(constant_id = 2) const uint RESULT_TYPE = 0;
layout(constant_id = 3) const uint ACTIVATION = 0;

layout(push_constant, std430) uniform Push {
  uvec2 x, statistics, weight, bias, result;
  uint groups, slices, positions, channels;
  uint slice;
  float eps;
} push;

void main() {
  const uint slice = group() % push.slices, channel_group = group() / push.slices % push.groups,
             sample_at = group() / push.slices / push.groups;
  const uint size = push.channels / push.groups, first = slice * push.slice;
  const uint count = (min(push.positions, first + push.slice) - first) * size;
  const uint at = (sample_at * push.positions + first) * push.channels + channel_group * size;

  // Chan, Golub & LeVeque 1979: sums of squares over two sets together.
  float values = 0.0, mean = 0.0, squares = 0.0;
  for (uint s = 0; s < push.slices; ++s) {
    const uint of = 2 * (group() / push.slices * push.slices + s);
    const float more = float((min(push.positions, (s + 1) * push.slice) - s * push.slice) * size);
    const float apart = Floats(push.statistics).at[of] - mean, both = values + more;
    mean += apart * (more / both);
    squares += Floats(push.statistics).at[of + 1] + apart * apart * (values * (more / both));
    values = both;
  }
  const float scale = 1.0 / sqrt(squares / values + push.eps);

  for (uint i = gl_LocalInvocationID.x; i < count; i += THREADS) {
    const uint place = at + i / size * push.channels + i % size, channel = channel_group * size + i % size;
    const float y = (load(push.x, TYPE, place) - mean) * scale * Floats(push.weight).at[channel] +
                    Floats(push.bias).at[channel];
    store(push.result, RESULT_TYPE, place, activated(y, ACTIVATION));
  }
}
