// Survives what the system does to a mapping whose file is cut short, or whose disk fails, while it is read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace easel {

// While it lives, reading pages of [data, data+bytes) that the file no longer has, or that cannot be read from the
// disk, gives zeros in place of the signal (SIGBUS) that would end the process, and hit() says so. The range is a
// whole mapping. Beyond a thousand ranges at a time the rest is not guarded.
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
