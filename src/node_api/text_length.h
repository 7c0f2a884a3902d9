// How long a text may become.
#pragma once

#include <cstddef>

namespace easel::nodes {

// Nodes on texts run before anything is computed, and chains of them can double a text again and again.
inline constexpr size_t kMostText = size_t{16} << 20;
// Throws Error(kMemory) for more bytes than that.
void require_length(size_t bytes);

}  // namespace easel::nodes
