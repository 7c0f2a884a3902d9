// Vulkan's functions, from a loader that is opened when the first device is asked for: a program that computes on the
// processor only never opens it, and one without the library starts as well.
#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <string>

namespace easel::ops::vulkan {

#define EASEL_VULKAN_INSTANCE_FUNCTIONS(F)    \
  F(vkEnumeratePhysicalDevices)               \
  F(vkGetPhysicalDeviceProperties2)           \
  F(vkGetPhysicalDeviceFeatures2)             \
  F(vkGetPhysicalDeviceMemoryProperties2)     \
  F(vkGetPhysicalDeviceQueueFamilyProperties) \
  F(vkEnumerateDeviceExtensionProperties)     \
  F(vkGetInstanceProcAddr)                    \
  F(vkCreateDevice)                           \
  F(vkGetDeviceProcAddr)

#define EASEL_VULKAN_DEVICE_FUNCTIONS(F) \
  F(vkGetDeviceQueue)                    \
  F(vkAllocateMemory)                    \
  F(vkFreeMemory)                        \
  F(vkMapMemory)                         \
  F(vkCreateBuffer)                      \
  F(vkDestroyBuffer)                     \
  F(vkGetBufferMemoryRequirements)       \
  F(vkBindBufferMemory)                  \
  F(vkGetBufferDeviceAddress)            \
  F(vkCreateShaderModule)                \
  F(vkDestroyShaderModule)               \
  F(vkCreatePipelineLayout)              \
  F(vkCreatePipelineCache)               \
  F(vkGetPipelineCacheData)              \
  F(vkCreateComputePipelines)            \
  F(vkCreateCommandPool)                 \
  F(vkAllocateCommandBuffers)            \
  F(vkBeginCommandBuffer)                \
  F(vkEndCommandBuffer)                  \
  F(vkCmdBindPipeline)                   \
  F(vkCmdPushConstants)                  \
  F(vkCmdDispatch)                       \
  F(vkCmdPipelineBarrier)                \
  F(vkCmdCopyBuffer)                     \
  F(vkCmdFillBuffer)                     \
  F(vkQueueSubmit)                       \
  F(vkCreateSemaphore)                   \
  F(vkWaitSemaphores)

#define EASEL_VULKAN_MEMBER(name) PFN_##name name = nullptr;

// The instance's functions. `missing` says why there are none, `advice` what to do about it, where that is not to
// install a driver.
struct Api {
  VkInstance instance = VK_NULL_HANDLE;
  std::string missing, advice;
  EASEL_VULKAN_INSTANCE_FUNCTIONS(EASEL_VULKAN_MEMBER)
};

// Those of a device, which skip the loader.
struct DeviceApi {
  EASEL_VULKAN_DEVICE_FUNCTIONS(EASEL_VULKAN_MEMBER)
};

// Opens the loader and makes the instance, once. With EASEL_VULKAN_VALIDATE=1 the validation layers watch every call,
// and their first message ends the program.
const Api& api();

// Throws Error(kMemory) for a lack of memory and Error(kUnsupported) for anything else that is not a success: a device
// that was lost, a driver that refuses. `what` was being done on the device named `card`.
void check(VkResult result, const char* what, const std::string& card);

}  // namespace easel::ops::vulkan
