#define EASEL_ISA level_avx512
#include "ops/cpu/kernel_table.inl"
