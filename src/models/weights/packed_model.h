// Models that are packed from stored tensors: shared by all who ask for the same, their size known before, their packed
// weights kept on disk where that is wanted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memory/resident.h"
#include "models/weights/weight_cache.h"
#include "nn/weights.h"
#include "ops/devices.h"
#include "ops/packer.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// What a model is packed from.
struct PackedFrom {
  std::string kind;  // "unet", "vae", ...: tells apart models of one file
  std::shared_ptr<const StoredTensors> tensors;
  DType compute = DType::kF32;
  // Models with patches are not kept on disk: most of the work is in the changes, and each strength would be a model of
  // its own.
  std::vector<nn::WeightPatchPtr> patches = {};
};

// Says which tensors these are, in this process: which version of which files, and their names, places and shapes in
// it; for those in no file, where in memory they lie. However often a file is opened, it is the same.
std::string identity_of(const StoredTensors& tensors);

// A key for Residency::shared().
std::string shared_key(const PackedFrom& from, Device device);
// The model's name and version for WeightCache::open(): the files it is from, and the kind; which version of the files,
// and all names, places and shapes in them. Of tensors in no file it reads the values.
std::pair<std::string, std::string> cache_key(const PackedFrom& from);

// Makes a model, its weights packed as the packer says.
template <class T>
using PackedBuild = std::function<std::shared_ptr<const T>(const ops::Packer&)>;

// The model that `build` makes, to be built for ops::compute_device() when it is first used; while anyone holds one
// that is made from the same for that device, that one. Else `build` is called once at once, with a packer that
// measures, for the estimate of its size, which is exact; and throws here what it throws there. `name` is for messages.
template <class T>
std::shared_ptr<memory::Resident<T>> packed_model(memory::Residency& residency, const std::string& name,
                                                  const PackedFrom& from, const PackedBuild<T>& build) {
  const Device device = ops::compute_device();
  return residency.shared<memory::Resident<T>>(shared_key(from, device), [&] {
    const size_t bytes = build(ops::Packer::measure().on(device))->bytes();
    return std::make_shared<memory::Resident<T>>(residency, name, bytes, [from, build, device]() -> memory::Built<T> {
      std::shared_ptr<WeightCache> cache;
      if (weight_cache_is_on() && from.patches.empty()) {
        const auto [owner, version] = cache_key(from);
        cache = WeightCache::open(owner, version, device);
      }
      if (!cache) return build(ops::Packer::pack().on(device));
      std::shared_ptr<const T> model = build(ops::Packer::cached(*cache).on(device));
      const StorageRef mapped = cache->mapping();
      WeightCache::finish(std::move(cache));
      return {std::move(model), mapped};
    });
  });
}

}  // namespace easel::models
