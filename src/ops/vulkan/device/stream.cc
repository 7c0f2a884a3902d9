#include "ops/vulkan/device/stream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/cancel.h"
#include "base/error.h"
#include "base/round.h"

namespace easel::ops::vulkan {
namespace {

// EASEL_VULKAN_RECORDINGS=0: every command is recorded each time, to compare with.
bool keeps_recordings() {
  const char* wanted = std::getenv("EASEL_VULKAN_RECORDINGS");
  return !(wanted && std::string_view(wanted) == "0");
}

}  // namespace

Stream::Stream(const Gpu& gpu) : gpu_(gpu), keeps_(keeps_recordings()) {
  const DeviceApi& vk = gpu.call();
  const MutexLock lock(mutex_);
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = gpu.about().queue_family;
  gpu_.check(vk.vkCreateCommandPool(gpu.device(), &pool, nullptr, &pool_), "making a command pool");
  VkSemaphoreTypeCreateInfo kind{};
  kind.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  kind.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{};
  semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  semaphore.pNext = &kind;
  gpu_.check(vk.vkCreateSemaphore(gpu.device(), &semaphore, nullptr, &semaphore_), "making a semaphore");
  for (Staging& staging : staging_) staging = host_memory(kStagingBytes);
  results_ = host_memory(kStagingBytes);
  arguments_ = host_memory(kArgumentBytes);
}

Stream::Staging Stream::host_memory(uint64_t bytes) {
  Staging out;
  out.buffer = gpu_.allocate(bytes, true);
  out.memory = static_cast<char*>(gpu_.map(out.buffer));
  return out;
}

void Stream::give(Command command, const void* value) {
  gpu_.require();
  if (!followed_ && !recording_) {
    if (arguments_.used + 2 * kArgumentsAtOnce > kArgumentBytes || kept_.size() >= kMostKept) forget_now();
    if (Recording* known = kept(nullptr, 0, command)) follow(*known);
    else begin(!keeps_);
  } else if (followed_ && !followed_->commands[given_].same(command)) {
    if (Recording* other = kept(followed_, given_, command)) follow(*other);
    else leave();
  }
  if (followed_) {
    set_argument(followed_->commands[given_], value);
    if (++given_ == followed_->commands.size()) submit();
    return;
  }
  if (value) {
    command.from = room_for_argument(command.bytes);
    set_argument(command, value);
  }
  add(command);
  if (recording_->commands.size() >= kCommandsAtOnce || recording_->argument_bytes >= kArgumentsAtOnce) submit();
}

Recording* Stream::kept(const Recording* like, size_t count, const Command& command) {
  const auto [first, last] = kept_.equal_range((count > 0 ? like->commands[0] : command).hash());
  for (auto it = first; it != last; ++it) {
    Recording& known = *it->second;
    if (&known == like || known.commands.size() <= count || !known.commands[count].same(command)) continue;
    if (count == 0 || known.begins_as(*like, count)) return &known;
  }
  return nullptr;
}

void Stream::follow(Recording& other) {
  // Its arguments are read until then.
  if (followed_) {
    wait_for(other.done);
  } else {
    wait_or_stop(other.done);
    given_ = 0;
  }
  for (size_t i = 0; i < given_; ++i) {
    const Command& from = followed_->commands[i];
    if (from.kind == Command::Kind::kArgument) set_argument(other.commands[i], arguments_.memory + from.from.offset);
  }
  followed_ = &other;
}

void Stream::leave() {
  const Recording& from = *std::exchange(followed_, nullptr);
  try {
    begin(false);
    for (size_t i = 0; i < given_; ++i) {
      Command command = from.commands[i];
      if (command.kind == Command::Kind::kArgument) {
        const char* const value = arguments_.memory + command.from.offset;
        command.from = room_for_argument(command.bytes);
        set_argument(command, value);
      }
      add(command);
    }
  } catch (const Error&) {
    gpu_.lose();  // what had been given is
    throw;
  }
}

void Stream::begin(bool once) {
  const DeviceApi& vk = gpu_.call();
  std::unique_ptr<Recording> next;
  if (passing_.size() >= kOnTheWay) {
    wait_for(passing_.front()->done);
    next = std::move(passing_.front());
    passing_.pop_front();
  } else {
    next = std::make_unique<Recording>();
    VkCommandBufferAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    info.commandPool = pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    gpu_.check(vk.vkAllocateCommandBuffers(gpu_.device(), &info, &next->buffer), "making a command buffer");
  }
  next->commands.clear();
  next->argument_bytes = 0;
  next->once = once;
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  info.flags = once ? VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT : 0;
  gpu_.check(vk.vkBeginCommandBuffer(next->buffer, &info), "recording commands");
  recording_ = std::move(next);
}

void Stream::add(const Command& command) {
  record(gpu_.call(), recording_->buffer, command);
  recording_->commands.push_back(command);
  if (command.kind == Command::Kind::kArgument) recording_->argument_bytes += command.bytes;
  ++recorded_;
}

// There always is some: see give().
Place Stream::room_for_argument(uint64_t bytes) {
  const Place place{arguments_.buffer.buffer, arguments_.used};
  arguments_.used += round_up(bytes, uint64_t{16});
  return place;
}

void Stream::set_argument(const Command& at, const void* value) {
  if (at.kind == Command::Kind::kArgument) std::memcpy(arguments_.memory + at.from.offset, value, at.bytes);
}

void Stream::submit() {
  if (followed_ && given_ < followed_->commands.size()) leave();
  try {
    if (followed_) return submit(*std::exchange(followed_, nullptr));
    if (!recording_) return;
    std::unique_ptr<Recording> ended = std::move(recording_);
    gpu_.check(gpu_.call().vkEndCommandBuffer(ended->buffer), "recording commands");
    submit(*ended);
    if (ended->once) passing_.push_back(std::move(ended));
    else kept_.emplace(ended->commands[0].hash(), std::move(ended));
  } catch (const Error&) {
    gpu_.lose();  // what was given is: weights that went up, for instance
    throw;
  }
}

void Stream::submit(Recording& recording) {
  const uint64_t value = submitted_ + 1;
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &value;
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &timeline;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &recording.buffer;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &semaphore_;
  gpu_.check(gpu_.call().vkQueueSubmit(gpu_.queue(), 1, &info, VK_NULL_HANDLE), "submitting work");
  submitted_ = recording.done = value;
}

VkResult Stream::ask_for(uint64_t value, uint64_t nanoseconds) const {
  gpu_.require();
  if (value == 0) return VK_SUCCESS;
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &semaphore_;
  info.pValues = &value;
  return gpu_.call().vkWaitSemaphores(gpu_.device(), &info, nanoseconds);
}

void Stream::wait_for(uint64_t value) { gpu_.check(ask_for(value, UINT64_MAX), "computing"); }

void Stream::wait_or_stop(uint64_t value) {
  constexpr uint64_t kBetween = 50'000'000;  // nanoseconds
  VkResult result = VK_TIMEOUT;
  while (result == VK_TIMEOUT) {
    poll_cancelled();
    result = ask_for(value, kBetween);
  }
  gpu_.check(result, "computing");
}

void Stream::stay_close() {
  poll_cancelled();
  if (!followed_ && !recording_ && submitted_ > kAhead) wait_or_stop(submitted_ - kAhead);
}

void Stream::dispatch(VkPipeline pipeline, VkPipelineLayout layout, std::span<const std::byte> push, uint64_t groups) {
  Command command{.kind = Command::Kind::kDispatch, .pipeline = pipeline, .layout = layout, .groups = groups};
  command.push_bytes = static_cast<uint32_t>(push.size());
  std::memcpy(command.push.data(), push.data(), push.size());
  const MutexLock lock(mutex_);
  stay_close();
  give(command);
}

void Stream::copy(Place from, Place to, uint64_t bytes) {
  const MutexLock lock(mutex_);
  stay_close();
  give({.kind = Command::Kind::kCopy, .from = from, .to = to, .bytes = bytes});
}

void Stream::fill(Place to, uint64_t bytes, uint32_t pattern) {
  const MutexLock lock(mutex_);
  give({.kind = Command::Kind::kFill, .to = to, .bytes = bytes, .pattern = pattern});
}

void Stream::upload(const void* from, uint64_t bytes, Place to) {
  const MutexLock lock(mutex_);
  gpu_.require();
  if (bytes == 0) return;
  stay_close();
  if (bytes <= kLargestArgument) return give({.kind = Command::Kind::kArgument, .to = to, .bytes = bytes}, from);
  submit();  // groups that are kept hold nothing of this
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
    if (!recording_) begin(true);
    add({.kind = Command::Kind::kCopy, .from = {staging.buffer.buffer, staging.used}, .to = to, .bytes = piece});
    staging.used += piece;
    source += piece;
    to.offset += piece;
    bytes -= piece;
  }
  submit();
}

void Stream::download(Place from, uint64_t bytes, void* to) {
  const MutexLock lock(mutex_);
  auto* target = static_cast<char*>(to);
  while (bytes > 0) {
    const uint64_t piece = std::min(bytes, kStagingBytes);
    give({.kind = Command::Kind::kResult, .from = from, .to = {results_.buffer.buffer, 0}, .bytes = piece});
    submit();
    wait_or_stop(submitted_);
    std::memcpy(target, results_.memory, piece);
    target += piece;
    from.offset += piece;
    bytes -= piece;
  }
}

void Stream::wait() {
  const MutexLock lock(mutex_);
  submit();
  wait_or_stop(submitted_);
}

void Stream::forget() {
  const MutexLock lock(mutex_);
  submit();
  forget_now();
}

void Stream::forget_now() {
  wait_for(submitted_);
  for (auto& [hash, recording] : kept_) passing_.push_back(std::move(recording));
  kept_.clear();
  arguments_.used = 0;
}

uint64_t Stream::recorded() const {
  const MutexLock lock(mutex_);
  return recorded_;
}

}  // namespace easel::ops::vulkan
