#include "guidance/hooked.h"

#include <algorithm>

namespace easel::guidance {

models::KeyframeClock& HookedNetworks::clock(const std::shared_ptr<const models::HookKeyframes>& keyframes) {
  if (const auto it = clocks_.find(keyframes); it != clocks_.end()) return it->second;
  std::vector<float> starts;
  for (const models::HookKeyframe& keyframe : keyframes->all())
    starts.push_back(static_cast<float>(run_.sampling->percent_to_sigma(keyframe.start_percent)));
  return clocks_.emplace(keyframes, models::KeyframeClock(*keyframes, std::move(starts), highest_)).first->second;
}

std::vector<double> HookedNetworks::strengths(const models::HookGroup& group) {
  std::vector<double> out;
  for (const models::WeightHook& hook : group.all())
    out.push_back(hook.strength_model * (hook.keyframes ? clock(hook.keyframes).strength() : 1.0));
  return out;
}

void HookedNetworks::at(float sigma, const std::vector<const models::HookGroup*>& groups) {
  for (const models::HookGroup* group : groups)
    for (const models::WeightHook& hook : group ? group->all() : std::vector<models::WeightHook>())
      if (hook.keyframes) clock(hook.keyframes).advance(sigma);
  const auto needed = [&](const models::HookGroup* group) {
    return std::find(groups.begin(), groups.end(), group) != groups.end();
  };
  if (!needed(nullptr)) plain_ = nullptr;
  std::erase_if(built_, [&](const auto& entry) {
    return !needed(entry.first) || entry.second.strengths != strengths(*entry.first);
  });
}

Tensor HookedNetworks::evaluate(const models::HookGroup* hooks, const models::NetworkBatch& batch) {
  if (!hooks) {
    if (!plain_) plain_ = model_.net->network(run_);
    return plain_(batch);
  }
  Built& built = built_[hooks];
  if (!built.network) {
    built.strengths = strengths(*hooks);
    models::ModelHandle now = model_;
    for (size_t i = 0; i < built.strengths.size(); ++i) {
      if (built.strengths[i] == 0) continue;
      if (nn::WeightPatchPtr patch = hooks->all()[i].source->for_model(now, built.strengths[i]))
        now.net = now.net->patched(std::move(patch));
    }
    built.network = now.net->network(run_);
  }
  return built.network(batch);
}

}  // namespace easel::guidance
