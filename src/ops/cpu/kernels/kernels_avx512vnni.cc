#define EASEL_ISA level_avx512vnni
#include "ops/cpu/kernels/kernel_table.inl"
