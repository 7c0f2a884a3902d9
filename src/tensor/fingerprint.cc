#include "tensor/fingerprint.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace easel {

Fingerprint fingerprint(const Tensor& t, uint64_t seed) {
  const Tensor values = contiguous(t);
  Fingerprint key{0x9E3779B97F4A7C15ull, 0xC2B2AE3D27D4EB4Full};
  const auto mix = [&key](uint64_t word) {
    key.low = std::rotl((key.low ^ word) * 0xff51afd7ed558ccdull, 29);
    key.high = std::rotl((key.high + word) * 0x87c37b91114253d5ull, 33) ^ key.low;
  };
  mix(seed);
  mix(static_cast<uint64_t>(values.dtype()));
  for (const int64_t d : values.shape()) mix(static_cast<uint64_t>(d));
  const auto* bytes = static_cast<const char*>(values.raw());
  for (size_t at = 0; at < values.nbytes(); at += sizeof(uint32_t)) {
    uint32_t word = 0;
    std::memcpy(&word, bytes + at, std::min(sizeof word, values.nbytes() - at));
    mix(word);
  }
  return key;
}

}  // namespace easel
