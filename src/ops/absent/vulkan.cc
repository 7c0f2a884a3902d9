// Stands in for ops/vulkan in builds without it.
#include "ops/backends.h"

namespace easel::ops::vulkan {

int device_count() { return 0; }

std::vector<DeviceFacts> facts() { return {}; }

NoCard no_card() {
  return {"this program was built without its Vulkan backend", "Use a build that has it (docs/building.md)"};
}

const Backend& backend(int) {
  throw Error(Fault::kUnsupported, "this program was built without its Vulkan backend").fix("Use the backend cpu");
}

}  // namespace easel::ops::vulkan
