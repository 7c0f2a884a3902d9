// A diffusion model as the network that guidance evaluates.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "models/control/control_run.h"
#include "models/diffusion_model.h"
#include "models/network.h"

namespace easel::models {

// The network of one sampling run. It projects each context once, those of hooks as well, and
// keeps the projection. Not thread-safe.
class UNetNetwork {
 public:
  UNetNetwork(std::shared_ptr<const UNet> unet, const NetworkRun& run);
  ~UNetNetwork();

  // The predicted picture for each row of batch.x.
  Tensor operator()(const NetworkBatch& batch);

 private:
  const ContextProjectionPtr& projection(const NetworkBatch& batch);

  std::shared_ptr<const UNet> unet_;
  NetworkRun run_;
  std::vector<AttentionHookPtr> hooks_;            // of the patches, in their order
  std::vector<std::shared_ptr<const void>> held_;  // the models that they compute with
  std::vector<BlockHookPtr> block_hooks_;
  std::vector<std::unique_ptr<NetworkStep>> steps_;
  std::map<std::vector<int>, ContextProjectionPtr> projections_;
  HookProjections hook_projections_;
  ControlRun control_;
  UNetInputs inputs_;  // kept so that its memory is reused
};

}  // namespace easel::models
