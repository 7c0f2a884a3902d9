// Control networks of one sampling run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/control/controlnet.h"
#include "sampling/guidance/conditioning.h"
#include "sampling/guidance/guidance.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::sampling {

// Evaluates chains of control links, keeping per link what does not change from step to step: the network, its
// picture at each size, its view of each context. Not thread-safe.
class ControlRun {
 public:
  explicit ControlRun(const ModelSampling& sampling) : sampling_(sampling) {}

  // What batch.control adds to the UNet at batch.sigma, links before it included; nothing when all of them are out
  // of their time range or at strength 0. x is the batch as the network sees it, without further channels; there is
  // a timestep for each of its rows.
  std::optional<models::ControlResiduals> residuals(const NetworkBatch& batch, const Tensor& x,
                                                    const std::vector<float>& timesteps);

 private:
  struct Link {
    std::shared_ptr<const models::ControlNet> net;
    std::map<std::pair<int64_t, int64_t>, models::PreparedHint> hints;  // by latent height and width
    std::map<std::vector<int>, models::ContextProjectionPtr> contexts;  // by the batch's members
  };

  bool active(const ControlLink& link, float sigma) const;
  std::optional<models::ControlResiduals> chain(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                                                const std::vector<float>& timesteps);
  models::ControlResiduals evaluate(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                                    const std::vector<float>& timesteps);

  const ModelSampling& sampling_;
  std::map<const ControlLink*, Link> links_;
};

}  // namespace easel::sampling
