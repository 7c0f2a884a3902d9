// Random numbers equal to torch's CPU generator, so that a seed means the same picture everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace easel::sampling {

// MT19937 (Matsumoto & Nishimura 1998), seeded and read as torch does it. Not thread-safe.
class TorchGenerator {
 public:
  explicit TorchGenerator(uint64_t seed = 67280421310721u) { manual_seed(seed); }

  // Restarts the sequence. Only the lower 32 bits of the seed matter, as in torch.
  void manual_seed(uint64_t seed);
  // As Python's random.seed does it for an integer: by the array of its 32-bit words (init_by_array).
  void seed_by_array(uint64_t seed);

  uint32_t random();
  uint64_t random64();  // the first of two draws is the upper half
  float uniform();      // [0, 1), 24 bits
  double uniform64();   // [0, 1), 53 bits

  // torch.randn(n) in f32. 16 values or more are made in blocks of 16 by the Box-Muller transform; fewer are drawn in
  // pairs in f64, and the unused half of a pair is kept for the next short draw.
  void randn(std::span<float> out);
  // torch.rand(n) in f32.
  void rand(std::span<float> out);
  // torch.randint(low, high): low <= value < high.
  int64_t randint(int64_t low, int64_t high);

  // torch.randn of the sizes [N,C,h,w] for a channels-last shape [N,h,w,C]: drawn in torch's order, stored in
  // ours. Shapes that are not rank 4 are drawn in their own order.
  Tensor randn(const Shape& shape);

 private:
  void refill();
  double normal64();

  std::array<uint32_t, 624> state_{};
  size_t next_ = 0;
  std::optional<double> spare_normal_;
};

// Initial noise of a latent [N,h,w,C] for a seed: what ComfyUI's prepare_noise draws, channels last. `rng` is
// reseeded and left where the draw ended; ancestral samplers continue from there. With `batch_index` (one entry
// >= 0 per sample) sample i gets the noise that entry batch_index[i] of a larger batch would get.
// Throws Error(kInvalid) if the length of the list is not N or an entry is negative or above 65535.
Tensor prepare_noise(TorchGenerator& rng, const Shape& latent, uint64_t seed,
                     std::span<const int64_t> batch_index = {});

// Values in [N,C,h,w] order, as torch holds them, to a channels-last tensor of `shape` [N,h,w,C]; other ranks
// are copied.
Tensor from_torch_order(std::span<const float> values, const Shape& shape);

}  // namespace easel::sampling
