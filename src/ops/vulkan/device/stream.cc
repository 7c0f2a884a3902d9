#include "ops/vulkan/device/stream.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace easel::ops::vulkan {
namespace {

constexpr VkPipelineStageFlags kWork = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kWrites = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkAccessFlags kReads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;

}  // namespace

Stream::Stream(const Gpu& gpu) : gpu_(gpu) {
  const DeviceApi& vk = gpu.call();
  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool_info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool_info.queueFamilyIndex = gpu.about().queue_family;
  VkCommandPool pool = VK_NULL_HANDLE;
  gpu_.check(vk.vkCreateCommandPool(gpu.device(), &pool_info, nullptr, &pool), "making a command pool");
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  const MutexLock lock(mutex_);
  for (Frame& frame : frames_)
    gpu_.check(vk.vkAllocateCommandBuffers(gpu.device(), &info, &frame.commands), "making a command buffer");
  VkSemaphoreTypeCreateInfo kind{};
  kind.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  kind.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{};
  semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  semaphore.pNext = &kind;
  gpu_.check(vk.vkCreateSemaphore(gpu.device(), &semaphore, nullptr, &semaphore_), "making a semaphore");
  for (Staging* staging : {&staging_[0], &staging_[1], &results_}) {
    staging->buffer = gpu.allocate(kStagingBytes, true);
    staging->memory = static_cast<char*>(gpu.map(staging->buffer));
  }
}

VkCommandBuffer Stream::next() {
  const DeviceApi& vk = gpu_.call();
  gpu_.require();
  if (!recording_) {
    frame_ = (frame_ + 1) % kFrames;
    wait_for(frames_[frame_].done);
    VkCommandBufferBeginInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    gpu_.check(vk.vkBeginCommandBuffer(frames_[frame_].commands, &info), "recording commands");
    recording_ = true;
  }
  VkMemoryBarrier barrier{};
  barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  barrier.srcAccessMask = kWrites;
  barrier.dstAccessMask = kReads | kWrites;
  vk.vkCmdPipelineBarrier(frames_[frame_].commands, kWork, kWork, 0, 1, &barrier, 0, nullptr, 0, nullptr);
  return frames_[frame_].commands;
}

void Stream::count() {
  if (++commands_ >= kCommandsAtOnce) submit();
}

void Stream::submit() {
  if (!recording_) return;
  const DeviceApi& vk = gpu_.call();
  recording_ = false;
  commands_ = 0;
  Frame& frame = frames_[frame_];
  const uint64_t value = submitted_ + 1;
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &value;
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &timeline;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &frame.commands;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &semaphore_;
  try {
    gpu_.check(vk.vkEndCommandBuffer(frame.commands), "recording commands");
    gpu_.check(vk.vkQueueSubmit(gpu_.queue(), 1, &info, VK_NULL_HANDLE), "submitting work");
  } catch (const Error&) {
    gpu_.lose();  // what was recorded is: weights that went up, for instance
    throw;
  }
  submitted_ = frame.done = value;
}

void Stream::wait_for(uint64_t value) {
  gpu_.require();
  if (value == 0) return;
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &semaphore_;
  info.pValues = &value;
  gpu_.check(gpu_.call().vkWaitSemaphores(gpu_.device(), &info, UINT64_MAX), "computing");
}

void Stream::dispatch(VkPipeline pipeline, VkPipelineLayout layout, std::span<const std::byte> push, uint64_t groups) {
  constexpr uint64_t kRow = 32768;  // every device takes 65535 along each side
  const DeviceApi& vk = gpu_.call();
  const MutexLock lock(mutex_);
  VkCommandBuffer commands = next();
  vk.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vk.vkCmdPushConstants(commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, static_cast<uint32_t>(push.size()),
                        push.data());
  const uint64_t rows = (groups + kRow - 1) / kRow;
  vk.vkCmdDispatch(commands, static_cast<uint32_t>(std::min(groups, kRow)), static_cast<uint32_t>(rows), 1);
  count();
}

void Stream::copy(Place from, Place to, uint64_t bytes) {
  const MutexLock lock(mutex_);
  const VkBufferCopy region{from.offset, to.offset, bytes};
  gpu_.call().vkCmdCopyBuffer(next(), from.buffer, to.buffer, 1, &region);
  count();
}

void Stream::fill(Place to, uint64_t bytes, uint32_t pattern) {
  const MutexLock lock(mutex_);
  gpu_.call().vkCmdFillBuffer(next(), to.buffer, to.offset, bytes, pattern);
  count();
}

void Stream::update(Place to, std::span<const std::byte> data) {
  const MutexLock lock(mutex_);
  gpu_.call().vkCmdUpdateBuffer(next(), to.buffer, to.offset, data.size(), data.data());
  count();
}

void Stream::upload(const void* from, uint64_t bytes, Place to) {
  const MutexLock lock(mutex_);
  const auto* source = static_cast<const char*>(from);
  while (bytes > 0) {
    if (staging_[half_].used == kStagingBytes) {
      submit();
      staging_[half_].done = submitted_;
      half_ ^= 1;
      wait_for(staging_[half_].done);
      staging_[half_].used = 0;
    }
    Staging& staging = staging_[half_];
    const uint64_t piece = std::min(bytes, kStagingBytes - staging.used);
    std::memcpy(staging.memory + staging.used, source, piece);
    const VkBufferCopy region{staging.used, to.offset, piece};
    gpu_.call().vkCmdCopyBuffer(next(), staging.buffer.buffer, to.buffer, 1, &region);
    staging.used += piece;
    source += piece;
    to.offset += piece;
    bytes -= piece;
    count();
  }
}

void Stream::download(Place from, uint64_t bytes, void* to) {
  const DeviceApi& vk = gpu_.call();
  const MutexLock lock(mutex_);
  auto* target = static_cast<char*>(to);
  while (bytes > 0) {
    const uint64_t piece = std::min(bytes, kStagingBytes);
    const VkBufferCopy region{from.offset, 0, piece};
    VkCommandBuffer commands = next();
    vk.vkCmdCopyBuffer(commands, from.buffer, results_.buffer.buffer, 1, &region);
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
    vk.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
                            nullptr, 0, nullptr);
    submit();
    wait_for(submitted_);
    std::memcpy(target, results_.memory, piece);
    target += piece;
    from.offset += piece;
    bytes -= piece;
  }
}

void Stream::wait() {
  const MutexLock lock(mutex_);
  submit();
  wait_for(submitted_);
}

}  // namespace easel::ops::vulkan
