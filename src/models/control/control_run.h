// The control networks of one sampling run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/conditioning.h"
#include "models/control/control_weighting.h"
#include "models/control/controlnet.h"
#include "models/network.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::models {

// Evaluates chains of control links. For each link it keeps what is the same in every step: the network, its prepared
// hint at each size, its projection of each context. Not thread-safe.
class ControlRun {
 public:
  // `highest`: the highest noise level of the run.
  ControlRun(const sampling::ModelSampling& sampling, float highest) : sampling_(sampling), highest_(highest) {}

  // The residuals of batch.control at batch.sigma, those of earlier links included; nullopt if all links are out of
  // their time range or have strength 0. x is the batch as the network takes it, without further channels, with a
  // timestep for each row.
  std::optional<ControlResiduals> residuals(const NetworkBatch& batch, const Tensor& x,
                                            const std::vector<float>& timesteps);

 private:
  struct Link {
    std::shared_ptr<const ControlNet> net;
    std::map<std::pair<int64_t, int64_t>, PreparedHint> hints;  // by latent height and width
    std::map<std::vector<int>, ContextProjectionPtr> contexts;  // by the batch's members
    std::unique_ptr<ControlWeigher> weigher;                    // null without a weighting
  };

  bool active(const ControlLink& link, float sigma) const;
  std::optional<ControlResiduals> chain(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                                        const std::vector<float>& timesteps);
  ControlResiduals evaluate(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                            const std::vector<float>& timesteps);

  const sampling::ModelSampling& sampling_;
  float highest_;
  std::map<const ControlLink*, Link> links_;
};

}  // namespace easel::models
