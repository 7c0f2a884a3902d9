#include "ops/backend.h"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>

#include "ops/backends.h"

namespace easel::ops {
namespace {

std::atomic<Device>& current() {
  static std::atomic<Device> device = [] {
    const char* name = std::getenv("EASEL_BACKEND");
    const Device wanted = name && *name ? parse_device(name) : kHost;
    backend(wanted);  // throws if there is no such device
    return wanted;
  }();
  return device;
}

}  // namespace

const Backend& backend(Device device) {
  switch (device.kind) {
    case DeviceKind::kCpu: return cpu::backend();
    case DeviceKind::kReference: return reference::backend();
    case DeviceKind::kVulkan: return vulkan::backend(device.index);
  }
  throw Error(Fault::kInternal, "a device of no kind");
}

std::vector<Device> devices() {
  std::vector<Device> all{kHost, {DeviceKind::kReference, 0}};
  for (int i = 0; i < vulkan::device_count(); ++i) all.push_back({DeviceKind::kVulkan, static_cast<uint8_t>(i)});
  return all;
}

Device parse_device(std::string_view name) {
  for (const DeviceKind kind : {DeviceKind::kCpu, DeviceKind::kReference, DeviceKind::kVulkan}) {
    const std::string plain = device_name({kind, 0});
    if (name == plain) return {kind, 0};
    if (kind != DeviceKind::kVulkan || !name.starts_with(plain + ":")) continue;
    const std::string_view number = name.substr(plain.size() + 1);
    uint8_t index = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
    if (error == std::errc() && end == number.data() + number.size()) return {kind, index};
  }
  throw Error(Fault::kUsage, "there is no backend '" + std::string(name) + "'")
      .fix("Choose cpu, reference, vulkan or vulkan:N");
}

Device choose_device(std::string_view name) {
  constexpr uint64_t kEnough = uint64_t{4} << 30;  // a model of Stable Diffusion 1.5 and what it computes in
  Device chosen = kHost;
  if (name == "auto") {
    uint64_t most = kEnough - 1;
    for (const DeviceFacts& facts : vulkan::facts())
      if (facts.discrete && !facts.name.empty() && facts.free > most) {
        most = facts.free;
        chosen = parse_device(facts.name);
      }
  } else {
    chosen = parse_device(name);
  }
  backend(chosen);
  return chosen;
}

std::vector<DeviceFacts> device_facts() {
  std::vector<DeviceFacts> all(1);
  all[0].name = device_name(kHost);
  all[0].kind = "processor";
  for (DeviceFacts& facts : vulkan::facts()) all.push_back(std::move(facts));
  return all;
}

uint64_t device_memory_bytes(Device device) { return backend(device).memory_bytes(); }

void wait_for(Device device) { backend(device).wait(); }

Device compute_device() { return current().load(std::memory_order_relaxed); }

void set_compute_device(Device device) {
  backend(device);
  current().store(device, std::memory_order_relaxed);
}

}  // namespace easel::ops
