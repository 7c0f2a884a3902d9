// Classifier-free guidance: from conditioning lists to batches of network evaluations and back to one picture.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guidance/guidance_patch.h"
#include "guidance/hooked.h"
#include "guidance/prepared.h"
#include "models/network.h"
#include "tensor/tensor.h"

namespace easel::guidance {

// How the predictions for the conditioning lists are combined into one. `middle` is a third list beside the positive
// and the negative one, `negative_scale` how strongly the negative one counts.
enum class GuidanceStyle {
  kCfg,         // negative + (positive - negative) * cfg; Ho & Salimans 2022
  kDual,        // negative + (middle - negative) * negative_scale + (positive - middle) * cfg
  kDualNested,  // negative + (middle + (positive - middle) * cfg - negative) * negative_scale
  // middle + cfg * (P - negative_scale * N), where P = positive - middle, and N is the part of negative - middle that
  // is perpendicular to P; Armandpour et al. 2023
  kPerpNeg,
};

// The most latent pixels in a batch of several entries, unless a caller sets another limit.
inline constexpr int64_t kMostBatchPixels = 8 * 128 * 128;

struct GuidanceOptions {
  double cfg = 1.0;
  GuidanceStyle style = GuidanceStyle::kCfg;
  double negative_scale = 1.0;  // see GuidanceStyle
  // The middle list is evaluated after the others and marked as conditional, as the reference's older node does it.
  bool middle_alone = false;
  // Evaluate the unconditional list even at cfg 1, where the result does not depend on it.
  bool always_uncond = false;
  // The patches that nodes have added to the model, in order. Only those that change the guidance are used.
  std::vector<models::ModelPatchPtr> patches = {};
  // The networks of entries with hooks, and without them: in place of the given one.
  std::shared_ptr<HookedNetworks> hooked = {};
  // The noise levels of the run, for those of the patches that ask for them.
  sampling::ModelSamplingPtr sampling = {};
};

// Evaluates the entries that are active at a noise level, batched as ComfyUI batches them (last entry first), averages
// their results into one picture for each list, and moves the conditional one away from the unconditional one.
// The order of the arithmetic is that of ComfyUI's calc_cond_batch and cfg_function.
class Guidance {
 public:
  // latent: the shape [N,h,w,C] of every x.
  Guidance(PreparedConditioning conditioning, const Shape& latent, models::Network network,
           const GuidanceOptions& options);

  // The guided prediction of the picture in x [N,h,w,C] at noise level sigma.
  Tensor denoised(const Tensor& x, float sigma);
  // Loads what entries with hooks need in the first step, which is at this noise level.
  void load(float sigma);
  // From now on there are at most so many latent pixels in a batch of several entries.
  void limit_batches(int64_t pixels) { max_batch_pixels_ = pixels; }
  // The unconditional prediction of the last call, as patches have changed it; zeros if it was not needed.
  const Tensor& uncond_denoised() const { return uncond_; }

 private:
  // A conditioning entry with everything that is the same in every step.
  struct Entry {
    PreparedEntry prepared;
    int side = 0;  // 0 positive, 1 negative, 2 middle
    int id = 0;
    Region region;
    Tensor weights;                 // [N,h,w] over the region
    models::NetworkInputs inputs;   // N rows each; concat cropped to the region
    models::AttentionHookPtr hook;  // of GLIGEN's boxes, or null
  };
  struct Sum;
  using Hooks = std::vector<models::AttentionHookPtr>;
  using Sides = std::array<bool, 3>;

  static bool can_share_batch(const Entry& a, const Entry& b);
  void take_batch();
  void wait_for(float sigma, const Sides& sides);
  HookedNetworks::Groups waiting_hooks() const;
  void tell_hooked(float sigma);
  void add_defaults(float sigma, const Sides& sides);
  Tensor evaluate(const Tensor& x, float sigma, const Hooks& hooks, bool alone);
  std::array<Tensor, 3> pictures(const Tensor& x, float sigma, const Sides& sides, const Hooks& hooks,
                                 bool alone = false);
  Sides needed() const;
  Tensor combine(GuidanceMoment& moment, const Tensor& middle) const;

  std::vector<Entry> entries_;  // positive ones first
  std::vector<std::unique_ptr<GuidanceStep>> steps_;
  bool patched_always_uncond_ = false;
  Shape latent_;
  models::Network network_;
  GuidanceOptions options_;
  int64_t max_batch_pixels_ = kMostBatchPixels;
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
