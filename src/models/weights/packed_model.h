// Models that are packed from a file: their size known before, their packed weights kept on disk where that is wanted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "memory/resident.h"
#include "models/weights/weight_cache.h"
#include "ops/backend.h"
#include "ops/packer.h"
#include "tensor/tensor_map.h"

namespace easel::models {

// What a model is packed from.
struct PackedFrom {
  std::string kind;  // "unet", "vae", ...: tells apart models of one file
  std::shared_ptr<const TensorMap> tensors;
  DType compute = DType::kF32;
  // Changed on its way into the model (LoRA). Such models are not kept on disk: most of the work is in the changes,
  // and each strength would be a model of its own.
  bool patched = false;
};

// The model's name and version for WeightCache::open(): the file it is from and the kind; which version of the file,
// and all names, places and shapes in it.
std::pair<std::string, std::string> cache_key(const PackedFrom& from);

// Makes a model, its weights packed as the packer says.
template <class T>
using PackedBuild = std::function<std::shared_ptr<const T>(const ops::Packer&)>;

// The model that `build` makes, to be built when it is first used. `build` is called once at once, with a packer that
// measures, for the estimate of its size, which is exact; and throws here what it throws there. It is built for
// ops::compute_device().
template <class T>
std::shared_ptr<memory::Resident<T>> make_resident(memory::Residency& residency, std::string name, PackedFrom from,
                                                   PackedBuild<T> build) {
  const Device device = ops::compute_device();
  const size_t bytes = build(ops::Packer::measure().on(device))->bytes();
  return std::make_shared<memory::Resident<T>>(
      residency, std::move(name), bytes, [from = std::move(from), build = std::move(build), device] {
        std::shared_ptr<WeightCache> cache;
        if (weight_cache_is_on() && !from.patched) {
          const auto [owner, version] = cache_key(from);
          cache = WeightCache::open(owner, version, device);
        }
        if (!cache) return build(ops::Packer::pack().on(device));
        std::shared_ptr<const T> model = build(ops::Packer::cached(*cache).on(device));
        WeightCache::finish(std::move(cache));
        return model;
      });
}

}  // namespace easel::models
