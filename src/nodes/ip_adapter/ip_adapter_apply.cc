#include "nodes/ip_adapter/ip_adapter_apply.h"

#include "models/model_patch.h"
#include "models/unet/unet_source.h"

#include "library/folders.h"
#include "library/model_files.h"

namespace easel::nodes {

IpPipeline open_ip_adapter(Call& call, const std::string& name) {
  const auto file = call.context().files.open(call.context().folders.find("ipadapter", name));
  return {models::load_ip_adapter(call.context().residency, file->tensors, call.context().compute, file->name()),
          std::nullopt};
}

const models::ClipVisionHandle* find_vision(const models::ClipVisionHandle* linked, const IpPipeline& pipeline) {
  if (linked) return linked;
  return pipeline.vision ? &*pipeline.vision : nullptr;
}

const models::ClipVisionHandle& need_vision(const models::ClipVisionHandle* linked, const IpPipeline& pipeline) {
  if (const auto* vision = find_vision(linked, pipeline)) return *vision;
  throw Error(Fault::kInvalid, "no CLIP vision encoder for " + pipeline.adapter.file)
      .at_input("clip_vision")
      .fix("Link a CLIPVisionLoader, or load the adapter with IPAdapterUnifiedLoader, which brings its own");
}

std::optional<models::ClipVisionHandle> find_fitting_vision(const Call& call, const models::IpAdapterHandle& adapter) {
  const auto& folders = call.context().folders;
  for (const std::string& name : folders.list("clip_vision")) {
    const auto path = folders.find("clip_vision", name);
    try {
      const auto file = call.context().files.open(path);
      auto vision =
          models::find_clip_vision(call.context().residency, *file->tensors, call.context().compute, file->name());
      if (!models::ip_adapter_mismatch(adapter, &vision, nullptr)) return vision;
    } catch (const Error&) {
      continue;  // not a vision encoder
    }
  }
  return std::nullopt;
}

void require_adapter_fits(const Call& call, const IpPipeline& pipeline, const models::ClipVisionHandle* vision,
                          const models::ModelHandle* model) {
  if (const auto misfit = models::ip_adapter_mismatch(pipeline.adapter, nullptr, model)) throw Error(*misfit);
  const auto misfit = models::ip_adapter_mismatch(pipeline.adapter, vision, nullptr);
  if (!misfit) return;
  const auto fitting = find_fitting_vision(call, pipeline.adapter);
  throw Error(misfit->fault(), misfit->message())
      .at_input("clip_vision")
      .fix(misfit->advice() +
           (fitting ? ". Of the files here, " + fitting->file + " fits" : "; no file in clip_vision/ fits"));
}

models::ModelHandle apply_ip_adapter(const models::ModelHandle& model, const IpPipeline& pipeline,
                                     models::IpTokens tokens, const IpApplication& how) {
  models::IpAttentionOptions options;
  options.rules = models::ip_layer_rules(models::unet_of(model, "an IP-Adapter").config, how.weight);
  options.scaling = how.scaling;
  options.sigma_start = static_cast<float>(model.sampling->percent_to_sigma(how.start_at));
  options.sigma_end = static_cast<float>(model.sampling->percent_to_sigma(how.end_at));
  options.mask = how.mask;
  options.bicubic_mask = how.bicubic_mask;
  options.unfold_batch = how.unfold_batch;
  options.sample_weights = how.sample_weights;
  return models::with_patch(model, models::attention_patch(std::make_shared<models::IpAttention>(
                                       pipeline.adapter, std::move(tokens), std::move(options))));
}

}  // namespace easel::nodes
