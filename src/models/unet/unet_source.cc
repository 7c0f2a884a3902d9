#include "models/unet/unet_source.h"

#include "models/weights/packed_model.h"

namespace easel::models {

nn::Weights UNetSource::weights(const ops::Packer& packer) const {
  const size_t prefix = scope.empty() ? 0 : scope.size() + 1;
  nn::Weights::Patch patch;
  if (!patches.empty())
    patch = [prefix, all = patches](const std::string& name, const Tensor& tensor) {
      Tensor out = tensor;
      for (const WeightPatchPtr& p : all) out = p->apply(name.substr(prefix), out);
      return out;
    };
  const nn::Weights root(tensors, compute, file, packer, std::move(patch));
  return scope.empty() ? root : root[scope];
}

std::shared_ptr<memory::Resident<UNet>> resident_unet(std::shared_ptr<const UNetSource> source) {
  std::string key =
      "unet\n" + source->identity + "\n" + source->scope + "\n" + std::string(dtype_name(source->compute));
  for (const WeightPatchPtr& patch : source->patches) key += "\n" + patch->key();
  return source->residency->shared<memory::Resident<UNet>>(key, [&] {
    return make_resident<UNet>(
        *source->residency, "UNet of " + source->file,
        {"unet\n" + source->scope, source->tensors, source->compute, !source->patches.empty()},
        [source](const ops::Packer& packer) { return std::make_shared<const UNet>(source->weights(packer)); });
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

}  // namespace easel::models
