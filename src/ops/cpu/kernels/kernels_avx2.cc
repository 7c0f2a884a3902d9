#define EASEL_ISA level_avx2
#include "ops/cpu/kernels/kernel_table.inl"
