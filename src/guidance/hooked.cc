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

void HookedNetworks::advance(float sigma, const Groups& groups) {
  for (const models::HookGroup* group : groups)
    for (const models::WeightHook& hook : group ? group->all() : std::vector<models::WeightHook>())
      if (hook.keyframes) clock(hook.keyframes).advance(sigma);
}

void HookedNetworks::at(float sigma, const Groups& next, const Groups& active) {
  advance(sigma, next);
  const auto needed = [&, same = sigma == sigma_](const models::HookGroup* group) {
    return same || std::find(active.begin(), active.end(), group) != active.end();
  };
  if (!needed(nullptr)) plain_ = nullptr;
  std::erase_if(built_, [&](const auto& entry) {
    return !needed(entry.first) || entry.second.strengths != strengths(*entry.first);
  });
  sigma_ = sigma;
}

void HookedNetworks::load(float sigma, const Groups& next) {
  const auto before = clocks_;
  advance(sigma, next);
  for (const models::HookGroup* group : next) network(group);
  clocks_ = before;
}

models::Network& HookedNetworks::network(const models::HookGroup* hooks) {
  if (!hooks) {
    if (!plain_) plain_ = model_.net->network(run_);
    return plain_;
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
  return built.network;
}

Tensor HookedNetworks::evaluate(const models::HookGroup* hooks, const models::NetworkBatch& batch) {
  return network(hooks)(batch);
}

}  // namespace easel::guidance
