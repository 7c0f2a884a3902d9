// Every operation on a device of Vulkan's. Tensors are addresses in its memory, which shaders get as push constants, so
// there are no descriptors and no limit on the size of a binding. Work is recorded and runs while the host goes on; it
// is awaited where a result is read.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <type_traits>

#include "ops/backend.h"
#include "ops/vulkan/device/memory.h"
#include "ops/vulkan/device/pipelines.h"
#include "ops/vulkan/device/stream.h"

namespace easel::ops::vulkan {

struct LinearWeights;
struct ConvWeights;
struct MatrixTile;

// Threads of a workgroup for work without tiles: a power of two, for sums over the workgroup.
uint32_t plain_threads(const GpuDescription& gpu);

class VulkanBackend final : public Backend {
 public:
  VulkanBackend(const GpuDescription& description, Device device);
  DeviceMemory& memory() const override { return memory_; }
  uint64_t memory_bytes() const override { return gpu_.budget_bytes(); }
  bool memory_apart() const override { return gpu_.about().type == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU; }
  void wait() const override { stream_.wait(); }
  bool lost() const override { return gpu_.lost(); }
  Made made() const override { return {memory_.stats().fresh_blocks, pipelines_.made(), stream_.recorded()}; }
  Pipelines& pipelines() const { return pipelines_; }
  Gpu& gpu() const { return gpu_; }

  // products.cc
  PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                              bool geglu, const Packer& packer) const override;
  PackedConvPtr pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape, DType compute,
                            const Packer& packer) const override;
  void linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args, Tensor& out) const override;
  void conv2d(const Tensor& x, const PackedConv& w, const ConvArgs& args, Tensor& out) const override;

  // attention.cc
  void attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
                 Tensor& out) const override;
  void attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale, Tensor& out) const override;

  // norm.cc
  void group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                  Activation activation, Tensor& out) const override;
  void layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& out) const override;

  // elementwise.cc
  void activate(const Tensor& x, Activation activation, Tensor& out) const override;
  void affine(const Tensor& x, float scale, float shift, Tensor& out) const override;
  void add(const Tensor& a, const Tensor& b, float scale, Tensor& out) const override;
  void mul(const Tensor& a, const Tensor& b, Tensor& out) const override;
  void lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) const override;
  void evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) const override;
  void reduce(const Tensor& x, Reduction how, Tensor& out) const override;

  // movement.cc
  void concat(std::span<const Tensor> parts, int dim, Tensor& out) const override;
  void repeat(const Tensor& x, int64_t times, Tensor& out) const override;
  void upsample_nearest2x(const Tensor& x, Tensor& out) const override;
  void avg_pool2x(const Tensor& x, Tensor& out) const override;
  void pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out) const override;
  void pixel_shuffle(const Tensor& x, int64_t r, Tensor& out) const override;
  void resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) const override;
  void scale_low_frequencies(const Tensor& x, float by, Tensor& out) const override;
  void embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) const override;
  void timestep_embedding(std::span<const float> t, float max_period, Tensor& out) const override;

 private:
  friend struct LinearWeights;
  friend struct ConvWeights;

  // Runs `groups` workgroups of a shader.
  template <class Push>
  void run(Shader shader, const Constants& constants, const Push& push, int64_t groups) const {
    static_assert(std::is_trivially_copyable_v<Push> && sizeof(Push) <= 128 && sizeof(Push) % 4 == 0);
    stream_.dispatch(pipelines_.get(shader, constants), pipelines_.layout(), std::as_bytes(std::span(&push, 1)),
                     static_cast<uint64_t>(groups));
  }
  uint32_t threads() const { return plain_threads(gpu_.about()); }
  // Copies values between tensors of one shape and any strides; floats are converted. `to` need not be contiguous.
  void move(const Tensor& from, const Tensor& to) const;
  void convert(const Tensor& from, Tensor& to) const;
  // Numbers that a shader reads beside its push constants.
  Tensor numbers(std::span<const std::byte> bytes) const;
  // A stored tensor in `type` on the device, contiguous; read from the mapping as it is stored where that can be.
  Tensor taken(const StoredTensor& stored, DType type) const;

  // A product as a shader does it.
  struct ProductCall {
    DType input, weight, result;
    Activation activation;
    bool gated;
    int64_t taps;  // of a convolution's kernel; 0 for a linear layer
    int64_t rows, columns;
  };
  struct Product {
    Shader shader;
    Constants constants;
    int64_t groups;
  };
  Product product(const ProductCall& call) const;
  Product product_on(const MatrixTile& tile, Shader shader, const ProductCall& call) const;
  // The same for bytes; input and weight count as such.
  Product byte_product(const ProductCall& call) const;

  // A 3x3 kernel as the four of 2x2 that a call which enlarges is, [4, out, 2, 2, in], and back.
  Tensor folded(const Tensor& weight, DType type) const;
  const ConvWeights& unfolded(const ConvWeights& w) const;

  // Attention with wide heads: as products with a softmax between them, for some queries at a time.
  void attention_in_strips(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
                           Tensor& out) const;

  // matrices.cc
  enum class Matrices : uint8_t { kProducts, kAttention, kBf16Products, kBf16Attention, kBytes };
  const MatrixShape& shape_of(Matrices which) const;
  // Whether the device has cooperative matrices for this, and they are right; tried at the first call.
  bool matrices_work(Matrices what) const;
  bool come_out(Matrices what, std::atomic<int>& state) const;

  // Rows of bytes as shaders/quantise.comp makes them: words [rows, (depth + 3) / 4], scales [rows, 2], and for weights
  // the sum of the bytes of each of `taps` parts of a row.
  struct Quantised {
    Tensor words, scales, sums;
  };
  // x: dense rows [rows, depth] at a constant stride.
  Quantised quantised(const Tensor& x) const;
  Quantised quantised_weights(const Tensor& weights, int64_t taps) const;
  void multiply_bytes(const Tensor& x, const LinearWeights& w, const LinearArgs& args, Tensor& out) const;
  void convolve_bytes(const Tensor& x, const ConvWeights& w, const ConvArgs& args, Tensor& out) const;

  const Device device_;
  mutable Gpu gpu_;
  mutable Stream stream_;
  mutable Memory memory_;
  mutable Pipelines pipelines_;
  mutable std::array<std::atomic<int>, 5> matrices_work_{-1, -1, -1, -1, -1};  // -1: not tried
};

// For push constants. Throws Error(kUnsupported) for tensors of more elements than a shader can count.
uint64_t address(const Tensor& t);  // 0 for an undefined tensor
uint32_t number(int64_t n);
// The number that shaders know a float type by (shaders/memory.glsl).
uint32_t type_number(DType type);

}  // namespace easel::ops::vulkan
