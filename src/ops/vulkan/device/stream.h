// The commands of a device in the order in which they are given: recorded, submitted in groups, awaited when the host
// needs a result. Each command sees what those before it wrote, so memory may be reused as soon as it is released.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mutex.h"
#include "ops/vulkan/device/gpu.h"

namespace easel::ops::vulkan {

// A place in a buffer.
struct Place {
  VkBuffer buffer = VK_NULL_HANDLE;
  uint64_t offset = 0;
};

// Thread-safe. Every function throws what check() throws.
class Stream {
 public:
  explicit Stream(const Gpu& gpu);

  // `groups` workgroups in a row; shaders find theirs by group() (shaders/memory.glsl).
  void dispatch(VkPipeline pipeline, VkPipelineLayout layout, std::span<const std::byte> push, uint64_t groups)
      EASEL_EXCLUDES(mutex_);
  void copy(Place from, Place to, uint64_t bytes) EASEL_EXCLUDES(mutex_);
  // Fills with a pattern of 32 bits; `bytes` and the offset are multiples of four.
  void fill(Place to, uint64_t bytes, uint32_t pattern) EASEL_EXCLUDES(mutex_);
  // At most 64 KiB, recorded with the commands; size and offset are multiples of four.
  void update(Place to, std::span<const std::byte> data) EASEL_EXCLUDES(mutex_);
  // Through a ring of host memory: returns when `from` was read.
  void upload(const void* from, uint64_t bytes, Place to) EASEL_EXCLUDES(mutex_);
  // Returns when the bytes are there.
  void download(Place from, uint64_t bytes, void* to) EASEL_EXCLUDES(mutex_);
  // Submits what was recorded and waits for all of it.
  void wait() EASEL_EXCLUDES(mutex_);

 private:
  static constexpr int kFrames = 4;
  static constexpr uint64_t kStagingBytes = uint64_t{8} << 20;  // of each half of the ring
  static constexpr int kCommandsAtOnce = 64;

  struct Frame {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    uint64_t done = 0;  // the value of the semaphore when it has run
  };
  struct Staging {
    Gpu::Buffer buffer;
    char* memory = nullptr;
    uint64_t used = 0, done = 0;
  };

  // The command buffer that is recorded into, with a barrier behind everything before.
  VkCommandBuffer next() EASEL_REQUIRES(mutex_);
  void count() EASEL_REQUIRES(mutex_);
  void submit() EASEL_REQUIRES(mutex_);
  void wait_for(uint64_t value) EASEL_REQUIRES(mutex_);

  const Gpu& gpu_;
  Mutex mutex_;
  std::array<Frame, kFrames> frames_ EASEL_GUARDED_BY(mutex_);
  std::array<Staging, 2> staging_ EASEL_GUARDED_BY(mutex_);
  Staging results_ EASEL_GUARDED_BY(mutex_);
  VkSemaphore semaphore_ EASEL_GUARDED_BY(mutex_) = VK_NULL_HANDLE;
  uint64_t submitted_ EASEL_GUARDED_BY(mutex_) = 0;
  size_t frame_ EASEL_GUARDED_BY(mutex_) = 0, half_ EASEL_GUARDED_BY(mutex_) = 0;
  int commands_ EASEL_GUARDED_BY(mutex_) = 0;
  bool recording_ EASEL_GUARDED_BY(mutex_) = false;
};

}  // namespace easel::ops::vulkan
