#include "ops/vulkan/device/gpu.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.h"

namespace easel::ops::vulkan {
namespace {

// VK_KHR_cooperative_matrix and what it needs, for headers that do not know it.
#ifndef VK_KHR_cooperative_matrix
struct VkCooperativeMatrixPropertiesKHR {
  VkStructureType sType;
  void* pNext;
  uint32_t MSize, NSize, KSize;
  uint32_t AType, BType, CType, ResultType;
  VkBool32 saturatingAccumulation;
  uint32_t scope;  // 3: the subgroup
};
struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
  VkStructureType sType;
  void* pNext;
  VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
};
using PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR = VkResult(VKAPI_PTR*)(VkPhysicalDevice, uint32_t*,
                                                                                   VkCooperativeMatrixPropertiesKHR*);
#endif
// VK_KHR_shader_bfloat16, which is younger.
#ifndef VK_KHR_shader_bfloat16
struct VkPhysicalDeviceShaderBfloat16FeaturesKHR {
  VkStructureType sType;
  void* pNext;
  VkBool32 shaderBFloat16Type, shaderBFloat16DotProduct, shaderBFloat16CooperativeMatrix;
};
#endif
constexpr auto kBf16Features = static_cast<VkStructureType>(1000141000);
constexpr const char* kBf16Extension = "VK_KHR_shader_bfloat16";
// Types of a matrix's elements (VkComponentTypeKHR).
constexpr int kF16 = 0, kF32 = 1, kSignedByte = 3, kSigned32 = 5, kBf16 = 1000141000;

constexpr auto kMatrixFeatures = static_cast<VkStructureType>(1000506000);
constexpr auto kMatrixProperties = static_cast<VkStructureType>(1000506001);
constexpr const char* kMatrixExtension = "VK_KHR_cooperative_matrix";

template <class T>
T structure(VkStructureType type, void* next = nullptr) {
  T out{};
  out.sType = type;
  out.pNext = next;
  return out;
}

std::string hex(const uint8_t* bytes, size_t count) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

// The largest product of two matrices of the one type with sums in the other.
MatrixShape matrix_of(VkPhysicalDevice physical, int factors, int sums) {
  const auto list = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      api().vkGetInstanceProcAddr(api().instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  uint32_t count = 0;
  if (!list || list(physical, &count, nullptr) < 0) return {};
  std::vector<VkCooperativeMatrixPropertiesKHR> all(count,
                                                    structure<VkCooperativeMatrixPropertiesKHR>(kMatrixProperties));
  if (list(physical, &count, all.data()) < 0) return {};
  MatrixShape best;
  for (const auto& p : all) {
    const bool fits = static_cast<int>(p.AType) == factors && static_cast<int>(p.BType) == factors &&
                      static_cast<int>(p.CType) == sums && static_cast<int>(p.ResultType) == sums &&
                      static_cast<int>(p.scope) == 3 && !p.saturatingAccumulation;
    // More than 16 along a side would need larger tiles than shared memory holds.
    const bool moderate = p.MSize <= 16 && p.NSize <= 16 && (p.KSize == 8 || p.KSize == 16 || p.KSize == 32);
    if (fits && moderate && p.MSize * p.NSize * p.KSize > best.m * best.n * best.k) best = {p.MSize, p.NSize, p.KSize};
  }
  return best;
}

GpuDescription describe(VkPhysicalDevice physical) {
  const Api& vk = api();
  GpuDescription out;
  out.physical = physical;
  auto driver = structure<VkPhysicalDeviceDriverProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
  auto groups =
      structure<VkPhysicalDeviceSubgroupProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, &driver);
  auto sizes = structure<VkPhysicalDeviceMaintenance3Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES, &groups);
  auto is = structure<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &sizes);
  vk.vkGetPhysicalDeviceProperties2(physical, &is);
  const VkPhysicalDeviceProperties& properties = is.properties;
  out.name = properties.deviceName;
  out.driver = std::string(driver.driverName) + " " + driver.driverInfo;
  out.type = properties.deviceType;
  out.subgroup = groups.subgroupSize;
  out.shared_bytes = properties.limits.maxComputeSharedMemorySize;
  out.threads =
      std::min(properties.limits.maxComputeWorkGroupInvocations, properties.limits.maxComputeWorkGroupSize[0]);
  out.allocation_bytes = sizes.maxMemoryAllocationSize;
  out.identity = hex(properties.pipelineCacheUUID, VK_UUID_SIZE) + "-" + std::to_string(properties.vendorID) + "-" +
                 std::to_string(properties.deviceID) + "-" + std::to_string(properties.driverVersion);
  if (properties.apiVersion < VK_API_VERSION_1_2) {
    out.lacks = "Vulkan 1.2 (its driver has " + std::to_string(VK_API_VERSION_MAJOR(properties.apiVersion)) + "." +
                std::to_string(VK_API_VERSION_MINOR(properties.apiVersion)) + ")";
    return out;
  }

  uint32_t count = 0;
  vk.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vk.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, extensions.data());
  const auto has = [&](const char* name) {
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
  };
  out.tells_budget = has(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  out.dot_products = has(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  const bool matrices = has(kMatrixExtension), sized = has(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);

  auto bf16 = structure<VkPhysicalDeviceShaderBfloat16FeaturesKHR>(kBf16Features);
  auto matrix =
      structure<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(kMatrixFeatures, has(kBf16Extension) ? &bf16 : nullptr);
  auto sizing = structure<VkPhysicalDeviceSubgroupSizeControlFeaturesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT, matrices ? &matrix : nullptr);
  auto dots = structure<VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR, matrices && sized ? &sizing : nullptr);
  auto vk12 = structure<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                                          out.dot_products    ? static_cast<void*>(&dots)
                                                          : matrices && sized ? &sizing
                                                                              : nullptr);
  auto vk11 = structure<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, &vk12);
  auto can = structure<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &vk11);
  vk.vkGetPhysicalDeviceFeatures2(physical, &can);
  out.half_floats = vk12.shaderFloat16;
  out.dot_products = dots.shaderIntegerDotProduct;
  // A subgroup of a known size, and the rules of memory that these shaders are compiled to.
  if (matrix.cooperativeMatrix && sizing.subgroupSizeControl && sizing.computeFullSubgroups && out.half_floats &&
      vk12.vulkanMemoryModel) {
    out.matrix = matrix_of(physical, kF16, kF32);
    if (bf16.shaderBFloat16Type && bf16.shaderBFloat16CooperativeMatrix)
      out.bf16_matrix = matrix_of(physical, kBf16, kF32);
    if (vk12.shaderInt8) out.byte_matrix = matrix_of(physical, kSignedByte, kSigned32);
  }
  out.cooperative_matrices = out.matrix.m > 0 || out.bf16_matrix.m > 0 || out.byte_matrix.m > 0;
  if (!vk12.bufferDeviceAddress) out.lacks = "addresses of buffers (bufferDeviceAddress)";
  else if (!vk12.timelineSemaphore) out.lacks = "timeline semaphores";
  else if (!vk11.storageBuffer16BitAccess) out.lacks = "16-bit storage (storageBuffer16BitAccess)";
  else if (out.threads < 128) out.lacks = "workgroups of 128 threads";

  vk.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  const auto computes = std::find_if(families.begin(), families.end(), [](const VkQueueFamilyProperties& f) {
    return (f.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0;
  });
  if (computes == families.end()) out.lacks = "a queue that computes";
  else out.queue_family = static_cast<uint32_t>(computes - families.begin());

  auto budget = structure<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  auto memory = structure<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                             out.tells_budget ? &budget : nullptr);
  vk.vkGetPhysicalDeviceMemoryProperties2(physical, &memory);
  for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = memory.memoryProperties.memoryHeaps[i];
    if (!(heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) || heap.size <= out.memory_bytes) continue;
    out.memory_bytes = heap.size;
    out.free_bytes =
        out.tells_budget ? budget.heapBudget[i] - std::min(budget.heapBudget[i], budget.heapUsage[i]) : heap.size;
  }
  return out;
}

