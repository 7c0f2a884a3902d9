// For tests: what Easel does when a driver fails.
#pragma once

#include "ops/vulkan/device/gpu.h"

namespace easel::ops::vulkan {

// While it lives, the functions that the backend of a device calls can be replaced by others, which fail. At the end
// they are the driver's again, and the device is no longer lost. To be made and destroyed while nothing is computed.
class FaultyDriver {
 public:
  // Throws what backend(index) throws.
  explicit FaultyDriver(int index);
  ~FaultyDriver();
  FaultyDriver(const FaultyDriver&) = delete;
  FaultyDriver& operator=(const FaultyDriver&) = delete;

  DeviceApi& calls() { return gpu_.functions(); }

 private:
  Gpu& gpu_;
  const DeviceApi driver_;
};

}  // namespace easel::ops::vulkan
