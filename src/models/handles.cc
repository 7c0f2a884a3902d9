#include "models/handles.h"

#include "models/diffusion_model.h"
#include "models/model_patch.h"

namespace easel::models {

const Family& ModelHandle::family() const { return net->family(); }
const LatentFormat& ModelHandle::latents() const { return net->latents(); }

ModelHandle with_patch(const ModelHandle& model, ModelPatchPtr patch) {
  ModelHandle out = model;
  if (nn::WeightPatchPtr weights = patch->weights()) out.net = model.net->patched(std::move(weights));
  out.patches.push_back(std::move(patch));
  return out;
}

const UNetModel& unet_of(const ModelHandle& model, const char* what) {
  if (const UNetModel* unet = model.net->unet()) return *unet;
  throw Error(Fault::kMismatch,
              std::string(what) + " is made for UNets, which " + family_name(&model.family()) + " has none of")
      .in_file(model.file)
      .fix("Take it away, or use a model with a UNet");
}

}  // namespace easel::models