// The first kind of memory, in a heap as large as there is, that has all of `wanted`.
std::optional<uint32_t> memory_type(const VkPhysicalDeviceMemoryProperties& memory, VkMemoryPropertyFlags wanted) {
  std::optional<uint32_t> best;
  const auto heap_bytes = [&](uint32_t type) { return memory.memoryHeaps[memory.memoryTypes[type].heapIndex].size; };
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i)
    if ((memory.memoryTypes[i].propertyFlags & wanted) == wanted && (!best || heap_bytes(i) > heap_bytes(*best)))
      best = i;
  return best;
}

}  // namespace

const std::vector<GpuDescription>& gpu_descriptions() {
  static const auto* const all = new std::vector<GpuDescription>([] {
    std::vector<GpuDescription> out;
    const Api& vk = api();
    if (!vk.instance) return out;
    uint32_t count = 0;
    if (vk.vkEnumeratePhysicalDevices(vk.instance, &count, nullptr) != VK_SUCCESS) return out;
    std::vector<VkPhysicalDevice> physical(count);
    if (vk.vkEnumeratePhysicalDevices(vk.instance, &count, physical.data()) < 0) return out;
    for (uint32_t i = 0; i < count; ++i) out.push_back(describe(physical[i]));
    return out;
  }());
  return *all;
}

