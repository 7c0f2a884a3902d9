#define EASEL_ISA level_neonbf16
#include "ops/cpu/kernels/kernel_table.inl"
