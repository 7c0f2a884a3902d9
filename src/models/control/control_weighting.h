// What scales the residuals of a control network beside its strength: weights of blocks, masks, pictures of a batch and
// parts of the sampling, as Advanced-ControlNet has them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/conditioning.h"
#include "models/unet/unet.h"
#include "sampling/schedule/model_sampling.h"
#include "tensor/tensor.h"

namespace easel::models {

// Factors of the residuals of each block.
struct ControlWeights {
  enum class Kind {
    kDefault,     // 1
    kUniversal,   // powers of `base` or of `mask`, for any network: the further from the middle, the higher the power
    kControlNet,  // `output` by input block, `middle`
    kT2iAdapter,  // `input` by stage, finest first
  };
  Kind kind = Kind::kDefault;
  double base = 1.0;
  Tensor mask = {};  // [n,H,W], or undefined
  std::vector<double> output = {}, input = {};
  std::optional<double> middle = {};
  double uncond = 1.0;       // of the unconditional part of a batch
  double middle_mult = 1.0;  // of the middle block in addition; not with a mask
};
using ControlWeightsPtr = std::shared_ptr<const ControlWeights>;

// Strengths of pictures of a batch, by their places; negative ones count from the end. Each place comes once, in order.
class LatentKeyframes {
 public:
  // Replaces the strength of that place.
  void set(int64_t index, double strength) { strengths_[index] = strength; }
  const std::map<int64_t, double>& all() const { return strengths_; }

 private:
  std::map<int64_t, double> strengths_;
};
using LatentKeyframesPtr = std::shared_ptr<const LatentKeyframes>;

// What holds from a part of the sampling on, for at least `guarantee_steps` noise levels once it is reached.
struct ControlKeyframe {
  double start_percent = 0.0, strength = 1.0;
  ControlWeightsPtr weights = {};     // null: those before, or the default if nothing is inherited
  LatentKeyframesPtr latents = {};    // likewise; none: all pictures alike
  double null_latent_strength = 0.0;  // of pictures without a keyframe, where there are some
  bool inherit_missing = true;
  int64_t guarantee_steps = 1;
  Tensor mask = {};  // [n,H,W]; undefined: the one before
};

// Keyframes in the order of their starts; of those that start at one time, in the order in which they were added.
class ControlKeyframes {
 public:
  // One that changes nothing from the beginning on, to which others are added.
  ControlKeyframes() : all_{{.guarantee_steps = 0}} {}
  // This one alone.
  explicit ControlKeyframes(ControlKeyframe only) : all_{std::move(only)} {}
  void add(ControlKeyframe keyframe);
  const std::vector<ControlKeyframe>& all() const { return all_; }

 private:
  std::vector<ControlKeyframe> all_;
};
using ControlKeyframesPtr = std::shared_ptr<const ControlKeyframes>;

struct ControlWeighting {
  ControlKeyframesPtr keyframes = {};  // null: the one of ControlKeyframes()
  ControlWeightsPtr weights = {};      // in place of those of the keyframes
  LatentKeyframesPtr latents = {};     // likewise
  Tensor mask = {};                    // [n,H,W] of any size, or undefined
};

// An Error(kMismatch) if some of the weights are for other networks, or nullopt.
std::optional<Error> weighting_mismatch(const ControlWeighting& weighting, const ControlNetHandle& net);

// The weighting of one link in one run. Not thread-safe.
class ControlWeigher {
 public:
  // `highest`: the highest noise level of the run.
  ControlWeigher(const ControlLink& link, const sampling::ModelSampling& sampling, float highest);

  // Moves on to a noise level. Called for each evaluation, whether or not the link is active.
  void at(float sigma);
  bool active() const { return keyframe_->strength != 0; }
  // The residuals of a batch of chunks (0 conditional, 1 unconditional, as in NetworkBatch) of latents [n,h,w,*],
  // scaled. Only after at().
  ControlResiduals weighed(ControlResiduals own, const std::vector<int>& cond_or_uncond, const Shape& latent);

 private:
  // Masks [n,H,W] or [n,H,W,1] of the size of a map, for each picture of each chunk.
  static Tensor mask_for(const Tensor& masks, const Tensor& map, int64_t pictures, int64_t chunks);
  Tensor row_factors(const std::vector<int>& cond_or_uncond, int64_t rows) const;
  double block_weight(int key, size_t index, size_t count) const;
  int power(int key, size_t index, size_t count) const;

  const ControlWeighting& weighting_;
  bool adapter_, difference_;
  std::vector<ControlKeyframe> keyframes_;
  std::vector<float> starts_;  // the noise levels from which they hold
  float highest_;
  std::optional<float> last_ = {};
  int current_ = -1;
  int64_t used_ = 0;
  const ControlKeyframe* keyframe_ = nullptr;
  ControlWeightsPtr weights_;
  LatentKeyframesPtr latents_;
  Tensor keyframe_mask_;
};

}  // namespace easel::models