Gpu::Gpu(const GpuDescription& description) : about_(description) {
  const Api& vk = api();
  const float priority = 1.0f;
  auto queue = structure<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue.queueFamilyIndex = about_.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  auto dots = structure<VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR);
  dots.shaderIntegerDotProduct = VK_TRUE;
  auto bf16 = structure<VkPhysicalDeviceShaderBfloat16FeaturesKHR>(kBf16Features);
  bf16.shaderBFloat16Type = bf16.shaderBFloat16CooperativeMatrix = VK_TRUE;
  const bool bf16_matrices = about_.bf16_matrix.m > 0;
  auto matrix =
      structure<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(kMatrixFeatures, bf16_matrices ? &bf16 : nullptr);
  matrix.cooperativeMatrix = VK_TRUE;
  auto sizing = structure<VkPhysicalDeviceSubgroupSizeControlFeaturesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT, &matrix);
  sizing.subgroupSizeControl = sizing.computeFullSubgroups = VK_TRUE;
  void* more = about_.cooperative_matrices ? &sizing : nullptr;
  if (about_.dot_products) {
    dots.pNext = more;
    more = &dots;
  }
  auto vk12 = structure<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, more);
  vk12.shaderFloat16 = vk12.vulkanMemoryModel = about_.cooperative_matrices ? VK_TRUE : VK_FALSE;
  vk12.shaderInt8 = about_.byte_matrix.m > 0 ? VK_TRUE : VK_FALSE;
  vk12.bufferDeviceAddress = VK_TRUE;
  vk12.timelineSemaphore = VK_TRUE;
  auto vk11 = structure<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, &vk12);
  vk11.storageBuffer16BitAccess = VK_TRUE;
  std::vector<const char*> extensions;
  if (about_.tells_budget) extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  if (about_.dot_products) extensions.push_back(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  auto info = structure<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &vk11);
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  if (about_.cooperative_matrices) {
    extensions.push_back(kMatrixExtension);
    extensions.push_back(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  }
  if (bf16_matrices) extensions.push_back(kBf16Extension);
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  vulkan::check(vk.vkCreateDevice(about_.physical, &info, nullptr, &device_), "opening it", about_.name);
#define EASEL_VULKAN_LOAD(function)                                                             \
  api_.function = reinterpret_cast<PFN_##function>(vk.vkGetDeviceProcAddr(device_, #function)); \
  if (!api_.function) throw Error(Fault::kUnsupported, "the driver of " + about_.name + " lacks " #function);
  EASEL_VULKAN_DEVICE_FUNCTIONS(EASEL_VULKAN_LOAD)
#undef EASEL_VULKAN_LOAD
  api_.vkGetDeviceQueue(device_, about_.queue_family, 0, &queue_);

  auto memory = structure<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  vk.vkGetPhysicalDeviceMemoryProperties2(about_.physical, &memory);
  constexpr VkMemoryPropertyFlags kCoherent =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  const auto local = memory_type(memory.memoryProperties, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  auto host = memory_type(memory.memoryProperties, kCoherent | VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
  if (!host) host = memory_type(memory.memoryProperties, kCoherent);
  if (!local || !host) throw Error(Fault::kUnsupported, about_.name + " has no memory that can be used");
  local_type_ = *local;
  host_type_ = *host;
  local_heap_ = memory.memoryProperties.memoryTypes[local_type_].heapIndex;
}

void Gpu::check(VkResult result, const char* what) const {
  if (result == VK_ERROR_DEVICE_LOST) lose();
  vulkan::check(result, what, about_.name);
}

void Gpu::require() const {
  if (lost()) vulkan::check(VK_ERROR_DEVICE_LOST, "computing an earlier job", about_.name);
}

VkPhysicalDeviceMemoryBudgetPropertiesEXT Gpu::budgets() const {
  auto budget = structure<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  auto memory = structure<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                             about_.tells_budget ? &budget : nullptr);
  api().vkGetPhysicalDeviceMemoryProperties2(about_.physical, &memory);
  if (!about_.tells_budget) {
    budget.heapBudget[local_heap_] = memory.memoryProperties.memoryHeaps[local_heap_].size;
    budget.heapUsage[local_heap_] = allocated_.load(std::memory_order_relaxed);
  }
  return budget;
}

uint64_t Gpu::budget_bytes() const { return budgets().heapBudget[local_heap_]; }

uint64_t Gpu::free_bytes() const {
  const auto now = budgets();
  return now.heapBudget[local_heap_] - std::min(now.heapBudget[local_heap_], now.heapUsage[local_heap_]);
}

Gpu::Buffer Gpu::allocate(uint64_t bytes, bool for_the_host) const {
  Buffer out;
  out.bytes = bytes;
  auto info = structure<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  check(api_.vkCreateBuffer(device_, &info, nullptr, &out.buffer), "making a buffer");
  VkMemoryRequirements needs{};
  api_.vkGetBufferMemoryRequirements(device_, out.buffer, &needs);
  auto flags = structure<VkMemoryAllocateFlagsInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  auto memory = structure<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &flags);
  memory.allocationSize = needs.size;
  memory.memoryTypeIndex = for_the_host ? host_type_ : local_type_;
  try {
    check(api_.vkAllocateMemory(device_, &memory, nullptr, &out.memory), "allocating memory");
    check(api_.vkBindBufferMemory(device_, out.buffer, out.memory, 0), "allocating memory");
  } catch (...) {
    free(out);
    throw;
  }
  allocated_.fetch_add(bytes, std::memory_order_relaxed);
  auto which = structure<VkBufferDeviceAddressInfo>(VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO);
  which.buffer = out.buffer;
  out.address = api_.vkGetBufferDeviceAddress(device_, &which);
  return out;
}

void* Gpu::map(const Buffer& buffer) const {
  void* at = nullptr;
  check(api_.vkMapMemory(device_, buffer.memory, 0, VK_WHOLE_SIZE, 0, &at), "mapping memory");
  return at;
}

void Gpu::free(const Buffer& buffer) const {
  api_.vkDestroyBuffer(device_, buffer.buffer, nullptr);
  api_.vkFreeMemory(device_, buffer.memory, nullptr);
  if (buffer.address != 0) allocated_.fetch_sub(buffer.bytes, std::memory_order_relaxed);
}

}  // namespace easel::ops::vulkan
