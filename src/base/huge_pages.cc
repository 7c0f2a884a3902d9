#include "base/huge_pages.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>

#include "base/round.h"

namespace easel {

// Address space with room for any alignment is reserved, the mapping laid into it, and the rest given back.
void* map_at_huge_page(size_t bytes, int fd) {
  const size_t length = round_up(bytes, kPage), room = length + kHugePage;
  void* const reserved = mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(reserved);
  const size_t skip = round_up(reinterpret_cast<uintptr_t>(begin), kHugePage) - reinterpret_cast<uintptr_t>(begin);
  const int access = fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ;
  const int kind = MAP_PRIVATE | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0);
  void* const data = mmap(begin + skip, bytes, access, kind, fd, 0);
  const int code = errno;
  if (skip > 0) munmap(begin, skip);
  if (data == MAP_FAILED) munmap(begin + skip, room - skip);
  else if (skip < kHugePage) munmap(begin + skip + length, kHugePage - skip);
  errno = code;
  return data == MAP_FAILED ? nullptr : data;
}

}  // namespace easel
