// Cooperative matrices (VK_KHR_cooperative_matrix): where they are used, and whether they are what they are said to be.
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "ops/vulkan/weights.h"

namespace easel::ops::vulkan {
namespace {

// Values that repeat at a length of their own.
Tensor pattern(const Shape& shape, int64_t period, float step) {
  Tensor out(shape);
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>(i % period - period / 2) * step;
  return out;
}

// The power of the difference over that of the second.
double error(const Tensor& a, const Tensor& b) {
  double difference = 0.0, all = 0.0;
  const Tensor x = easel::convert(a, DType::kF32).to(kHost), y = easel::convert(b, DType::kF32).to(kHost);
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double off = static_cast<double>(x.f32()[i]) - static_cast<double>(y.f32()[i]);
    difference += off * off;
    all += static_cast<double>(y.f32()[i]) * static_cast<double>(y.f32()[i]);
  }
  return std::sqrt(difference / all);
}

}  // namespace

const MatrixShape& VulkanBackend::shape_of(Matrices which) const {
  const GpuDescription& gpu = gpu_.about();
  if (which == Matrices::kBytes) return gpu.byte_matrix;
  return which == Matrices::kBf16Products || which == Matrices::kBf16Attention ? gpu.bf16_matrix : gpu.matrix;
}

bool VulkanBackend::matrices_work(Matrices what) const {
  if (shape_of(what).m == 0) return false;
  std::atomic<int>& state = matrices_work_[static_cast<size_t>(what)];
  if (const int known = state.load(); known >= 0) return known > 0;
  const char* wanted = std::getenv("EASEL_VULKAN_MATRICES");
  bool works = !(wanted && std::string_view(wanted) == "0");
  try {
    works = works && come_out(what, state);
  } catch (const Error& e) {
    if (e.fault() == Fault::kCancelled) {
      state = -1;
      throw;
    }
    works = false;
  }
  state = works ? 1 : 0;
  return works;
}

// No driver is taken at its word. A product of whole numbers, with values beyond f16's range, must come out exactly;
// attention and products of bytes as without matrices.
bool VulkanBackend::come_out(Matrices what, std::atomic<int>& state) const {
  constexpr int64_t kRows = 70, kDepth = 72, kColumns = 90;
  if (what == Matrices::kAttention || what == Matrices::kBf16Attention) {
    const Tensor q = easel::convert(pattern({1, kRows, kDepth}, 13, 0.4f), DType::kBF16).to(device_);
    const Tensor k = easel::convert(pattern({1, kColumns, kDepth}, 11, 0.3f), DType::kBF16).to(device_);
    const Tensor v = easel::convert(pattern({1, kColumns, kDepth}, 17, 1.0f), DType::kBF16).to(device_);
    std::array<Tensor, 2> out;
    for (int with = 0; with < 2; ++with) {
      state = with;
      out[static_cast<size_t>(with)] = Tensor({1, kRows, kDepth}, DType::kBF16, device_);
      attention(q, k, v, 2, {.scale = 0.2f}, out[static_cast<size_t>(with)]);
    }
    return error(out[1], out[0]) < 0.01;
  }
  Tensor x = pattern({kRows, kDepth}, 13, 1.0f);
  for (int64_t i = 0; i < x.numel(); i += 997) x.f32()[i] *= 65536.0f;
  Tensor w = pattern({kColumns, kDepth}, 11, 1.0f);
  for (int64_t i = 0; i < kDepth; ++i) w.f32()[40 * kDepth + i] *= 1048576.0f;
  const Tensor input = easel::convert(x, DType::kBF16).to(device_);
  const DType compute = what == Matrices::kBytes ? DType::kI8 : DType::kBF16;
  const auto packed = pack_linear(std::array<StoredTensor, 1>{w}, {}, compute, false, Packer::pack().on(device_));
  Tensor with({kRows, kColumns}, DType::kF32, device_), without({kRows, kColumns}, DType::kF32, device_);
  state = 1;  // so that the product is done with them
  linear(input, *packed, {.f32_out = true}, with);
  if (what == Matrices::kBytes) {
    state = 0;
    linear(input, *packed, {.f32_out = true}, without);
    return error(with, without) < 1e-6;
  }
  const Tensor got = with.to(kHost);
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t c = 0; c < kColumns; ++c) {
      float sum = 0.0f;
      for (int64_t k = 0; k < kDepth; ++k) sum += x.f32()[r * kDepth + k] * w.f32()[c * kDepth + k];
      if (sum != got.f32()[r * kColumns + c]) return false;
    }
  return true;
}

}  // namespace easel::ops::vulkan
