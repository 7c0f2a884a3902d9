// Keeps the process alive when a mapped file is truncated, or its disk fails, while it is being read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace easel {

// As long as the guard exists, reading pages of [data, data+bytes) that the file no longer has, or that cannot be read
// from disk, returns zeros instead of raising SIGBUS, which would end the process; hit() then returns true. The range
// must be a whole mapping. At most a thousand ranges are guarded at a time.
class MappingGuard {
 public:
  MappingGuard(const void* data, size_t bytes);
  ~MappingGuard();
  MappingGuard(const MappingGuard&) = delete;
  MappingGuard& operator=(const MappingGuard&) = delete;

  bool hit() const;

 private:
  int slot_;  // negative: not guarded
};

}  // namespace easel
