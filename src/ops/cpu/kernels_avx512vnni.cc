#define EASEL_ISA level_avx512vnni
#include "ops/cpu/kernel_table.inl"
