// A diffusion model as the network that guidance evaluates.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/cancel.h"
#include "models/handles.h"
#include "sampling/guidance/control.h"
#include "sampling/guidance/guidance.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::sampling {

// For one sampling run: projects each batch's context once and keeps that. Not thread-safe. The model handle and
// the sampling must outlive it.
class UNetNetwork {
 public:
  UNetNetwork(std::shared_ptr<const models::UNet> unet, const models::ModelHandle& model, const ModelSampling& sampling,
              CancelToken cancel);
  ~UNetNetwork();

  // The picture without noise in each row of batch.x.
  Tensor operator()(const NetworkBatch& batch);

 private:
  const models::ContextProjectionPtr& projection(const NetworkBatch& batch);

  std::shared_ptr<const models::UNet> unet_;
  const models::ModelHandle& model_;
  const ModelSampling& sampling_;
  CancelToken cancel_;
  std::map<std::vector<int>, models::ContextProjectionPtr> projections_;
  ControlRun control_;
  models::UNetInputs inputs_;  // kept for its memory
};

}  // namespace easel::sampling
