#define EASEL_ISA level_avxvnni
#include "ops/cpu/kernels/kernel_table.inl"
