// Vectors of the width that AMX's level has, whatever the processor has: the panels must look alike.
#define EASEL_ISA level_amxemulated
#define EASEL_VECTOR 16
#include "ops/cpu/tiles/emulated_tiles.h"
#define EASEL_TILES EmulatedTiles
#include "ops/cpu/kernels/kernel_table.inl"
