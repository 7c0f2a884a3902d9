#include "ops/packer.h"

#include "ops/cpu/cpu_features.h"
#include "ops/cpu/product/panels.h"

namespace easel::ops {

std::string_view packed_layout() { return cpu::isa_name(cpu::isa()); }
uint64_t packed_layout_fingerprint() { return cpu::layout_fingerprint(); }

}  // namespace easel::ops
