#include "nodes/ip_adapter_apply.h"

#include "formats/model_file.h"
#include "models/folders.h"
#include "sampling/model_sampling.h"

namespace easel::nodes {

IpPipeline open_ip_adapter(Call& call, const std::string& name) {
  const auto path = call.context().folders.find("ipadapter", name);
  const auto file = call.context().files.open(path);
  return {models::load_ip_adapter(call.context().residency, file->tensors, call.context().compute,
                                  path.filename().string()),
          std::nullopt};
}

const models::ClipVisionHandle* find_vision(const Call& call, const IpPipeline& pipeline) {
  if (const auto* linked = call.peek<models::ClipVisionHandle>("clip_vision")) return linked;
  return pipeline.vision ? &*pipeline.vision : nullptr;
}

const models::ClipVisionHandle& need_vision(const Call& call, const IpPipeline& pipeline) {
  if (const auto* vision = find_vision(call, pipeline)) return *vision;
  throw Error(Fault::kInvalid, "no CLIP vision encoder for " + pipeline.adapter.file)
      .at_input("clip_vision")
      .fix("Link a CLIPVisionLoader, or load the adapter with IPAdapterUnifiedLoader, which brings its own");
}

void require_adapter_fits(const IpPipeline& pipeline, const models::ClipVisionHandle* vision,
                          const models::ModelHandle* model) {
  const std::string fault = models::ip_adapter_mismatch(pipeline.adapter, vision, model);
  if (!fault.empty()) throw Error(Fault::kMismatch, fault);
}

Value apply_ip_adapter(const models::ModelHandle& model, const IpPipeline& pipeline, models::IpTokens tokens,
                       const IpApplication& how) {
  const sampling::ModelSampling sampling(model.prediction, model.zero_terminal_snr);
  models::IpAttentionOptions options;
  options.rules = models::ip_layer_rules(model.config, how.weight);
  options.scaling = how.scaling;
  options.sigma_start = static_cast<float>(sampling.percent_to_sigma(how.start_at));
  options.sigma_end = static_cast<float>(sampling.percent_to_sigma(how.end_at));
  options.mask = how.mask;
  options.bicubic_mask = how.bicubic_mask;
  options.unfold_batch = how.unfold_batch;
  models::ModelHandle patched = model;
  patched.hooks.push_back(
      std::make_shared<models::IpAttention>(pipeline.adapter, std::move(tokens), std::move(options)));
  return Value("MODEL", std::move(patched));
}

}  // namespace easel::nodes
