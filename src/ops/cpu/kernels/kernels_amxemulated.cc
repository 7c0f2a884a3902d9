// Vectors have the width of the AMX level on every processor, so that the panel layout is the same.
#define EASEL_ISA level_amxemulated
#define EASEL_VECTOR 16
#include "ops/cpu/tiles/emulated_tiles.h"
#define EASEL_TILES EmulatedTiles
#include "ops/cpu/kernels/kernel_table.inl"
