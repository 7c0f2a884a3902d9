#define EASEL_ISA level_avx512
#include "ops/cpu/kernels/kernel_table.inl"
