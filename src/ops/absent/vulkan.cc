// In place of ops/vulkan where that is not built.
#include "ops/backends.h"

namespace easel::ops::vulkan {

int device_count() { return 0; }

const Backend& backend(int) {
  throw Error(Fault::kUnsupported, "this program was built without its Vulkan backend").fix("Use the backend cpu");
}

}  // namespace easel::ops::vulkan
