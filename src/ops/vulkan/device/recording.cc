#include "ops/vulkan/device/recording.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"

namespace easel::ops::vulkan {
namespace {

constexpr VkPipelineStageFlags kWork = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kWrites = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkAccessFlags kReads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;

void barrier(const DeviceApi& vk, VkCommandBuffer buffer, VkPipelineStageFlags before, VkAccessFlags wrote,
             VkPipelineStageFlags after, VkAccessFlags accesses) {
  VkMemoryBarrier info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  info.srcAccessMask = wrote;
  info.dstAccessMask = accesses;
  vk.vkCmdPipelineBarrier(buffer, before, after, 0, 1, &info, 0, nullptr, 0, nullptr);
}

}  // namespace

bool Command::same(const Command& o) const {
  return kind == o.kind && pipeline == o.pipeline && groups == o.groups && to == o.to && bytes == o.bytes &&
         pattern == o.pattern && push_bytes == o.push_bytes && (kind == Kind::kArgument || from == o.from) &&
         std::memcmp(push.data(), o.push.data(), push_bytes) == 0;
}

uint64_t Command::hash() const {
  Hash64 hash;
  hash.add(static_cast<uint64_t>(kind)).add(reinterpret_cast<uintptr_t>(pipeline)).add(groups);
  hash.add(to.offset).add(bytes);
  hash.add({reinterpret_cast<const char*>(push.data()), push_bytes});
  return hash.value();
}

bool Recording::begins_as(const Recording& o, size_t count) const {
  return commands.size() >= count &&
         std::equal(commands.begin(), commands.begin() + static_cast<std::ptrdiff_t>(count), o.commands.begin(),
                    [](const Command& a, const Command& b) { return a.same(b); });
}

void record(const DeviceApi& vk, VkCommandBuffer buffer, const Command& c) {
  constexpr uint64_t kRow = 32768;  // every device takes 65535 along each side
  barrier(vk, buffer, kWork, kWrites, kWork, kReads | kWrites);
  switch (c.kind) {
    case Command::Kind::kDispatch: {
      vk.vkCmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, c.pipeline);
      vk.vkCmdPushConstants(buffer, c.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, c.push_bytes, c.push.data());
      const uint64_t rows = (c.groups + kRow - 1) / kRow;
      vk.vkCmdDispatch(buffer, static_cast<uint32_t>(std::min(c.groups, kRow)), static_cast<uint32_t>(rows), 1);
      break;
    }
    case Command::Kind::kFill: vk.vkCmdFillBuffer(buffer, c.to.buffer, c.to.offset, c.bytes, c.pattern); break;
    case Command::Kind::kCopy:
    case Command::Kind::kArgument:
    case Command::Kind::kResult: {
      const VkBufferCopy region{c.from.offset, c.to.offset, c.bytes};
      vk.vkCmdCopyBuffer(buffer, c.from.buffer, c.to.buffer, 1, &region);
      break;
    }
  }
  if (c.kind == Command::Kind::kResult)
    barrier(vk, buffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
            VK_ACCESS_HOST_READ_BIT);
}

}  // namespace easel::ops::vulkan
