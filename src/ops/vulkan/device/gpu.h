// A device of Vulkan's: what it can do, its queue, and its kinds of memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "ops/vulkan/device/api.h"

namespace easel::ops::vulkan {

// The product that a subgroup does at once, m x k by k x n; 0 where there is none.
struct MatrixShape {
  uint32_t m = 0, n = 0, k = 0;
};

// What is known of a device before it is opened.
struct GpuDescription {
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  std::string name, driver;
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
  std::string lacks;  // what this backend needs and the device has not; empty when it can be used
  uint32_t queue_family = 0;
  uint64_t memory_bytes = 0;  // of its largest local heap
  uint64_t free_bytes = 0;    // of that, when the devices were listed
  bool tells_budget = false;  // VK_EXT_memory_budget
  bool half_floats = false, dot_products = false, cooperative_matrices = false;
  MatrixShape matrix;                                    // of f16 with sums in f32
  MatrixShape bf16_matrix;                               // of bf16 with sums in f32
  MatrixShape byte_matrix;                               // of signed bytes with sums in 32 bits
  uint32_t subgroup = 1, shared_bytes = 0, threads = 0;  // of a workgroup, where the device limits it
  uint64_t allocation_bytes = 0;                         // the largest single one
  std::string identity;                                  // of driver and device, for the file of its pipelines
};

// All devices in Vulkan's order, also those that cannot be used. Made once.
const std::vector<GpuDescription>& gpu_descriptions();

// An opened device. Thread-safe, but for the queue, which belongs to Stream.
class Gpu {
 public:
  // Throws Error.
  explicit Gpu(const GpuDescription& description);

  const GpuDescription& about() const { return about_; }
  const DeviceApi& call() const { return api_; }
  // For faults.h.
  DeviceApi& functions() { return api_; }
  void find_again() { lost_ = false; }
  VkDevice device() const { return device_; }
  VkQueue queue() const { return queue_; }

  // What vulkan::check() does, and remembers a device that was lost.
  void check(VkResult result, const char* what) const;
  // Nothing on the device can be relied upon any more: it was lost, or work that it was to do was.
  bool lost() const { return lost_.load(std::memory_order_relaxed); }
  void lose() const { lost_ = true; }
  // Throws as check() for a lost device does, without asking the driver again, if it was lost earlier.
  void require() const;

  // The bytes of the local heap that this process may still allocate, and those in all that it may have.
  uint64_t free_bytes() const;
  uint64_t budget_bytes() const;

  // A buffer with memory of its own, for everything that shaders and copies do. Throws what check() throws.
  struct Buffer {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceAddress address = 0;
    uint64_t bytes = 0;
  };
  Buffer allocate(uint64_t bytes, bool for_the_host) const;
  // Maps memory that was allocated for the host.
  void* map(const Buffer& buffer) const;
  void free(const Buffer& buffer) const;

 private:
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budgets() const;

  const GpuDescription about_;
  DeviceApi api_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  uint32_t local_type_ = 0, host_type_ = 0, local_heap_ = 0;
  mutable std::atomic<uint64_t> allocated_{0};  // by this object, in the local heap
  mutable std::atomic<bool> lost_{false};
};

}  // namespace easel::ops::vulkan
