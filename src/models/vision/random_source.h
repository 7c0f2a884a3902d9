// Random numbers as torch draws them, seen from below: the layer that has the generator implements this.
#pragma once

#include <cstdint>
#include <span>

namespace easel::models {

// The reference's global generator: who reseeds it changes what later draws of the same run get.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void seed(uint64_t seed) = 0;            // torch.manual_seed
  virtual void normal(std::span<float> out) = 0;   // torch.randn(n): from 16 values on in blocks, fewer one by one
  virtual void uniform(std::span<float> out) = 0;  // torch.rand(n)
};

}  // namespace easel::models
