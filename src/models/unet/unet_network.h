// A diffusion model as the network that guidance evaluates.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/cancel.h"
#include "models/control/control_run.h"
#include "models/handles.h"
#include "models/network.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::models {

// For one sampling run: projects each batch's context once and keeps that. Not thread-safe. The model handle and
// the sampling must outlive it.
class UNetNetwork {
 public:
  UNetNetwork(std::shared_ptr<const UNet> unet, const ModelHandle& model, const sampling::ModelSampling& sampling,
              CancelToken cancel);
  ~UNetNetwork();

  // The picture without noise in each row of batch.x.
  Tensor operator()(const NetworkBatch& batch);

 private:
  const ContextProjectionPtr& projection(const NetworkBatch& batch);

  std::shared_ptr<const UNet> unet_;
  const ModelHandle& model_;
  const sampling::ModelSampling& sampling_;
  CancelToken cancel_;
  std::map<std::vector<int>, ContextProjectionPtr> projections_;
  ControlRun control_;
  UNetInputs inputs_;  // kept for its memory
};

}  // namespace easel::models
