// Classifier-free guidance: from conditioning lists to batches of network evaluations and back to one picture.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guidance/guidance_patch.h"
#include "guidance/prepared.h"
#include "models/network.h"
#include "tensor/tensor.h"

namespace easel::guidance {

// How the denoised pictures of the conditioning lists are combined into one.
enum class GuidanceStyle {
  kCfg,         // negative + (positive - negative) * cfg; Ho & Salimans 2022
  kDual,        // negative + (third - negative) * second + (positive - third) * cfg
  kDualNested,  // negative + (third + (positive - third) * cfg - negative) * second
  // third + cfg * (P - second * N), where P = positive - third, and N is the part of negative - third that is
  // perpendicular to P; Armandpour et al. 2023
  kPerpNeg,
};

struct GuidanceOptions {
  double cfg = 1.0;
  GuidanceStyle style = GuidanceStyle::kCfg;
  double second = 1.0;  // see GuidanceStyle
  // The third list is evaluated after the others and as the conditional one, as the reference's older node does.
  bool third_alone = false;
  // Even at cfg 1, where the result does not depend on it, evaluate the unconditional half.
  bool always_uncond = false;
  // A batch holds at most this many latent pixels, or one entry.
  int64_t max_batch_pixels = 8 * 128 * 128;
  // What nodes have done to the model: changes to the guidance, in order. Of others nothing is asked.
  std::vector<models::ModelPatchPtr> patches = {};
};

// Runs the entries that are active at a noise level, batched as ComfyUI batches them (last entry first), weights
// their results into one picture for each list, and pushes the conditional one away from the unconditional one.
// Arithmetic order of ComfyUI's calc_cond_batch and cfg_function.
class Guidance {
 public:
  // latent: shape [N,h,w,C] of all x to come.
  Guidance(PreparedConditioning conditioning, const Shape& latent, models::Network network,
           const GuidanceOptions& options);

  // The guided prediction of the denoised picture for x [N,h,w,C] at noise level sigma.
  Tensor denoised(const Tensor& x, float sigma);
  // The unconditional picture of the last call; zeros where it was not needed.
  const Tensor& uncond_denoised() const { return uncond_; }

 private:
  // A conditioning entry with everything that stays the same from step to step.
  struct Entry {
    PreparedEntry prepared;
    int side = 0;  // 0 positive, 1 negative, 2 third
    int id = 0;
    Region region;
    Tensor weights;                // [N,h,w] over the region
    models::NetworkInputs inputs;  // of N rows, concat cut to the region
  };
  struct Sum;
  using Hooks = std::vector<models::AttentionHookPtr>;
  using Sides = std::array<bool, 3>;

  static bool can_share_batch(const Entry& a, const Entry& b);
  void take_batch();
  Tensor evaluate(const Tensor& x, float sigma, const Hooks& hooks, bool alone);
  std::array<Tensor, 3> pictures(const Tensor& x, float sigma, const Sides& sides, const Hooks& hooks,
                                 bool alone = false);
  Sides needed() const;
  Tensor combine(GuidanceMoment& moment, const Tensor& third) const;

  std::vector<Entry> entries_;  // positive ones first
  std::vector<std::unique_ptr<GuidanceStep>> steps_;
  bool patched_always_uncond_ = false;
  Shape latent_;
  models::Network network_;
  GuidanceOptions options_;
  Tensor uncond_;
  // Kept between steps, so that a step allocates nothing on the heap.
  struct Work {
    std::vector<const Entry*> waiting, batch;
    std::vector<Tensor> parts;
    models::NetworkBatch in;
  };
  Work work_;
};

}  // namespace easel::guidance
