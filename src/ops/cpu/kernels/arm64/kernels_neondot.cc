#define EASEL_ISA level_neondot
#include "ops/cpu/kernels/kernel_table.inl"
