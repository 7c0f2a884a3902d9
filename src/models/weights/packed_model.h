// Models that are packed from stored tensors: shared by all who use the same ones, with their size known in advance,
// and their packed weights cached on disk if that is on.
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
  std::string kind;  // "unet", "vae", ...: distinguishes the models in one file
  std::shared_ptr<const StoredTensors> tensors;
  DType compute = DType::kF32;
  // Models with patches are not cached on disk: applying the patches is most of the work, and each strength would be
  // another model.
  std::vector<nn::WeightPatchPtr> patches = {};
};

// Identifies tensors within this process: the files and their versions, and the tensors' names, offsets and shapes; for
// tensors that are not in a file, their addresses. Opening a file again gives the same identity.
std::string identity_of(const StoredTensors& tensors);

// A key for Residency::shared().
std::string shared_key(const PackedFrom& from, Device device);
// The model's name and version for WeightCache::open(). The name has the files and the kind; the version has the files'
// versions and the tensors' names, offsets and shapes, or the values of tensors that are not in a file.
std::pair<std::string, std::string> cache_key(const PackedFrom& from);

// Makes a model; the packer says how its weights are packed.
template <class T>
using PackedBuild = std::function<std::shared_ptr<const T>(const ops::Packer&)>;

// The model that `build` makes for ops::compute_device(), built when it is first used. If anyone holds a model from the
// same tensors for that device, it is shared. Otherwise `build` is called once with a measuring packer, for the model's
// exact size; what that throws is thrown here. `name` is for messages.
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
