#include "nodes/ip_adapter/ip_adapter_inputs.h"

#include "nodes/common/reference_picture.h"

namespace easel::nodes::ip {

IpApplication application(const Application& in, std::string weight_type, bool unfold) {
  IpApplication how;
  how.weight.type = std::move(weight_type);
  how.start_at = in.start_at;
  how.end_at = in.end_at;
  how.mask = in.attn_mask.value_or_empty();
  how.unfold_batch = unfold;
  if (!in.embeds_scaling.empty()) how.scaling = models::ip_scaling(in.embeds_scaling);
  if (in.weight.list.empty()) {
    how.weight.weight = in.weight.value;
  } else if (unfold) {
    how.weight.weight = 1.0;
    how.sample_weights.assign(in.weight.list.begin(), in.weight.list.end());
  } else {
    how.weight.weight = in.weight.list.front();
  }
  return how;
}

Results<ModelHandle> apply(const Application& in, Call& call, const Tensor& picture, const Tensor& negative,
                           const IpApplication& how, IpCombine combine, const Tensor& composition, const Tiles& tiles) {
  const IpPipeline& pipeline = *in.ipadapter;
  const ClipVisionHandle& vision = need_vision(in.clip_vision.get(), pipeline);
  require_adapter_fits(call, pipeline, &vision, &*in.model);
  warn_of_crop(call, picture);
  if (combine == IpCombine::kConcat) warn_of_blending(call, picture.dim(0), how.unfold_batch);
  const bool hidden = pipeline.adapter.config.takes_hidden_states();
  const auto embeds =
      tiles.along_a_side > 1
          ? models::ip_embeds_of(vision,
                                 models::ip_encode_with_tiles(vision, picture, hidden, tiles.along_a_side, tiles.ratio),
                                 hidden, negative)
          : models::ip_embeds(vision, picture, hidden, negative);
  const Tensor other = composition.defined() ? models::ip_encode_images(vision, composition, hidden) : Tensor();
  return {apply_ip_adapter(*in.model, pipeline, models::ip_tokens(pipeline.adapter, embeds, combine, other), how)};
}

Foreseen<ModelHandle> foresee_fit(const Known<Application>& in, const Call& call) {
  const ModelHandle* model = in(&Application::model);
  if (const IpPipeline* pipeline = in(&Application::ipadapter))
    require_adapter_fits(call, *pipeline, find_vision(in(&Application::clip_vision), *pipeline), model);
  return {model};
}

Foreseen<ModelHandle> foresee_pictures(const Known<Pictures>& in, Call& call, bool unfold) {
  warn_of_crop(call, in(&Pictures::image));
  if (in(&Pictures::combine_embeds) == IpCombine::kConcat) warn_of_blending(call, in(&Pictures::image), unfold);
  return foresee_fit(in, call);
}
Foreseen<ModelHandle> foresee_together(const Known<Pictures>& in, Call& call) {
  return foresee_pictures(in, call, false);
}

}  // namespace easel::nodes::ip
