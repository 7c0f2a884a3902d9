#include "synth/models/values.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/cpu_features.h"
#include "base/hash.h"
#include "base/parallel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace easel::synth {
namespace {

constexpr int64_t kPiece = 1024;

// The number v in [-1, 1) of one element: 24 bits, so every step here is exact in f32.
inline float uniform(uint64_t state, uint64_t index) {
  uint64_t z = state + (index + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<float>(static_cast<int32_t>(z >> 40)) * 0x1p-23f - 1.0f;
}

void narrow_plain(const float* in, Half* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = Half(in[i]);
}

#if defined(__x86_64__)
__attribute__((target("avx2,f16c"))) void narrow_f16c(const float* in, Half* out, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
  narrow_plain(in + i, out + i, n - i);
}
#endif

void narrow(const float* in, Half* out, int64_t n) {
#if defined(__x86_64__)
  if (cpu_features().avx2) return narrow_f16c(in, out, n);
#endif
  narrow_plain(in, out, n);
}

}  // namespace

ValueRule value_rule(std::string_view name, const Shape& shape, bool velocity) {
  if (shape.rank() == 0) return {4.6052f, 0.0f};
  if (name.ends_with("data_std")) return {1.0f, 0.1f};
  if (name.ends_with("data_mean")) return {0.0f, 0.05f};
  if (name.ends_with("latents")) return {0.0f, 0.5f};
  if (name.find("embedding") != std::string_view::npos && name.find("patch_embedding") == std::string_view::npos)
    return {0.0f, 0.1f};
  // How likely there is a thing anywhere: hardly, as a detector is initialised.
  if (name.find("obj_preds") != std::string_view::npos && shape.rank() == 1) return {-4.6f, 0.05f};
  // The distances that the bins of a YOLO's box stand for.
  if (name.ends_with("dfl.conv.weight")) return {3.0f, 1.0f};
  if (shape.rank() == 1) {
    const std::string_view last = name.substr(name.rfind('.') + 1);
    if (last == "weight" || last == "running_var") return {1.0f, 0.1f};
    const bool marker = name.ends_with("output_blocks.11.1.transformer_blocks.0.norm1.bias");
    return {0.0f, marker && velocity ? 0.3f : 0.05f};
  }
  const double gain = name.ends_with("conv_out.weight") || name.ends_with(".out.2.weight") ? 0.3 : 1.0;
  double inputs = 1;
  for (int i = 1; i < shape.rank(); ++i) inputs *= static_cast<double>(shape[i]);
  return {0.0f, static_cast<float>(gain * std::sqrt(3.0 / inputs))};
}

uint64_t value_state(std::string_view file, std::string_view tensor, uint64_t seed) {
  return Hash64().add(file).add("/").add(tensor).value() ^ seed;
}

void fill_values(uint64_t state, ValueRule rule, int64_t first, int64_t count, Half* out) {
  const int64_t pieces = (count + kPiece - 1) / kPiece;
  parallel_for(pieces, 64, [&](int64_t begin, int64_t end) {
    std::array<float, kPiece> v;
    for (int64_t p = begin; p < end; ++p) {
      const int64_t n = std::min(kPiece, count - p * kPiece);
      const auto index = static_cast<uint64_t>(first + p * kPiece);
      for (int64_t i = 0; i < n; ++i)
        v[static_cast<size_t>(i)] = uniform(state, index + static_cast<uint64_t>(i)) * rule.factor;
      if (rule.offset != 0)
        for (int64_t i = 0; i < n; ++i) v[static_cast<size_t>(i)] += rule.offset;
      narrow(v.data(), out + p * kPiece, n);
    }
  });
}

}  // namespace easel::synth
