// Steps whose result is estimated from the one before, where little changes from step to step.
#pragma once

#include <optional>

#include "models/model_patch.h"
#include "tensor/tensor.h"

namespace easel::models {

struct StepReuse {
  double threshold = 0.2;                           // of the changes that add up until a step is computed again
  double start_percent = 0.15, end_percent = 0.95;  // of the sampling, 0 = first step
};

// How much a function's result has changed since it was last computed, as a share of its mean size: estimated from how
// much its input has, by the ratio that the two had before. Of maps [N,h,w,C] each eighth row and column counts.
// Zhou et al. 2025, "EasyCache: Less is Enough", in the form of ComfyUI's nodes.
class ChangeEstimate {
 public:
  explicit ChangeEstimate(double threshold) : threshold_(static_cast<float>(threshold)) {}

  // Compares the input with the last one and adds the estimated change of the result to what has added up. Whether that
  // stays below the threshold, and the caller may leave the result out; if not, it counts from 0 again.
  bool stays(const Tensor& input, bool may_stay);
  // What was computed, and the mean of the absolute values of all of it. `compared`: stays() was asked about this
  // input.
  void computed(const Tensor& input, const Tensor& result, float size, bool compared);
  // Begins again, with inputs of another size. As in ComfyUI the ratio is then taken to be 0 until it is known.
  void begin_again();

 private:
  float threshold_, added_ = 0, size_ = 0;
  std::optional<float> input_change_, ratio_;
  Tensor input_, result_;  // the last ones, each eighth row and column
};

// The noise levels between which steps may be left out.
struct ReuseSpan {
  ReuseSpan(const StepReuse& options, const sampling::ModelSampling& sampling);
  bool begun(float sigma) const { return sigma <= start; }
  bool over(float sigma) const { return !(sigma > end); }
  float start, end;
};

// Leaves out evaluations of the network (EasyCache): the last difference between its output and its input is added to
// the input instead, for each conditioning entry. The first entry that is seen decides for all.
ModelPatchPtr reuse_network_steps(const StepReuse& options);

// Leaves out whole evaluations of the guidance (LazyCache).
ModelPatchPtr reuse_guided_steps(const StepReuse& options);

}  // namespace easel::models
