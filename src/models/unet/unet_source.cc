#include "models/unet/unet_source.h"

#include "models/weights/packed_model.h"

namespace easel::models {

nn::Weights UNetSource::weights(const ops::Packer& packer) const {
  const nn::Weights root(tensors, compute, file, packer);
  return (scope.empty() ? root : root[scope]).patched(patches);
}

std::shared_ptr<memory::Resident<UNet>> resident_unet(const std::shared_ptr<const UNetSource>& source) {
  return packed_model<UNet>(
      *source->residency, "UNet of " + source->file,
      {"unet\n" + source->scope, source->tensors, source->compute, source->patches},
      [source](const ops::Packer& packer) { return std::make_shared<const UNet>(source->weights(packer)); });
}

UNetModel with_patch(const UNetModel& unet, nn::WeightPatchPtr patch) {
  auto source = std::make_shared<UNetSource>(*unet.source);
  source->patches.push_back(std::move(patch));
  UNetModel out = unet;
  out.weights = resident_unet(source);
  out.source = std::move(source);
  return out;
}

}  // namespace easel::models
