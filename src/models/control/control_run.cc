#include "models/control/control_run.h"

#include <utility>

namespace easel::models {

bool ControlRun::active(const ControlLink& link, float sigma) const {
  return link.strength != 0 && sigma <= static_cast<float>(sampling_.percent_to_sigma(link.start_percent)) &&
         sigma >= static_cast<float>(sampling_.percent_to_sigma(link.end_percent));
}

std::optional<ControlResiduals> ControlRun::residuals(const NetworkBatch& batch, const Tensor& x,
                                                      const std::vector<float>& timesteps) {
  if (!batch.control) return std::nullopt;
  return chain(*batch.control, batch, x, timesteps);
}

std::optional<ControlResiduals> ControlRun::chain(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                                                  const std::vector<float>& timesteps) {
  std::optional<ControlResiduals> before;
  if (link.previous) before = chain(*link.previous, batch, x, timesteps);
  std::unique_ptr<ControlWeigher>& weigher = links_[&link].weigher;
  if (link.weighting) {
    if (!weigher) weigher = std::make_unique<ControlWeigher>(link, sampling_, highest_);
    weigher->at(batch.sigma);
    if (!weigher->active()) return before;
  }
  if (!active(link, batch.sigma)) return before;
  ControlResiduals own = evaluate(link, batch, x, timesteps);
  if (weigher) own = weigher->weighed(std::move(own), batch.cond_or_uncond, x.shape());
  return merge_control(std::move(own), link.strength, before ? &*before : nullptr);
}

ControlResiduals ControlRun::evaluate(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                                      const std::vector<float>& timesteps) {
  Link& state = links_[&link];
  if (!state.net) state.net = link.net.net->get();
  const auto [hint, is_new] = state.hints.try_emplace({x.dim(1), x.dim(2)});
  if (is_new) hint->second = state.net->prepare(link.hint, x.dim(1), x.dim(2), link.net.hint_kind);
  const auto [context, unseen] = state.contexts.try_emplace(batch.members);
  if (unseen) context->second = state.net->project(batch.inputs.context);
  return state.net->forward(hint->second, {.x = x,
                                           .timesteps = timesteps,
                                           .context = context->second,
                                           .y = batch.inputs.y,
                                           .chunks = static_cast<int64_t>(batch.cond_or_uncond.size())});
}

}  // namespace easel::models
