// Fast hashes. They tell contents apart and find damage; against malice there is base/sha256.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace easel {

// FNV-1a: byte by byte over texts and bytes, word by word over numbers. Parts of varying length should be followed by
// something that ends them.
class Hash64 {
 public:
  Hash64& add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * kPrime;
    return *this;
  }
  Hash64& add(uint64_t word) {
    value_ = (value_ ^ word) * kPrime + (value_ >> 32);
    return *this;
  }
  uint64_t value() const { return value_; }

  static constexpr uint64_t kStart = 0xcbf29ce484222325, kPrime = 0x100000001b3;

 private:
  uint64_t value_ = kStart;
};

// Of much memory at once, as fast as it can be read: eight independent chains of FNV-1a over words. Part of the format
// of files in the weight cache.
uint64_t hash_memory(const void* data, size_t bytes);

}  // namespace easel
