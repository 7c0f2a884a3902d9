#include "ops/vulkan/device/pipelines.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"

namespace easel::embedded {
#define EASEL_SHADER(name)                    \
  extern const unsigned char shader_##name[]; \
  extern const std::size_t shader_##name##_size;
EASEL_SHADER(linear)
EASEL_SHADER(conv)
EASEL_SHADER(quantise)
EASEL_SHADER(linear_bytes)
EASEL_SHADER(conv_bytes)
EASEL_SHADER(linear_dots)
EASEL_SHADER(conv_dots)
EASEL_SHADER(linear_matrices)
EASEL_SHADER(conv_matrices)
EASEL_SHADER(linear_byte_matrices)
EASEL_SHADER(conv_byte_matrices)
EASEL_SHADER(linear_matrices_bf16)
EASEL_SHADER(conv_matrices_bf16)
EASEL_SHADER(attention_matrices_bf16)
EASEL_SHADER(attention_matrices)
EASEL_SHADER(attention)
EASEL_SHADER(attention_received)
EASEL_SHADER(group_statistics)
EASEL_SHADER(group_norm)
EASEL_SHADER(layer_norm)
EASEL_SHADER(activate)
EASEL_SHADER(formula)
EASEL_SHADER(reduce)
EASEL_SHADER(copy)
EASEL_SHADER(resample)
EASEL_SHADER(low_frequencies)
EASEL_SHADER(softmax)
#undef EASEL_SHADER
}  // namespace easel::embedded

