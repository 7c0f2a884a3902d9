// A diffusion model as the network that guidance evaluates.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "models/control/control_run.h"
#include "models/diffusion_model.h"
#include "models/network.h"

namespace easel::models {

// For one sampling run: projects each batch's context once and keeps that. Not thread-safe.
class UNetNetwork {
 public:
  UNetNetwork(std::shared_ptr<const UNet> unet, const NetworkRun& run);
  ~UNetNetwork();

  // The picture without noise in each row of batch.x.
  Tensor operator()(const NetworkBatch& batch);

 private:
  const ContextProjectionPtr& projection(const NetworkBatch& batch);

  std::shared_ptr<const UNet> unet_;
  NetworkRun run_;
  std::vector<AttentionHookPtr> hooks_;  // of the patches, in their order
  std::vector<BlockHookPtr> block_hooks_;
  std::map<std::vector<int>, ContextProjectionPtr> projections_;
  ControlRun control_;
  UNetInputs inputs_;  // kept for its memory
};

}  // namespace easel::models
