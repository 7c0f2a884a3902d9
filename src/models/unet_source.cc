#include "models/unet_source.h"

#include <sys/stat.h>

#include <filesystem>

namespace easel::models {
namespace {

// Time and label embeddings and the outermost convolutions are held in f32 whatever the compute type.
bool held_in_f32(const std::string& name) {
  return name.starts_with("time_embed.") || name.starts_with("label_emb.") || name.starts_with("input_blocks.0.") ||
         name.starts_with("out.");
}

// Convolutions after an enlargement are packed as four smaller windows: 16 weights for 9.
bool enlarges(const std::string& name) { return name.starts_with("output_blocks.") && name.ends_with(".conv.weight"); }

size_t estimate(const UNetSource& source) {
  const std::string prefix = source.scope.empty() ? "" : source.scope + ".";
  size_t total = 0;
  for (const auto& [name, tensor] : *source.tensors) {
    if (!name.starts_with(prefix) || tensor.rank() < 2) continue;
    const std::string own = name.substr(prefix.size());
    const size_t bytes =
        static_cast<size_t>(tensor.numel()) * dtype_size(held_in_f32(own) ? DType::kF32 : source.compute);
    total += enlarges(own) ? bytes * 16 / 9 : bytes;
  }
  return total;
}

}  // namespace

nn::Weights UNetSource::weights() const {
  const size_t prefix = scope.empty() ? 0 : scope.size() + 1;
  nn::Weights::Patch patch;
  if (!patches.empty())
    patch = [prefix, all = patches](const std::string& name, const Tensor& tensor) {
      Tensor out = tensor;
      for (const WeightPatchPtr& p : all) out = p->apply(name.substr(prefix), out);
      return out;
    };
  const nn::Weights root(tensors, compute, file, std::move(patch));
  return scope.empty() ? root : root[scope];
}

std::shared_ptr<Resident<UNet>> resident_unet(std::shared_ptr<const UNetSource> source) {
  std::string key =
      "unet\n" + source->identity + "\n" + source->scope + "\n" + std::string(dtype_name(source->compute));
  for (const WeightPatchPtr& patch : source->patches) key += "\n" + patch->key();
  return source->residency->shared<Resident<UNet>>(key, [&] {
    return std::make_shared<Resident<UNet>>(*source->residency, "UNet of " + source->file, estimate(*source),
                                            [source] { return std::make_shared<const UNet>(source->weights()); });
  });
}

ModelHandle with_patch(const ModelHandle& model, WeightPatchPtr patch) {
  auto source = std::make_shared<UNetSource>(*model.source);
  source->patches.push_back(std::move(patch));
  ModelHandle out = model;
  out.source = source;
  out.unet = resident_unet(source);
  return out;
}

std::string file_identity(const std::string& path) {
  struct stat info {};
  std::error_code error;
  const std::string full = std::filesystem::weakly_canonical(path, error).string();
  if (::stat(path.c_str(), &info) != 0) return full;
  return full + ":" + std::to_string(info.st_size) + ":" + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace easel::models
