// Control networks of one sampling run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/conditioning.h"
#include "models/control/controlnet.h"
#include "models/network.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::models {

// Evaluates chains of control links, keeping per link what does not change from step to step: the network, its
// picture at each size, its view of each context. Not thread-safe.
class ControlRun {
 public:
  explicit ControlRun(const sampling::ModelSampling& sampling) : sampling_(sampling) {}

  // What batch.control adds to the UNet at batch.sigma, links before it included; nothing when all of them are out
  // of their time range or at strength 0. x is the batch as the network sees it, without further channels; there is
  // a timestep for each of its rows.
  std::optional<ControlResiduals> residuals(const NetworkBatch& batch, const Tensor& x,
                                            const std::vector<float>& timesteps);

 private:
  struct Link {
    std::shared_ptr<const ControlNet> net;
    std::map<std::pair<int64_t, int64_t>, PreparedHint> hints;  // by latent height and width
    std::map<std::vector<int>, ContextProjectionPtr> contexts;  // by the batch's members
  };

  bool active(const ControlLink& link, float sigma) const;
  std::optional<ControlResiduals> chain(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                                        const std::vector<float>& timesteps);
  ControlResiduals evaluate(const ControlLink& link, const NetworkBatch& batch, const Tensor& x,
                            const std::vector<float>& timesteps);

  const sampling::ModelSampling& sampling_;
  std::map<const ControlLink*, Link> links_;
};

}  // namespace easel::models
