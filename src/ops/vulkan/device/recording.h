// Commands as they were asked for, and groups of them that were recorded and can be submitted again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/vulkan/device/gpu.h"

namespace easel::ops::vulkan {

// A place in a buffer.
struct Place {
  VkBuffer buffer = VK_NULL_HANDLE;
  uint64_t offset = 0;
  bool operator==(const Place&) const = default;
};

struct Command {
  enum class Kind : uint8_t {
    kDispatch,  // `groups` workgroups of a pipeline
    kCopy,      // from one place to another
    kFill,      // with a pattern of 32 bits
    kArgument,  // of a value that may be another each time: it passes through a place of its own in host memory
    kResult,    // to the host
  };
  Kind kind = Kind::kDispatch;
  VkPipeline pipeline = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  uint64_t groups = 0;
  Place from = {}, to = {};  // from: of an argument, where its value lies
  uint64_t bytes = 0;
  uint32_t pattern = 0;
  uint32_t push_bytes = 0;
  std::array<std::byte, 128> push{};

  // Whether the device does the same for both; an argument may come from elsewhere.
  bool same(const Command& o) const;
  uint64_t hash() const;
};

// Commands in a command buffer. It can be submitted again when exactly these are asked for again: the values that
// differ from one step to the next (latent, timestep, noise level) are arguments.
struct Recording {
  VkCommandBuffer buffer = VK_NULL_HANDLE;
  std::vector<Command> commands;
  uint64_t argument_bytes = 0;
  uint64_t done = 0;  // the value of the stream's semaphore when it has run
  bool once = false;  // not to be submitted again

  bool begins_as(const Recording& o, size_t count) const;
};

// Writes a command into a command buffer, behind everything before it.
void record(const DeviceApi& vk, VkCommandBuffer buffer, const Command& command);

}  // namespace easel::ops::vulkan
