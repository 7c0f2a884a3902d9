#define EASEL_ISA level_base
#include "ops/cpu/kernel_table.inl"