namespace easel::ops::vulkan {
namespace {

namespace fs = std::filesystem;

struct Code {
  const unsigned char* bytes;
  size_t size;
};

// In the order of Shader.
#define EASEL_SHADER(name) \
  Code { embedded::shader_##name, embedded::shader_##name##_size }
std::array<Code, kShaders> codes() {
  return {EASEL_SHADER(linear),
          EASEL_SHADER(conv),
          EASEL_SHADER(quantise),
          EASEL_SHADER(linear_bytes),
          EASEL_SHADER(conv_bytes),
          EASEL_SHADER(linear_dots),
          EASEL_SHADER(conv_dots),
          EASEL_SHADER(linear_matrices),
          EASEL_SHADER(conv_matrices),
          EASEL_SHADER(linear_byte_matrices),
          EASEL_SHADER(conv_byte_matrices),
          EASEL_SHADER(linear_matrices_bf16),
          EASEL_SHADER(conv_matrices_bf16),
          EASEL_SHADER(attention_matrices_bf16),
          EASEL_SHADER(attention_matrices),
          EASEL_SHADER(attention),
          EASEL_SHADER(attention_received),
          EASEL_SHADER(group_statistics),
          EASEL_SHADER(group_norm),
          EASEL_SHADER(layer_norm),
          EASEL_SHADER(activate),
          EASEL_SHADER(formula),
          EASEL_SHADER(reduce),
          EASEL_SHADER(copy),
          EASEL_SHADER(resample),
          EASEL_SHADER(low_frequencies),
          EASEL_SHADER(softmax)};
}
#undef EASEL_SHADER

// $XDG_CACHE_HOME/easel/pipelines, ~/.cache/easel/pipelines, or none.
fs::path file_of(const std::string& identity) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (cache && *cache == '/') folder = cache;
  else if (home && *home == '/') folder = fs::path(home) / ".cache";
  else return {};
  return folder / "easel" / "pipelines" / (identity + ".bin");
}

// A file is its content behind the content's hash: drivers trust what they are given.
std::string kept(const fs::path& file) {
  try {
    const std::string content = file.empty() ? std::string() : read_file(file, size_t{64} << 20);
    uint64_t hash = 0;
    if (content.size() <= sizeof hash) return {};
    std::memcpy(&hash, content.data(), sizeof hash);
    std::string data = content.substr(sizeof hash);
    return Hash64().add(data).value() == hash ? data : std::string();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

bool Constants::operator==(const Constants& o) const {
  return count_ == o.count_ && std::equal(data(), data() + count_, o.data());
}

size_t Pipelines::KeyHash::operator()(const Key& key) const {
  Hash64 hash;
  hash.add(static_cast<uint64_t>(key.shader));
  for (size_t i = 0; i < key.constants.size(); ++i) hash.add(key.constants.data()[i]);
  return hash.value();
}

Pipelines::Pipelines(const Gpu& gpu) : gpu_(gpu), file_(file_of(gpu.about().identity)) {
  const DeviceApi& vk = gpu.call();
  VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, 128};
  VkPipelineLayoutCreateInfo layout{};
  layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  gpu_.check(vk.vkCreatePipelineLayout(gpu.device(), &layout, nullptr, &layout_), "making a layout");
  const std::string data = kept(file_);
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  info.initialDataSize = data.size();
  info.pInitialData = data.data();
  const MutexLock lock(mutex_);
  gpu_.check(vk.vkCreatePipelineCache(gpu.device(), &info, nullptr, &cache_), "making a cache of pipelines");
}

VkPipeline Pipelines::get(Shader shader, const Constants& constants) {
  const Key key{shader, constants};
  const MutexLock lock(mutex_);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  return known_.emplace(key, make(key)).first->second;
}

uint64_t Pipelines::made() const {
  const MutexLock lock(mutex_);
  return known_.size();
}

VkShaderModule Pipelines::loaded(Shader shader) {
  VkShaderModule& shader_module = modules_[static_cast<size_t>(shader)];
  if (shader_module) return shader_module;
  const Code code = codes()[static_cast<size_t>(shader)];
  std::vector<uint32_t> words(code.size / 4);  // aligned, as the driver wants it
  std::memcpy(words.data(), code.bytes, words.size() * 4);
  VkShaderModuleCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  info.codeSize = words.size() * 4;
  info.pCode = words.data();
  gpu_.check(gpu_.call().vkCreateShaderModule(gpu_.device(), &info, nullptr, &shader_module), "taking a shader");
  return shader_module;
}

VkPipeline Pipelines::make(const Key& key) {
  std::array<VkSpecializationMapEntry, Constants::kMost> entries;
  for (uint32_t i = 0; i < key.constants.size(); ++i) entries[i] = {i, i * 4, 4};
  const VkSpecializationInfo constants{static_cast<uint32_t>(key.constants.size()), entries.data(),
                                       key.constants.size() * 4, key.constants.data()};
  VkComputePipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = loaded(key.shader);
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &constants;
  info.layout = layout_;
  // Lanes of a subgroup share a matrix, so their number must be what the shader was told.
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT size{};
  size.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT;
  size.requiredSubgroupSize = gpu_.about().subgroup;
  if (key.shader >= Shader::kLinearMatrices && key.shader <= Shader::kAttentionMatrices) {
    info.stage.pNext = &size;
    info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
  }
  VkPipeline pipeline = VK_NULL_HANDLE;
  gpu_.check(gpu_.call().vkCreateComputePipelines(gpu_.device(), cache_, 1, &info, nullptr, &pipeline),
             "compiling a shader");
  return pipeline;
}

void Pipelines::save() {
  const MutexLock lock(mutex_);
  if (file_.empty() || saved_ == known_.size()) return;
  const DeviceApi& vk = gpu_.call();
  size_t bytes = 0;
  if (vk.vkGetPipelineCacheData(gpu_.device(), cache_, &bytes, nullptr) != VK_SUCCESS || bytes == 0) return;
  std::string data(bytes, '\0');
  if (vk.vkGetPipelineCacheData(gpu_.device(), cache_, &bytes, data.data()) != VK_SUCCESS) return;
  data.resize(bytes);
  saved_ = known_.size();
  const uint64_t hash = Hash64().add(data).value();
  std::error_code ignored;
  fs::create_directories(file_.parent_path(), ignored);
  try {
    write_file(file_, std::string(reinterpret_cast<const char*>(&hash), sizeof hash) + data);
  } catch (const Error&) {  // a cache that cannot be written is made anew the next time
  }
}

}  // namespace easel::ops::vulkan
