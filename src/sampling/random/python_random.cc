#include "sampling/random/python_random.h"

#include <bit>

namespace easel::sampling {

double PythonRandom::random() {
  const uint64_t a = twister_.random() >> 5, b = twister_.random() >> 6;
  return (static_cast<double>(a) * 67108864.0 + static_cast<double>(b)) / 9007199254740992.0;
}

uint64_t PythonRandom::below(uint64_t count) {
  const int bits = std::bit_width(count);
  for (;;) {
    uint64_t drawn = 0;
    if (bits <= 32) {
      drawn = twister_.random() >> (32 - bits);
    } else {
      drawn = twister_.random();  // the lower word comes first, the upper bits of the second are kept
      drawn |= static_cast<uint64_t>(twister_.random() >> (64 - bits)) << 32;
    }
    if (drawn < count) return drawn;
  }
}

int64_t PythonRandom::randint(int64_t a, int64_t b) {
  const uint64_t count = static_cast<uint64_t>(b) - static_cast<uint64_t>(a) + 1;
  if (count == 0) {  // every number of 64 bits
    const uint64_t low = twister_.random();
    return static_cast<int64_t>(low | static_cast<uint64_t>(twister_.random()) << 32);
  }
  return static_cast<int64_t>(static_cast<uint64_t>(a) + below(count));
}

}  // namespace easel::sampling
