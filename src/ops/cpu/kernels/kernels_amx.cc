#define EASEL_ISA level_amx
#include "ops/cpu/tiles/hardware_tiles.h"
#define EASEL_TILES HardwareTiles
#include "ops/cpu/kernels/kernel_table.inl"
