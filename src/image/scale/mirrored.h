// Places beyond the ends of a row, mirrored into it.
#pragma once

#include <cstdint>

namespace easel::image {

// A place i of a row of n >= 1: mirrored at the end pixels, which are not repeated.
inline int64_t mirrored(int64_t i, int64_t n) {
  if (0 <= i && i < n) return i;
  if (n == 1) return 0;
  const int64_t period = 2 * n - 2, at = (i % period + period) % period;
  return at < n ? at : period - at;
}

// The same, mirrored beside the end pixels, which are repeated once.
inline int64_t mirrored_with_edge(int64_t i, int64_t n) {
  if (0 <= i && i < n) return i;
  const int64_t period = 2 * n, at = (i % period + period) % period;
  return at < n ? at : period - 1 - at;
}

}  // namespace easel::image
