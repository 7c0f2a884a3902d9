// The device that a tensor's memory belongs to. It decides which backend computes with the tensor.
#pragma once

#include <cstdint>
#include <string>

namespace easel {

// kReference computes in plain f64, in separate memory, to compare the others with.
enum class DeviceKind : uint8_t { kCpu, kReference, kVulkan };

struct Device {
  DeviceKind kind = DeviceKind::kCpu;
  uint8_t index = 0;  // among devices of one kind

  bool operator==(const Device&) const = default;
};

// The processor: the only device whose tensors can be read and written element by element.
inline constexpr Device kHost{};

// "cpu", "reference", "vulkan", "vulkan:1".
std::string device_name(Device device);

}  // namespace easel
