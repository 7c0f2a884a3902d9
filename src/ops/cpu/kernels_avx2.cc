#define EASEL_ISA level_avx2
#include "ops/cpu/kernel_table.inl"
