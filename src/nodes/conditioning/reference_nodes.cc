// Pictures that steer others without a network of their own: reference-only, of ComfyUI's experiments
// (github.com/comfyanonymous/ComfyUI_experiments).
#include "models/model_patch.h"
#include "models/unet/reference_attention.h"
#include "models/unet/unet_source.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;

struct Reference {
  Linked<ModelHandle> model;
  Linked<Latent> reference;
  int64_t batch_size = 1;
};

constexpr int64_t kMaskSide = 64;

// The reference in front of empty latents, and a mask that keeps it as it is.
Results<ModelHandle, Latent> refer(const Reference& in) {
  models::unet_of(*in.model, "reference-only");
  const Tensor& given = in.reference->samples;
  if (given.dim(0) != 1)
    throw Error(Fault::kInvalid, "takes one reference, and there are " + std::to_string(given.dim(0)))
        .at_input("reference")
        .fix("Take one of them with LatentFromBatch");
  Latent out;
  out.format = in.reference->format;
  out.samples = ops::concat({given, Tensor::zeros({in.batch_size, given.dim(1), given.dim(2), given.dim(3)})}, 0);
  const Tensor free = ops::affine(Tensor::zeros({in.batch_size, kMaskSide, kMaskSide}), 0.0f, 1.0f);
  out.noise_mask = ops::concat({Tensor::zeros({1, kMaskSide, kMaskSide}), free}, 0);
  return {models::with_patch(*in.model, models::attention_patch(models::reference_attention(in.batch_size + 1))),
          std::move(out)};
}

Foreseen<ModelHandle, Latent> foresee(const Known<Reference>& in) {
  const ModelHandle* model = in(&Reference::model);
  if (model) models::unet_of(*model, "reference-only");
  const ForeseenLatent* known = in(&Reference::reference);
  if (!known) return {model, std::nullopt};
  return {model, in_number(*known, in(&Reference::batch_size) + 1)};
}

}  // namespace

void register_reference_nodes(Table& table) {
  table.add(NodeOf<Reference>{
      .name = "ReferenceOnlySimple",
      .category = "custom_node_experiments",
      .description = "Draws pictures that look at a reference in every self-attention. The first of the result is the "
                     "reference.",
      .origin = "experiments",
      .inputs = {Link("model", &Reference::model), Link("reference", &Reference::reference),
                 Int("batch_size", &Reference::batch_size).range(1, 64)},
      .run = refer,
      .foresee = foresee});
}

}  // namespace easel::nodes
