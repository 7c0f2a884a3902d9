// The available devices, and the one that models are built for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/device.h"

namespace easel::ops {

// All available devices, the processor first.
std::vector<Device> devices();

// The device with the name "cpu", "reference", "vulkan" or "vulkan:N". Throws Error(kUsage) for other names.
Device parse_device(std::string_view name);

// The same, and "auto": the discrete graphics card with the most free memory, if that is 4 GiB or more, else the
// processor. Throws what backend() throws for a device that cannot be used.
Device choose_device(std::string_view name);

// What is there, for people; also what cannot be used.
struct DeviceFacts {
  std::string name;    // as parse_device() takes it; empty if it cannot be used
  std::string model;   // "AMD Radeon RX 7900 XTX"
  std::string kind;    // "processor", "discrete graphics card", "integrated graphics card", ...
  std::string driver;  // with its version; may be empty
  bool discrete = false;
  uint64_t memory = 0, free = 0;       // bytes; 0 where it is the machine's
  std::vector<std::string> abilities;  // beside what every device needs: "f16", "integer dot products", ...
  std::string lacks;                   // what it needs and has not, if it cannot be used
};
// The processor first, then graphics cards. Opens the drivers.
std::vector<DeviceFacts> device_facts();

// Why models can be computed on the processor only, for people, and what to do; empty where a graphics card can be
// used.
struct NoCard {
  std::string why, advice;
};
// Opens the drivers.
NoCard no_card();

// The memory that this device lets the program have, in bytes; 0 where it is the machine's.
uint64_t device_memory_bytes(Device device);
// Whether that is memory of the device's own, not a part of the machine's.
bool device_memory_apart(Device device);
// Waits until the device has computed everything, for measurements.
void wait_for(Device device);

// The device that models are built for: the last one set, else the one named by the environment variable EASEL_BACKEND,
// else the processor. Models built earlier keep theirs. The first call throws what parse_device() and backend() throw.
// When the device is lost, `instead`, if there is one, takes its place for good.
Device compute_device();
void set_compute_device(Device device, std::optional<Device> instead = {});

// Sets it to the first of one or two names with a comma between them. That may be "auto" (choose_device()), and the
// second, which must be "cpu", stands in when the first cannot be used or is lost. Returns why the first cannot be
// used, empty if it can. Throws Error(kUsage) for other names, and what choose_device() throws if nothing stands in.
std::string start_compute_device(std::string_view names);

}  // namespace easel::ops
