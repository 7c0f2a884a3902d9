#define EASEL_ISA level_avx512bf16
#include "ops/cpu/kernels/kernel_table.inl"
