// Sorting of many numbers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/cancel.h"

namespace easel {

// As std::sort() of numbers, smallest first, but it looks at the thread's token (poll_cancelled()), and what is not a
// number comes last, where std::sort() would read beyond the end.
template <class Iterator>
void sort_numbers(Iterator first, Iterator last) {
  constexpr uint32_t kBetween = 1 << 16;  // comparisons
  uint32_t done = 0;
  poll_cancelled();
  std::sort(first, last, [&done](const auto& a, const auto& b) {
    if (++done % kBetween == 0) poll_cancelled();
    return a < b || (b != b && a == a);
  });
}

}  // namespace easel
