// A block encoding for tests: what a reader of block-quantised files would bring.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "tensor/stored_tensor.h"

namespace easel::testing {

// Blocks of 8 values: a shared scale (f32) and 8 signed bytes, value = scale * byte.
class TestBlocks final : public BlockEncoding {
 public:
  static constexpr int64_t kValues = 8;
  static constexpr size_t kBytes = 4 + 8;

  std::string_view name() const override { return "TEST_B8"; }
  int64_t block_values() const override { return kValues; }
  size_t block_bytes() const override { return kBytes; }
  void decode(const uint8_t* from, int64_t blocks, float* to) const override {
    for (int64_t b = 0; b < blocks; ++b, from += kBytes, to += kValues) {
      float scale = 0;
      std::memcpy(&scale, from, sizeof scale);
      for (int64_t i = 0; i < kValues; ++i) to[i] = scale * static_cast<float>(static_cast<int8_t>(from[4 + i]));
    }
  }
};

// The f32 values of `t`, whose rows are multiples of 8, as blocks in memory at an odd address, as a file may have them.
inline StoredTensor in_blocks(const Tensor& t) {
  const int64_t blocks = t.numel() / TestBlocks::kValues;
  Tensor memory({static_cast<int64_t>(TestBlocks::kBytes) * blocks + 1}, DType::kU8);
  auto* to = memory.data<uint8_t>() + 1;
  const StoredTensor out(memory.storage(), to, t.shape(), std::make_shared<const TestBlocks>());
  const float* from = t.f32();
  for (int64_t b = 0; b < blocks; ++b, to += TestBlocks::kBytes, from += TestBlocks::kValues) {
    float largest = 0;
    for (int64_t i = 0; i < TestBlocks::kValues; ++i) largest = std::max(largest, std::abs(from[i]));
    const float scale = largest / 127.0f;
    std::memcpy(to, &scale, sizeof scale);
    for (int64_t i = 0; i < TestBlocks::kValues; ++i)
      to[4 + i] = static_cast<uint8_t>(scale > 0 ? static_cast<int8_t>(std::lround(from[i] / scale)) : 0);
  }
  return out;
}

}  // namespace easel::testing
