// HOOKS: changes of a model's weights that conditioning entries carry, with strengths that follow the sampling.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/handles.h"
#include "models/text/text_encoder.h"

namespace easel::models {

class Lora;  // models/patch/lora.h

// From `start_percent` of the sampling on, a hook's strength is multiplied by `strength`, for at least
// `guarantee_steps` evaluations at different noise levels once it is reached.
struct HookKeyframe {
  double strength = 1.0, start_percent = 0.0;
  int guarantee_steps = 1;
};

// In the order of their starts; of those that start at one time the one that was added first comes first.
class HookKeyframes {
 public:
  HookKeyframes() = default;
  HookKeyframes with(const HookKeyframe& keyframe) const;
  const std::vector<HookKeyframe>& all() const { return all_; }

 private:
  std::vector<HookKeyframe> all_;
};

// What weights are changed by. Two hooks are the same if their sources are one object.
class HookSource {
 public:
  virtual ~HookSource() = default;
  // Null if nothing is changed. Throws Error(kMismatch) if the source does not fit.
  virtual nn::WeightPatchPtr for_model(const ModelHandle& model, double strength) const = 0;
  virtual TextEncoder::TowerPatches for_text(const TextEncoder& encoder, double strength) const = 0;
};
using HookSourcePtr = std::shared_ptr<const HookSource>;

// A LoRA file.
HookSourcePtr lora_hook(std::shared_ptr<const Lora> lora);
// The difference of another checkpoint's weights from the model's own as it is in its file. `text` may be null.
HookSourcePtr checkpoint_hook(ModelHandle model, std::shared_ptr<const TextEncoder> text);

struct WeightHook {
  HookSourcePtr source;
  double strength_model = 1.0, strength_clip = 1.0;
  std::shared_ptr<const HookKeyframes> keyframes = {};  // null: the same strength all the time
};

// Immutable.
class HookGroup {
 public:
  const std::vector<WeightHook>& all() const { return all_; }
  // With the hooks of another group that are not in this one.
  std::shared_ptr<const HookGroup> and_also(const HookGroup& other) const;
  // With these keyframes for all hooks in place of theirs; null for none.
  std::shared_ptr<const HookGroup> scheduled(std::shared_ptr<const HookKeyframes> keyframes) const;
  static std::shared_ptr<const HookGroup> of(WeightHook hook);

 private:
  std::vector<WeightHook> all_;
};
using HookGroupPtr = std::shared_ptr<const HookGroup>;

// Both; null if there are none.
HookGroupPtr combined(const HookGroupPtr& a, const HookGroupPtr& b);

// The text encoder with all hooks at their strengths, whatever their keyframes say.
std::shared_ptr<const TextEncoder> with_hooks(const std::shared_ptr<const TextEncoder>& encoder, const HookGroup& hooks,
                                              memory::Residency& residency);
// The parts of the sampling in which the hooks' strengths stay the same, each with what the text encoder is changed by.
// As in ComfyUI, the last keyframe of those that start at one time counts here, and a part before the first keyframe
// has the hook as it is.
std::vector<ClipHandle::Part> schedule_of(const HookGroup& hooks, const TextEncoder& encoder);

// Which keyframe counts during one sampling run.
class KeyframeClock {
 public:
  // `start_sigmas`: the noise level of each keyframe's start; `highest`: the highest noise level of the run.
  KeyframeClock(const HookKeyframes& keyframes, std::vector<float> start_sigmas, float highest)
      : keyframes_(keyframes.all()), starts_(std::move(start_sigmas)), highest_(highest) {}
  // To be called before each evaluation; one at the same level as the last counts as that one.
  void advance(float sigma);
  double strength() const { return keyframes_.empty() ? 1.0 : keyframes_[at_].strength; }

 private:
  int guaranteed(size_t i) const { return starts_[i] > highest_ ? 0 : keyframes_[i].guarantee_steps; }

  std::vector<HookKeyframe> keyframes_;
  std::vector<float> starts_;
  float highest_, last_ = -1.0f;
  size_t at_ = 0;
  int used_ = 0;
};

}  // namespace easel::models
