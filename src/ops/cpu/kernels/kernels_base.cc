#define EASEL_ISA level_base
#include "ops/cpu/kernels/kernel_table.inl"
