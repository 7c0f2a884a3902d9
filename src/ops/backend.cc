#include "ops/backend.h"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>

#include "ops/backends.h"

namespace easel::ops {
namespace {

// `instead` is the device itself where nothing stands in for it.
struct Chosen {
  Device device, instead;
};

std::atomic<Chosen>& current() {
  static std::atomic<Chosen> chosen = [] {
    const char* name = std::getenv("EASEL_BACKEND");
    const Device wanted = name && *name ? parse_device(name) : kHost;
    backend(wanted);  // throws if there is no such device
    return Chosen{wanted, wanted};
  }();
  return chosen;
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

std::string choose_among(const std::vector<DeviceFacts>& devices) {
  constexpr uint64_t kEnough = uint64_t{4} << 30;  // a model of Stable Diffusion 1.5 and what it computes in
  uint64_t most = kEnough - 1;
  std::string chosen = device_name(kHost);
  for (const DeviceFacts& facts : devices)
    if (facts.discrete && !facts.name.empty() && facts.free > most) {
      most = facts.free;
      chosen = facts.name;
    }
  return chosen;
}

Device choose_device(std::string_view name) {
  const Device chosen = parse_device(name == "auto" ? choose_among(vulkan::facts()) : std::string(name));
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

NoCard no_card() { return vulkan::no_card(); }

bool device_memory_apart(Device device) { return backend(device).memory_apart(); }

uint64_t device_memory_bytes(Device device) { return backend(device).memory_bytes(); }

void wait_for(Device device) { backend(device).wait(); }

Device compute_device() {
  Chosen now = current().load(std::memory_order_relaxed);
  if (now.device == now.instead || !backend(now.device).lost()) return now.device;
  current().compare_exchange_strong(now, {now.instead, now.instead});
  return current().load(std::memory_order_relaxed).device;
}

void set_compute_device(Device device, std::optional<Device> instead) {
  backend(device);
  current().store({device, instead.value_or(device)}, std::memory_order_relaxed);
}

std::string start_compute_device(std::string_view names) {
  const size_t comma = names.find(',');
  const std::string_view first = names.substr(0, comma);
  std::optional<Device> instead;
  if (comma != std::string_view::npos) {
    instead = kHost;
    if (names.substr(comma + 1) != device_name(kHost))
      throw Error(Fault::kUsage, "only the processor can stand in for a device, in '" + std::string(names) + "'")
          .fix("Write " + std::string(first) + ",cpu");
  }
  try {
    set_compute_device(choose_device(first), instead);
  } catch (const Error& e) {
    if (!instead || e.fault() == Fault::kUsage) throw;
    set_compute_device(*instead);
    return e.message();
  }
  return {};
}

}  // namespace easel::ops
