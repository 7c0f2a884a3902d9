#include "base/hash.h"

#include <array>
#include <cstring>

namespace easel {

uint64_t hash_memory(const void* data, size_t bytes) {
  constexpr uint64_t kPrime = Hash64::kPrime;
  const auto* p = static_cast<const unsigned char*>(data);
  std::array<uint64_t, 8> h{};
  for (size_t i = 0; i < h.size(); ++i) h[i] = Hash64::kStart + i;
  uint64_t all = bytes;
  for (; bytes >= 64; bytes -= 64, p += 64) {
    std::array<uint64_t, 8> w;
    std::memcpy(w.data(), p, 64);
    for (size_t i = 0; i < h.size(); ++i) h[i] = (h[i] ^ w[i]) * kPrime + (h[i] >> 32);
  }
  for (const uint64_t x : h) all = (all ^ x) * kPrime + (all >> 32);
  for (size_t i = 0; i < bytes; ++i) all = (all ^ p[i]) * kPrime;
  return all;
}

}  // namespace easel
