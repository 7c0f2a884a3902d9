// Models that are packed from a file: their size known before, their packed weights kept on disk where that is wanted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "memory/resident.h"
#include "ops/packing.h"
#include "ops/weight_cache.h"
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

// The model's name and version for ops::WeightCacheScope: the file it is from and the kind; which version of the file,
// and all names, places and shapes in it.
std::pair<std::string, std::string> cache_key(const PackedFrom& from);

// The model that `build` makes, to be built when it is first used. `build` is called once at once, without packing
// anything, for the estimate of its size, which is exact; and throws here what it throws there.
template <class T>
std::shared_ptr<memory::Resident<T>> make_resident(memory::Residency& residency, std::string name, PackedFrom from,
                                                   typename memory::Resident<T>::Build build) {
  size_t bytes = 0;
  {
    const ops::MeasuringScope measuring;
    bytes = build()->bytes();
  }
  return std::make_shared<memory::Resident<T>>(residency, std::move(name), bytes,
                                               [from = std::move(from), build = std::move(build)] {
                                                 std::optional<ops::WeightCacheScope> cache;
                                                 if (ops::weight_cache_is_on() && !from.patched) {
                                                   const auto [owner, version] = cache_key(from);
                                                   cache.emplace(owner, version);
                                                 }
                                                 return build();
                                               });
}

}  // namespace easel::models
