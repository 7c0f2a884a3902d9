// Address space that begins at a huge page, where the system can only then use huge pages for it.
#pragma once

#include <cstddef>

namespace easel {

constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;

// Maps `bytes` (more than 0) at a multiple of kHugePage: fresh zeroed memory to be read and written, or with `fd` that
// file from its beginning, to be read. Undone by munmap(result, bytes). Null when the system refuses; errno says why.
void* map_at_huge_page(size_t bytes, int fd = -1);

}  // namespace easel
