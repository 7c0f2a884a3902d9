// The shaders, compiled by the driver when they are first used with certain constants, and kept on disk under the
// driver's identity.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <unordered_map>

#include "base/mutex.h"
#include "ops/vulkan/device/gpu.h"

namespace easel::ops::vulkan {

// A file each in shaders/, or in matrices/.
enum class Shader : uint8_t {
  kLinear,
  kConv,
  kQuantise,
  kLinearBytes,
  kConvBytes,
  kLinearDots,
  kConvDots,
  kLinearMatrices,
  kConvMatrices,
  kLinearByteMatrices,
  kConvByteMatrices,
  kLinearMatricesBf16,
  kConvMatricesBf16,
  kAttentionMatricesBf16,
  kAttentionMatrices,
  kAttention,
  kAttentionReceived,
  kGroupStatistics,
  kGroupNorm,
  kLayerNorm,
  kActivate,
  kFormula,
  kReduce,
  kCopy,
  kResample,
  kLowFrequencies,
  kSoftmax,
};
constexpr size_t kShaders = 27;

// What a shader is specialised with: constant i has the value at place i.
class Constants {
 public:
  static constexpr size_t kMost = 56;
  Constants(std::initializer_list<uint32_t> values) {
    for (const uint32_t v : values) push_back(v);
  }
  void push_back(uint32_t value) { values_[count_++] = value; }
  const uint32_t* data() const { return values_.data(); }
  size_t size() const { return count_; }
  bool operator==(const Constants& o) const;

 private:
  std::array<uint32_t, kMost> values_{};
  size_t count_ = 0;
};

// Thread-safe. Throws what check() throws.
class Pipelines {
 public:
  explicit Pipelines(const Gpu& gpu);

  VkPipeline get(Shader shader, const Constants& constants) EASEL_EXCLUDES(mutex_);
  VkPipelineLayout layout() const { return layout_; }
  // How many were made since the program started, for tests that guard against making them within a step.
  uint64_t made() const EASEL_EXCLUDES(mutex_);
  // Writes those that are new to disk, if the folder can be written to.
  void save() EASEL_EXCLUDES(mutex_);

 private:
  struct Key {
    Shader shader;
    Constants constants;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  VkPipeline make(const Key& key) EASEL_REQUIRES(mutex_);
  VkShaderModule loaded(Shader shader) EASEL_REQUIRES(mutex_);

  const Gpu& gpu_;
  const std::filesystem::path file_;  // empty where there is no place for it
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  mutable Mutex mutex_;
  VkPipelineCache cache_ EASEL_GUARDED_BY(mutex_) = VK_NULL_HANDLE;
  std::array<VkShaderModule, kShaders> modules_ EASEL_GUARDED_BY(mutex_){};
  std::unordered_map<Key, VkPipeline, KeyHash> known_ EASEL_GUARDED_BY(mutex_);
  uint64_t saved_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace easel::ops::vulkan
