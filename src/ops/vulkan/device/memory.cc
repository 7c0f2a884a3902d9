#include "ops/vulkan/device/memory.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/round.h"
#include "tensor/host_memory.h"

namespace easel::ops::vulkan {
namespace {

constexpr uint64_t kAlignment = 256;
constexpr uint64_t kLargeBytes = uint64_t{256} << 20;

}  // namespace

class Memory::Part final : public Storage {
 public:
  Part(Memory& owner, Large& in, uint64_t at, uint64_t bytes, Device device)
      : Storage(this, bytes, device), large(in), offset(at), owner_(owner) {}
  void release() noexcept override {
    owner_.give(*this);
    delete this;
  }
  uint64_t size() const { return bytes_; }

  Large& large;
  const uint64_t offset;

 private:
  Memory& owner_;
};

Memory::Memory(const Gpu& gpu, Stream& stream, Device device, Convert how)
    : gpu_(gpu), stream_(stream), device_(device), convert_(std::move(how)) {}

StorageRef Memory::allocate(size_t bytes) {
  const uint64_t size = round_up(std::max<size_t>(bytes, 1), size_t{kAlignment});
  Part* part = nullptr;
  {
    const MutexLock lock(mutex_);
    ++stats_.requests;
    part = take(size);
    if (!part) {
      add_large(size);
      part = take(size);
    }
    stats_.live_bytes += size;
    stats_.cached_bytes -= size;
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  }
  StorageRef storage(part);
  if (pool_poison()) stream_.fill({part->large.buffer.buffer, part->offset}, size, 0xffffffffu);
  return storage;
}

// From the smallest free part that is large enough.
Memory::Part* Memory::take(uint64_t bytes) {
  Large* in = nullptr;
  std::map<uint64_t, uint64_t>::iterator best;
  for (Large& large : large_)
    for (auto it = large.free.begin(); it != large.free.end(); ++it)
      if (it->second >= bytes && (!in || it->second < best->second)) {
        in = &large;
        best = it;
      }
  if (!in) return nullptr;
  const auto [offset, size] = *best;
  in->free.erase(best);
  if (size > bytes) in->free.emplace(offset + bytes, size - bytes);
  return new Part(*this, *in, offset, bytes, device_);
}

void Memory::give(const Part& part) {
  const MutexLock lock(mutex_);
  stats_.live_bytes -= part.size();
  stats_.cached_bytes += part.size();
  auto& free = part.large.free;
  auto [it, added] = free.emplace(part.offset, part.size());
  if (const auto after = std::next(it); after != free.end() && it->first + it->second == after->first) {
    it->second += after->second;
    free.erase(after);
  }
  if (it != free.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second == it->first) {
      before->second += it->second;
      free.erase(it);
    }
  }
}

void Memory::add_large(uint64_t bytes) {
  const std::string mib = std::to_string((bytes + (uint64_t{1} << 20) - 1) >> 20) + " MiB";
  if (bytes > gpu_.about().allocation_bytes)
    throw Error(Fault::kMemory, "a tensor of " + mib + " is larger than " + gpu_.about().name + " allows")
        .fix("Use a smaller size or batch, or --device cpu");
  // A small card gets smaller blocks.
  const uint64_t usual = std::clamp(gpu_.about().memory_bytes / 32, uint64_t{16} << 20, kLargeBytes);
  const uint64_t wanted = std::min(std::max(bytes, usual), gpu_.about().allocation_bytes);
  uint64_t room = gpu_.free_bytes();
  if (room < wanted) {
    trim_now();
    room = gpu_.free_bytes();
  }
  if (room < bytes)
    throw Error(Fault::kMemory, gpu_.about().name + " has no room for another " + mib)
        .fix("Use a smaller size or batch, close other programs that use it, or --device cpu");
  Large large;
  try {
    large.buffer = gpu_.allocate(std::min(wanted, room) / kAlignment * kAlignment, false);
  } catch (const Error& e) {
    if (e.fault() != Fault::kMemory) throw;
    trim_now();
    large.buffer = gpu_.allocate(bytes, false);
  }
  large.free.emplace(0, large.buffer.bytes);
  stats_.cached_bytes += large.buffer.bytes;
  ++stats_.fresh_blocks;
  large_.push_back(std::move(large));
}

void Memory::trim() {
  const MutexLock lock(mutex_);
  trim_now();
}

void Memory::trim_now() {
  const auto unused = [](const Large& large) {
    return large.free.size() == 1 && large.free.begin()->second == large.buffer.bytes;
  };
  if (std::none_of(large_.begin(), large_.end(), unused)) return;
  stream_.forget();  // commands of kept groups may name the blocks
  for (auto it = large_.begin(); it != large_.end();) {
    if (!unused(*it)) {
      ++it;
      continue;
    }
    gpu_.free(it->buffer);
    stats_.cached_bytes -= it->buffer.bytes;
    it = large_.erase(it);
  }
}

PoolStats Memory::stats() const {
  const MutexLock lock(mutex_);
  return stats_;
}

Place Memory::place(const Tensor& t) {
  const auto& part = *static_cast<const Part*>(t.storage()->data());
  return {part.large.buffer.buffer, part.offset + t.offset()};
}

VkDeviceAddress Memory::address(const Tensor& t) {
  const auto& part = *static_cast<const Part*>(t.storage()->data());
  return part.large.buffer.address + part.offset + t.offset();
}

void Memory::upload(const void* from, size_t bytes, const StorageRef& to, size_t offset) {
  const auto& part = *static_cast<const Part*>(to->data());
  stream_.upload(from, bytes, {part.large.buffer.buffer, part.offset + offset});
}

void Memory::download(const StorageRef& from, size_t offset, size_t bytes, void* to) {
  const auto& part = *static_cast<const Part*>(from->data());
  stream_.download({part.large.buffer.buffer, part.offset + offset}, bytes, to);
}

}  // namespace easel::ops::vulkan
