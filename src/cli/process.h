// Memory use and running time of this process.
#pragma once

#include <cstddef>

namespace easel::cli {

// The most memory the program has had so far, pages of mapped files included, in bytes.
size_t peak_memory();

// Seconds since the program was launched, to a hundredth.
double seconds_since_launch();

}  // namespace easel::cli
