#include "models/unet/unet_network.h"

#include "ops/elementwise.h"

namespace easel::models {

UNetNetwork::UNetNetwork(std::shared_ptr<const UNet> unet, const NetworkRun& run)
    : unet_(std::move(unet)), run_(run), control_(*run_.sampling, run_.highest_sigma) {
  for (const ModelPatchPtr& patch : run_.patches) {
    if (AttentionHookPtr hook = patch->attention()) {
      held_.push_back(hook->hold());
      hooks_.push_back(std::move(hook));
    }
    if (BlockHookPtr hook = patch->blocks()) block_hooks_.push_back(std::move(hook));
    if (auto step = patch->network(*run_.sampling)) steps_.push_back(std::move(step));
  }
}

UNetNetwork::~UNetNetwork() = default;

const ContextProjectionPtr& UNetNetwork::projection(const NetworkBatch& batch) {
  ContextProjectionPtr& kept = projections_[batch.members];
  if (!kept) kept = unet_->project(batch.inputs.context, hooks_);
  return kept;
}

Tensor UNetNetwork::operator()(const NetworkBatch& batch) {
  run_.cancel.check();
  UNetInputs& in = inputs_;
  in.x = run_.sampling->network_input(batch.x, batch.sigma);
  const Tensor x = in.x;
  for (const auto& step : steps_)
    if (const Tensor out = step->instead(batch, x); out.defined())
      return run_.sampling->denoised(out, batch.x, batch.sigma);
  in.timesteps.assign(static_cast<size_t>(batch.x.dim(0)), run_.sampling->timestep(batch.sigma));
  const auto control = control_.residuals(batch, in.x, in.timesteps);
  in.control = control ? &*control : nullptr;
  if (batch.inputs.concat.defined()) in.x = ops::concat({in.x, batch.inputs.concat}, -1);
  in.context = projection(batch);
  in.y = batch.inputs.y;
  std::vector<AttentionHookPtr> hooks;
  if (!batch.hooks.empty()) {
    hooks = hooks_;
    hooks.insert(hooks.end(), batch.hooks.begin(), batch.hooks.end());
  }
  in.hooks = hooks.empty() ? hooks_ : hooks;
  in.hook_projections = &hook_projections_;
  in.block_hooks = block_hooks_;
  in.step.sigma = batch.sigma;
  in.step.cond_or_uncond = batch.cond_or_uncond;
  in.step.latent_height = batch.x.dim(1);
  in.step.latent_width = batch.x.dim(2);
  in.step.random = run_.random;
  const Tensor out = unet_->forward(in);
  for (const auto& step : steps_) step->was(batch, x, out);
  in.x = {};
  in.y = {};
  in.control = nullptr;
  in.hooks = {};
  return run_.sampling->denoised(out, batch.x, batch.sigma);
}

}  // namespace easel::models
