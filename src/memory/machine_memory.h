// How much memory there is for this program.
#pragma once

#include <cstddef>
#include <filesystem>

namespace easel::memory {

// The machine's memory, or the least that one of the control groups allows which this process is in: its own and all
// those above it, in versions 1 and 2. `root` holds proc and sys, "/" but for tests.
size_t machine_memory(const std::filesystem::path& root = "/");

}  // namespace easel::memory
