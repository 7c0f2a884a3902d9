#include "sampling/random/torch_random.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/cancel.h"
#include "base/parallel.h"
#include "sampling/random/torch_math.h"

namespace easel::sampling {
namespace {

constexpr size_t kWords = 624, kShift = 397;
constexpr size_t kBlock = 16;

uint32_t twist(uint32_t upper, uint32_t lower) {
  const uint32_t mixed = (upper & 0x80000000u) | (lower & 0x7fffffffu);
  return (mixed >> 1) ^ ((lower & 1u) ? 0x9908b0dfu : 0u);
}

// Turns uniform numbers into normal ones, in place. Values j and j + 8 of a block of 16 form a pair.
void box_muller(float* block) {
  for (size_t j = 0; j < kBlock / 2; ++j) {
    const float radius = std::sqrt(-2.0f * normal_log(1.0f - block[j]));
    float sine, cosine;
    normal_sincos(6.28318531f * block[j + 8], &sine, &cosine);
    block[j] = radius * cosine;
    block[j + 8] = radius * sine;
  }
}

}  // namespace

void TorchGenerator::manual_seed(uint64_t seed) {
  state_[0] = static_cast<uint32_t>(seed);
  for (size_t i = 1; i < kWords; ++i) {
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + static_cast<uint32_t>(i);
  }
  next_ = kWords;
  spare_normal_.reset();
}

void TorchGenerator::seed_by_array(uint64_t seed) {
  manual_seed(19650218u);
  const std::array<uint32_t, 2> key{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  const size_t words = key[1] ? 2 : 1;
  size_t i = 1, j = 0;
  const auto advance = [&] {
    if (++i < kWords) return;
    state_[0] = state_[kWords - 1];
    i = 1;
  };
  const auto mixed = [&](uint32_t factor) { return state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * factor); };
  for (size_t k = 0; k < kWords; ++k) {
    state_[i] = mixed(1664525u) + key[j] + static_cast<uint32_t>(j);
    advance();
    j = (j + 1) % words;
  }
  for (size_t k = 0; k + 1 < kWords; ++k) {
    state_[i] = mixed(1566083941u) - static_cast<uint32_t>(i);
    advance();
  }
  state_[0] = 0x80000000u;
}

void TorchGenerator::refill() {
  for (size_t i = 0; i < kWords; ++i) {
    state_[i] = state_[(i + kShift) % kWords] ^ twist(state_[i], state_[(i + 1) % kWords]);
  }
  next_ = 0;
}

uint32_t TorchGenerator::random() {
  if (next_ == kWords) refill();
  uint32_t y = state_[next_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint64_t TorchGenerator::random64() {
  const uint64_t high = random();
  return (high << 32) | random();
}

float TorchGenerator::uniform() { return static_cast<float>(random() & 0xffffffu) * 0x1p-24f; }

double TorchGenerator::uniform64() { return static_cast<double>(random64() & ((uint64_t{1} << 53) - 1)) * 0x1p-53; }

double TorchGenerator::normal64() {
  if (spare_normal_) {
    const double value = *spare_normal_;
    spare_normal_.reset();
    return value;
  }
  const double u1 = uniform64();
  const double u2 = uniform64();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double angle = 2.0 * std::numbers::pi * u1;
  spare_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void TorchGenerator::rand(std::span<float> out) {
  constexpr size_t kValues = 1 << 16;  // between two looks at whether the work is to stop
  for (size_t i = 0; i < out.size(); ++i) {
    if (i % kValues == 0) poll_cancelled();
    out[i] = uniform();
  }
}

void TorchGenerator::randn(std::span<float> out) {
  if (out.size() < kBlock) {
    for (float& value : out) value = static_cast<float>(normal64());
    return;
  }
  rand(out);
  const auto blocks = static_cast<int64_t>(out.size() / kBlock);
  parallel_for(blocks, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) box_muller(out.data() + static_cast<size_t>(b) * kBlock);
  });
  if (out.size() % kBlock != 0) {  // as torch does: the last 16 values are drawn again, as one block
    const auto tail = out.last(kBlock);
    rand(tail);
    box_muller(tail.data());
  }
}

int64_t TorchGenerator::randint(int64_t low, int64_t high) {
  if (low >= high) throw Error(Fault::kInternal, "randint: the range is empty");
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  const uint64_t offset = range >= (uint64_t{1} << 32) ? random64() % range : random() % range;
  return static_cast<int64_t>(static_cast<uint64_t>(low) + offset);
}

Tensor TorchGenerator::randn(const Shape& shape) {
  if (shape.rank() != 4) {
    Tensor direct(shape);
    randn(direct.values());
    return direct;
  }
  Tensor drawn(Shape{shape.numel()});
  randn(drawn.values());
  return from_torch_order(drawn.values(), shape);
}

Tensor from_torch_order(std::span<const float> values, const Shape& shape) {
  if (static_cast<int64_t>(values.size()) != shape.numel()) {
    throw Error(Fault::kInternal, "from_torch_order: the values do not fill the shape " + shape.str());
  }
  Tensor out(shape);
  float* to = out.f32();
  if (shape.rank() != 4) {
    std::copy(values.begin(), values.end(), to);
    return out;
  }
  const int64_t pixels = shape[1] * shape[2], channels = shape[3];
  parallel_for(shape[0] * pixels, 65536, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* from = values.data() + (i / pixels) * channels * pixels + i % pixels;
      for (int64_t c = 0; c < channels; ++c) to[i * channels + c] = from[c * pixels];
    }
  });
  return out;
}

Tensor prepare_noise(TorchGenerator& rng, const Shape& latent, uint64_t seed, std::span<const int64_t> batch_index) {
  rng.manual_seed(seed);
  if (batch_index.empty()) return rng.randn(latent);

  if (static_cast<int64_t>(batch_index.size()) != latent[0]) {
    throw Error(Fault::kInvalid, "the latent has " + std::to_string(latent[0]) + " samples but its noise list names " +
                                     std::to_string(batch_index.size()));
  }
  const auto [lowest, highest] = std::minmax_element(batch_index.begin(), batch_index.end());
  if (*lowest < 0 || *highest > 65535) {
    throw Error(Fault::kInvalid, "the latent's noise list has an index outside 0..65535");
  }
  Shape one = latent;
  one[0] = 1;
  const int64_t size = one.numel();
  Tensor out(latent);
  for (int64_t index = 0; index <= *highest; ++index) {
    const Tensor noise = rng.randn(one);
    for (size_t i = 0; i < batch_index.size(); ++i) {
      if (batch_index[i] == index) std::copy_n(noise.f32(), size, out.f32() + static_cast<int64_t>(i) * size);
    }
  }
  return out;
}

}  // namespace easel::sampling
