// A model's network with the weights that conditioning entries ask for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/diffusion_model.h"
#include "models/network.h"
#include "models/patch/hooks.h"

namespace easel::guidance {

// The networks of one sampling run: the model's own and, for each group of hooks, one with its weights as they are at
// the time. They are built when they are first needed, and let go when no entry needs them. Not thread-safe.
class HookedNetworks {
 public:
  // `highest`: the highest noise level of the run.
  HookedNetworks(models::ModelHandle model, models::NetworkRun run, float highest)
      : model_(std::move(model)), run_(std::move(run)), highest_(highest) {}

  // Tells that entries with these groups of hooks (null for none) are evaluated next, at this noise level.
  void at(float sigma, const std::vector<const models::HookGroup*>& groups);
  // The batch with the weights of a group that was named so, or without any hooks.
  Tensor evaluate(const models::HookGroup* hooks, const models::NetworkBatch& batch);

 private:
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
  models::Network plain_;
  std::map<const models::HookGroup*, Built> built_;
  std::map<std::shared_ptr<const models::HookKeyframes>, models::KeyframeClock> clocks_;
};

}  // namespace easel::guidance
