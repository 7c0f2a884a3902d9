// The sum of one value of each thread of the workgroup, as a tree: exact to a few roundings whatever the subgroup.
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
