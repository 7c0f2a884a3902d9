// A model's network with the weights that conditioning entries ask for.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/diffusion_model.h"
#include "models/network.h"
#include "models/patch/hooks.h"

namespace easel::guidance {

// The networks of one sampling run: the model's own and, for each group of hooks, one with its weights as they are at
// the time. They are built when they are first needed, and let go when their strengths change or, at another noise
// level, no entry needs them. Not thread-safe.
class HookedNetworks {
 public:
  // `highest`: the highest noise level of the run.
  HookedNetworks(models::ModelHandle model, models::NetworkRun run, float highest)
      : model_(std::move(model)), run_(std::move(run)), highest_(highest) {}

  using Groups = std::vector<const models::HookGroup*>;  // null among them: no hooks

  // Tells that entries with the groups `next` are evaluated next, at this noise level, at which those with the groups
  // `active` may be.
  void at(float sigma, const Groups& next, const Groups& active);
  // Builds the networks that are evaluated first, at this noise level. This is not an evaluation yet.
  void load(float sigma, const Groups& next);
  // The batch with the weights of a group that was named so, or without any hooks.
  Tensor evaluate(const models::HookGroup* hooks, const models::NetworkBatch& batch);

 private:
  void advance(float sigma, const Groups& groups);
  // The network with the weights of a group as they are now.
  models::Network& network(const models::HookGroup* hooks);
  // Strengths of the hooks of a group, now.
  std::vector<double> strengths(const models::HookGroup& group);
  models::KeyframeClock& clock(const std::shared_ptr<const models::HookKeyframes>& keyframes);

  struct Built {
    std::vector<double> strengths;
    models::Network network;
  };
  models::ModelHandle model_;
  models::NetworkRun run_;
  float highest_;
  std::optional<float> sigma_;  // of the last evaluation
  models::Network plain_;
  std::map<const models::HookGroup*, Built> built_;
  std::map<std::shared_ptr<const models::HookKeyframes>, models::KeyframeClock> clocks_;
};

}  // namespace easel::guidance
