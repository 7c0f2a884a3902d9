// The sum, or the largest, of one value of each thread of the workgroup, as a tree: sums are exact to a few roundings
// whatever the subgroup.
shared float partial[THREADS];

float workgroup_sum(float value) {
  const uint thread = gl_LocalInvocationID.x;
  barrier();  // the sum before may still be being read
  partial[thread] = value;
  for (uint half_of = THREADS / 2; half_of > 0; half_of /= 2) {
    barrier();
    if (thread < half_of) partial[thread] += partial[thread + half_of];
  }
  barrier();
  return partial[0];
}

float workgroup_max(float value) {
  const uint thread = gl_LocalInvocationID.x;
  barrier();
  partial[thread] = value;
  for (uint half_of = THREADS / 2; half_of > 0; half_of /= 2) {
    barrier();
    if (thread < half_of) partial[thread] = max(partial[thread], partial[thread + half_of]);
  }
  barrier();
  return partial[0];
}
