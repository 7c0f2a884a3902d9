// How a workgroup divides a tile of a product among matrices: a subgroup has ROWS x COLUMNS of M x N, twice if gated, and
// there are DOWN rows of subgroups.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 128;
layout(constant_id = 1) const uint SUBGROUP = 32;
layout(constant_id = 2) const uint M = 16;
layout(constant_id = 3) const uint N = 16;
layout(constant_id = 4) const uint K = 16;
layout(constant_id = 5) const uint DOWN = 2;
layout(constant_id = 6) const uint ROWS = 2;
layout(constant_id = 7) const uint COLUMNS = 4;
layout(constant_id = 8) const uint STEPS = 2;  // products along the sum between two barriers
layout(constant_id = 9) const uint RESULT_TYPE = 0;
layout(constant_id = 10) const uint ACTIVATION = 0;
layout(constant_id = 11) const uint GATED = 0;
layout(constant_id = 12) const uint TAPS = 1;

const uint SUBGROUPS = THREADS / SUBGROUP, ACROSS = SUBGROUPS / DOWN;
const uint TILE_ROWS = DOWN * ROWS * M, TILE_COLUMNS = ACROSS * COLUMNS * N;
const uint STRIPS = 1 + GATED, MATRICES = STRIPS * ROWS * COLUMNS;
const uint EACH = (M * N + SUBGROUP - 1) / SUBGROUP;  // elements of a matrix for each lane
