#include "ops/vulkan/backend.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "ops/backends.h"
#include "ops/vulkan/device/faults.h"
#include "ops/vulkan/device/no_card.h"

namespace easel::ops::vulkan {
namespace {

// The devices that can be used, in Vulkan's order.
const std::vector<GpuDescription>& usable() {
  static const auto* const found = new std::vector<GpuDescription>([] {
    std::vector<GpuDescription> out;
    for (const GpuDescription& gpu : gpu_descriptions())
      if (gpu.lacks.empty()) out.push_back(gpu);
    return out;
  }());
  return *found;
}

struct Opened {
  Mutex mutex;
  std::array<VulkanBackend*, 256> backends EASEL_GUARDED_BY(mutex){};
};

Opened& opened() {
  static auto* const all = new Opened;
  return *all;
}

void save_pipelines() {
  const MutexLock lock(opened().mutex);
  for (VulkanBackend* backend : opened().backends)
    if (backend && !backend->lost()) backend->pipelines().save();
}

}  // namespace

VulkanBackend::VulkanBackend(const GpuDescription& description, Device device)
    : device_(device),
      gpu_(description),
      stream_(gpu_),
      memory_(gpu_, stream_, device, [this](const Tensor& from, Tensor& to) { convert(from, to); }),
      pipelines_(gpu_) {
  add_device_memory(device, memory_);
}

Tensor VulkanBackend::numbers(std::span<const std::byte> bytes) const {
  Tensor t({static_cast<int64_t>(bytes.size())}, DType::kU8, device_);
  stream_.upload(bytes.data(), bytes.size(), Memory::place(t));
  return t;
}

uint32_t plain_threads(const GpuDescription& gpu) {
  if (gpu.subgroup < 32) return 64;
  return gpu.threads >= 256 ? 256 : 128;  // a device with fewer is not used
}

uint64_t address(const Tensor& t) { return t.defined() ? Memory::address(t) : 0; }

uint32_t number(int64_t n) {
  if (n < 0 || n > INT32_MAX)
    throw Error(Fault::kUnsupported, "a tensor with more than 2^31 elements on a graphics card")
        .fix("Use a smaller size or batch, or --device cpu");
  return static_cast<uint32_t>(n);
}

uint32_t type_number(DType type) {
  switch (type) {
    case DType::kF32: return 0;
    case DType::kF16: return 1;
    case DType::kBF16: return 2;
    default: throw Error(Fault::kInternal, "a tensor that shaders cannot read");
  }
}

std::vector<DeviceFacts> facts() {
  std::vector<DeviceFacts> all;
  int index = 0;
  for (const GpuDescription& gpu : gpu_descriptions()) {
    DeviceFacts f;
    if (gpu.lacks.empty()) f.name = device_name({DeviceKind::kVulkan, static_cast<uint8_t>(index++)});
    f.model = gpu.name;
    f.driver = gpu.driver;
    f.lacks = gpu.lacks;
    f.discrete = gpu.type == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    f.kind = f.discrete                                           ? "discrete graphics card"
             : gpu.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ? "integrated graphics card"
             : gpu.type == VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU    ? "virtual graphics card"
                                                                  : "processor, by a driver for tests";
    f.memory = gpu.memory_bytes;
    f.free = gpu.free_bytes;
    if (gpu.half_floats) f.abilities.emplace_back("f16");
    if (gpu.dot_products) f.abilities.emplace_back("integer dot products");
    if (gpu.matrix.m > 0) f.abilities.emplace_back("cooperative matrices");
    if (gpu.bf16_matrix.m > 0) f.abilities.emplace_back("cooperative matrices of bf16");
    if (gpu.byte_matrix.m > 0) f.abilities.emplace_back("cooperative matrices of bytes");
    f.abilities.push_back("subgroups of " + std::to_string(gpu.subgroup));
    all.push_back(std::move(f));
  }
  return all;
}

NoCard no_card() { return no_card_among(api().missing, api().advice, gpu_descriptions()); }

int device_count() { return static_cast<int>(std::min<size_t>(usable().size(), 256)); }

namespace {

VulkanBackend& the_backend(int index) {
  if (index < 0 || index >= device_count()) {
    const NoCard none = device_count() == 0 ? no_card() : NoCard();
    throw Error(Fault::kUnsupported, "there is no Vulkan device " + std::to_string(index) + " that can be used" +
                                         (none.why.empty() ? "" : ": " + none.why))
        .fix((none.advice.empty() ? "" : none.advice + ". ") +
             "`easel devices` lists what there is; the backend cpu is always there");
  }
  const auto at = static_cast<size_t>(index);
  const MutexLock lock(opened().mutex);
  VulkanBackend*& backend = opened().backends[at];
  if (!backend) {
    backend = new VulkanBackend(usable()[at], {DeviceKind::kVulkan, static_cast<uint8_t>(index)});
    static const int registered = std::atexit(save_pipelines);
    if (registered != 0) throw Error(Fault::kInternal, "the program's end cannot be watched");
  }
  return *backend;
}

}  // namespace

const Backend& backend(int index) { return the_backend(index); }

FaultyDriver::FaultyDriver(int index) : gpu_(the_backend(index).gpu()), driver_(gpu_.call()) {}

FaultyDriver::~FaultyDriver() {
  gpu_.functions() = driver_;
  gpu_.find_again();
}

}  // namespace easel::ops::vulkan
