#include "ops/packer.h"

#include "ops/backend.h"

namespace easel::ops {

std::string_view packed_layout(Device device) { return backend(device).packed_layout(); }
uint64_t packed_layout_fingerprint(Device device) { return backend(device).packed_layout_fingerprint(); }

}  // namespace easel::ops
