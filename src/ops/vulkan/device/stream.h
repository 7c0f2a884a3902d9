// The commands of a device in the order in which they are given: recorded, submitted in groups, awaited when the host
// needs a result. Each command sees what those before it wrote, so memory may be reused as soon as it is released.
//
// Groups are kept. As long as the commands that are given are those of a kept group, nothing is recorded, and at its
// end that group is submitted again: from its second or third step on, a sampler records nothing. What makes a group
// another one (shapes, weights that moved, other conditioning, a hint that ends) is seen by comparing, so nothing needs
// to be declared invalid.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "ops/vulkan/device/gpu.h"
#include "ops/vulkan/device/recording.h"

namespace easel::ops::vulkan {

// Thread-safe. Every function throws what Gpu::check() throws; those that give work or await it also Error(kCancelled),
// as poll_cancelled() does. What was given before goes on then.
class Stream {
 public:
  explicit Stream(const Gpu& gpu);

  // `groups` workgroups in a row; shaders find theirs by group() (shaders/memory.glsl). At most 128 bytes of constants.
  void dispatch(VkPipeline pipeline, VkPipelineLayout layout, std::span<const std::byte> push, uint64_t groups)
      EASEL_EXCLUDES(mutex_);
  void copy(Place from, Place to, uint64_t bytes) EASEL_EXCLUDES(mutex_);
  // Fills with a pattern of 32 bits; `bytes` and the offset are multiples of four.
  void fill(Place to, uint64_t bytes, uint32_t pattern) EASEL_EXCLUDES(mutex_);
  // Through host memory: returns when `from` was read.
  void upload(const void* from, uint64_t bytes, Place to) EASEL_EXCLUDES(mutex_);
  // Returns when the bytes are there.
  void download(Place from, uint64_t bytes, void* to) EASEL_EXCLUDES(mutex_);
  // Submits what was given and waits for all of it.
  void wait() EASEL_EXCLUDES(mutex_);
  // The same, and keeps no group: to be called before a buffer is freed.
  void forget() EASEL_EXCLUDES(mutex_);

  // Commands that were recorded since the device was opened; those that were submitted again do not count.
  uint64_t recorded() const EASEL_EXCLUDES(mutex_);

 private:
  static constexpr uint64_t kStagingBytes = uint64_t{8} << 20;    // of each half of the ring
  static constexpr uint64_t kArgumentBytes = uint64_t{16} << 20;  // of all arguments of kept groups
  static constexpr uint64_t kLargestArgument = uint64_t{1} << 20;
  static constexpr uint64_t kArgumentsAtOnce = uint64_t{2} << 20;  // of a group, but for the last of them
  static constexpr size_t kCommandsAtOnce = 64;
  static constexpr size_t kMostKept = 512;
  static constexpr size_t kOnTheWay = 4;  // groups that are not kept
  static constexpr uint64_t kAhead = 2;   // groups that are on the way when another one is begun

  struct Staging {
    Gpu::Buffer buffer;
    char* memory = nullptr;
    uint64_t used = 0, done = 0;
  };

  Staging host_memory(uint64_t bytes);
  // Does a command, after all before it. An argument has its value in `value`.
  void give(Command command, const void* value = nullptr) EASEL_REQUIRES(mutex_);
  // A kept group, other than `but`, that has the first `count` commands of `like` and then this one; null if none has.
  Recording* kept(const Recording* like, size_t count, const Command& command) EASEL_REQUIRES(mutex_);
  // The given commands go on in another kept group that begins like the one that is followed.
  void follow(Recording& other) EASEL_REQUIRES(mutex_);
  // What was followed becomes the beginning of a new group.
  void leave() EASEL_REQUIRES(mutex_);
  void begin(bool once) EASEL_REQUIRES(mutex_);
  void add(const Command& command) EASEL_REQUIRES(mutex_);
  void set_argument(const Command& at, const void* value) EASEL_REQUIRES(mutex_);
  // A place for an argument.
  Place room_for_argument(uint64_t bytes) EASEL_REQUIRES(mutex_);
  void submit() EASEL_REQUIRES(mutex_);
  void submit(Recording& recording) EASEL_REQUIRES(mutex_);
  // Waits for a value of the semaphore; VK_TIMEOUT if it did not come.
  VkResult ask_for(uint64_t value, uint64_t nanoseconds) const EASEL_REQUIRES(mutex_);
  void wait_for(uint64_t value) EASEL_REQUIRES(mutex_);
  // The same, until the thread's work is to stop (base/cancel.h).
  void wait_or_stop(uint64_t value) EASEL_REQUIRES(mutex_);
  // What is on the way cannot be stopped any more, so it is never much: called before more is given.
  void stay_close() EASEL_REQUIRES(mutex_);
  void forget_now() EASEL_REQUIRES(mutex_);

  const Gpu& gpu_;
  const bool keeps_;
  mutable Mutex mutex_;
  VkCommandPool pool_ EASEL_GUARDED_BY(mutex_) = VK_NULL_HANDLE;
  // Those that can be submitted again, by the hash of their first command.
  std::unordered_multimap<uint64_t, std::unique_ptr<Recording>> kept_ EASEL_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<Recording>> passing_ EASEL_GUARDED_BY(mutex_);  // those that cannot, the oldest first
  std::unique_ptr<Recording> recording_ EASEL_GUARDED_BY(mutex_);            // what is being recorded
  Recording* followed_ EASEL_GUARDED_BY(mutex_) = nullptr;                   // or the kept group that is given again
  size_t given_ EASEL_GUARDED_BY(mutex_) = 0;                                // commands of that
  std::array<Staging, 2> staging_ EASEL_GUARDED_BY(mutex_);
  Staging results_ EASEL_GUARDED_BY(mutex_), arguments_ EASEL_GUARDED_BY(mutex_);
  VkSemaphore semaphore_ EASEL_GUARDED_BY(mutex_) = VK_NULL_HANDLE;
  uint64_t submitted_ EASEL_GUARDED_BY(mutex_) = 0, recorded_ EASEL_GUARDED_BY(mutex_) = 0;
  size_t half_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace easel::ops::vulkan
