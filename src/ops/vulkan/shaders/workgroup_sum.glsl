// The sum, or the largest, of one value of each thread of the workgroup, as a tree: sums are exact to a few roundings
// whatever the subgroup.
shared float partial[THREADS];

float workgroup_joined(float value, bool largest) {
  const uint thread = gl_LocalInvocationID.x;
  barrier();  // what was joined before may still be being read
  partial[thread] = value;
  for (uint half_of = THREADS / 2; half_of > 0; half_of /= 2) {
    barrier();
    if (thread < half_of) {
      const float other = partial[thread + half_of];
      partial[thread] = largest ? max(partial[thread], other) : partial[thread] + other;
    }
  }
  barrier();
  return partial[0];
}

float workgroup_sum(float value) { return workgroup_joined(value, false); }
float workgroup_max(float value) { return workgroup_joined(value, true); }
