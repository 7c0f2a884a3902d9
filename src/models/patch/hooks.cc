#include "models/patch/hooks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "models/model_patch.h"
#include "models/patch/exact.h"
#include "models/patch/lora.h"
#include "models/unet/unet_source.h"
#include "models/weights/packed_model.h"
#include "ops/elementwise.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

constexpr TextTowerKind kTowers[] = {TextTowerKind::kL, TextTowerKind::kH, TextTowerKind::kG};

class LoraHook final : public HookSource {
 public:
  explicit LoraHook(std::shared_ptr<const Lora> lora) : lora_(std::move(lora)) {}
  nn::WeightPatchPtr for_model(const ModelHandle& model, double strength) const override {
    return lora_model_patch(lora_, model, static_cast<float>(strength));
  }
  TextEncoder::TowerPatches for_text(const TextEncoder& encoder, double strength) const override {
    return lora_text_patches(lora_, encoder, static_cast<float>(strength));
  }

 private:
  std::shared_ptr<const Lora> lora_;
};

// weight + strength * (target - own), where `own` is the weight as its file has it.
StoredTensor moved(const std::string& name, const StoredTensor& weight, const StoredTensor& target,
                   const StoredTensor& own, float strength, const std::string& file) {
  if (!(target.shape() == own.shape()) || !(own.shape() == weight.shape()))
    throw Error(Fault::kMismatch, "the weight '" + name + "' is " + target.shape().str() + " in " + file + " and " +
                                      own.shape().str() + " in the model whose difference is wanted")
        .fix("Use a checkpoint of the model's own family");
  const Tensor difference = ops::add(target.decoded(), own.decoded(), -1.0f);
  Tensor out = ops::add(weight.decoded(), difference, strength);
  require_unchanged(target.storage());
  target.drop_pages();
  return out;
}

class UNetDifference final : public nn::WeightPatch {
 public:
  UNetDifference(std::shared_ptr<const UNetSource> target, std::shared_ptr<const UNetSource> own, float strength)
      : target_(std::move(target)), own_(std::move(own)), strength_(strength) {}
  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor* target = target_->tensors->find(target_->prefix() + name);
    const StoredTensor* own = own_->tensors->find(own_->prefix() + name);
    return target && own ? moved(name, weight, *target, *own, strength_, target_->file) : weight;
  }
  std::string key() const override {
    return "difference of " + identity_of(*target_->tensors) + " from " + identity_of(*own_->tensors) + " x " +
           exact(strength_);
  }

 private:
  std::shared_ptr<const UNetSource> target_, own_;
  float strength_;
};

class TextDifference final : public nn::WeightPatch {
 public:
  TextDifference(std::shared_ptr<const TextEncoder> target, std::shared_ptr<const StoredTensors> own,
                 TextTowerKind kind, float strength)
      : target_(std::move(target)), own_(std::move(own)), kind_(kind), strength_(strength) {}
  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor* target = target_->stored(kind_)->find(name);
    const StoredTensor* own = own_->find(name);
    return target && own ? moved(name, weight, *target, *own, strength_, target_->file()) : weight;
  }
  std::string key() const override {
    return "difference of " + target_->key(kind_) + " from " + identity_of(*own_) + " x " + exact(strength_);
  }

 private:
  std::shared_ptr<const TextEncoder> target_;
  std::shared_ptr<const StoredTensors> own_;
  TextTowerKind kind_;
  float strength_;
};

class CheckpointHook final : public HookSource {
 public:
  CheckpointHook(ModelHandle model, std::shared_ptr<const TextEncoder> text)
      : model_(std::move(model)), text_(std::move(text)) {}
  nn::WeightPatchPtr for_model(const ModelHandle& model, double strength) const override {
    return std::make_shared<const UNetDifference>(unet_of(model_, "a difference").source,
                                                  unet_of(model, "a difference").source, static_cast<float>(strength));
  }
  TextEncoder::TowerPatches for_text(const TextEncoder& encoder, double strength) const override {
    TextEncoder::TowerPatches out;
    if (!text_) return out;
    for (const TextTowerKind kind : kTowers)
      if (encoder.has(kind) && text_->has(kind))
        out[kind] =
            std::make_shared<const TextDifference>(text_, encoder.stored(kind), kind, static_cast<float>(strength));
    return out;
  }

 private:
  ModelHandle model_;
  std::shared_ptr<const TextEncoder> text_;
};

// Several patches of one tower as one.
class Chain final : public nn::WeightPatch {
 public:
  explicit Chain(std::vector<nn::WeightPatchPtr> parts) : parts_(std::move(parts)) {}
  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    StoredTensor out = weight;
    for (const nn::WeightPatchPtr& part : parts_) out = part->apply(name, out);
    return out;
  }
  std::string key() const override {
    std::string out = "chain";
    for (const nn::WeightPatchPtr& part : parts_) out += " (" + part->key() + ")";
    return out;
  }

 private:
  std::vector<nn::WeightPatchPtr> parts_;
};

// The changes by all hooks; `strengths` multiply the hooks' own.
TextEncoder::TowerPatches text_patches(const HookGroup& hooks, const std::vector<double>& strengths,
                                       const TextEncoder& encoder) {
  std::map<TextTowerKind, std::vector<nn::WeightPatchPtr>> chains;
  for (size_t i = 0; i < hooks.all().size(); ++i) {
    const WeightHook& hook = hooks.all()[i];
    const double strength = hook.strength_clip * strengths[i];
    if (strength == 0) continue;
    for (auto& [kind, patch] : hook.source->for_text(encoder, strength)) chains[kind].push_back(patch);
  }
  TextEncoder::TowerPatches out;
  for (auto& [kind, parts] : chains) out[kind] = std::make_shared<const Chain>(std::move(parts));
  return out;
}

bool is_close(double a, double b) { return std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b)); }

struct TextRange {
  double begin = 0, end = 1, strength = 1;
};

// When a hook has which strength, for text encoders.
std::vector<TextRange> ranges_of(const WeightHook& hook) {
  if (!hook.keyframes || hook.keyframes->all().empty()) return {{0.0, 1.0, 1.0}};
  const std::vector<HookKeyframe>& all = hook.keyframes->all();
  std::vector<TextRange> out;
  const HookKeyframe* before = &all.front();
  for (const HookKeyframe& keyframe : all) {
    if (keyframe.start_percent > before->start_percent && !is_close(keyframe.strength, before->strength)) {
      out.push_back({before->start_percent, keyframe.start_percent, before->strength});
      before = &keyframe;
    } else if (keyframe.start_percent == before->start_percent) {
      before = &keyframe;
    }
  }
  if (!is_close(before->start_percent, 1.0)) out.push_back({before->start_percent, 1.0, before->strength});
  return out;
}

}  // namespace

HookKeyframes HookKeyframes::with(const HookKeyframe& keyframe) const {
  HookKeyframes out = *this;
  const auto place =
      std::upper_bound(out.all_.begin(), out.all_.end(), keyframe,
                       [](const HookKeyframe& a, const HookKeyframe& b) { return a.start_percent < b.start_percent; });
  out.all_.insert(place, keyframe);
  return out;
}

HookSourcePtr lora_hook(std::shared_ptr<const Lora> lora) { return std::make_shared<const LoraHook>(std::move(lora)); }

HookSourcePtr checkpoint_hook(ModelHandle model, std::shared_ptr<const TextEncoder> text) {
  return std::make_shared<const CheckpointHook>(std::move(model), std::move(text));
}

HookGroupPtr HookGroup::of(WeightHook hook) {
  auto out = std::make_shared<HookGroup>();
  out->all_.push_back(std::move(hook));
  return out;
}

HookGroupPtr HookGroup::and_also(const HookGroup& other) const {
  auto out = std::make_shared<HookGroup>(*this);
  for (const WeightHook& hook : other.all_) {
    const bool known = std::any_of(out->all_.begin(), out->all_.end(),
                                   [&](const WeightHook& own) { return own.source == hook.source; });
    if (!known) out->all_.push_back(hook);
  }
  return out;
}

HookGroupPtr HookGroup::scheduled(std::shared_ptr<const HookKeyframes> keyframes) const {
  auto out = std::make_shared<HookGroup>(*this);
  for (WeightHook& hook : out->all_) hook.keyframes = keyframes;
  return out;
}

HookGroupPtr combined(const HookGroupPtr& a, const HookGroupPtr& b) {
  if (!a || !b) return a ? a : b;
  return a->and_also(*b);
}

std::shared_ptr<const TextEncoder> with_hooks(const std::shared_ptr<const TextEncoder>& encoder, const HookGroup& hooks,
                                              memory::Residency& residency) {
  const auto patches = text_patches(hooks, std::vector<double>(hooks.all().size(), 1.0), *encoder);
  return patches.empty() ? encoder : encoder->patched(residency, patches);
}

std::vector<ClipHandle::Part> schedule_of(const HookGroup& hooks, const TextEncoder& encoder) {
  std::vector<std::vector<TextRange>> ranges;
  std::set<double> bounds{0.0};
  for (const WeightHook& hook : hooks.all()) {
    ranges.push_back(ranges_of(hook));
    for (const TextRange& range : ranges.back()) bounds.insert({range.begin, range.end});
  }
  std::vector<ClipHandle::Part> out;
  for (auto at = bounds.begin(); std::next(at) != bounds.end(); ++at) {
    const double begin = *at, end = *std::next(at);
    std::vector<double> strengths;
    for (const std::vector<TextRange>& own : ranges) {
      const auto found =
          std::find_if(own.begin(), own.end(), [&](const TextRange& r) { return r.begin < end && r.end > begin; });
      strengths.push_back(found == own.end() ? 1.0 : found->strength);
    }
    out.push_back({begin, end, text_patches(hooks, strengths, encoder)});
  }
  return out;
}

void KeyframeClock::advance(float sigma) {
  if (keyframes_.empty() || sigma == last_) return;
  if (used_ >= guaranteed(at_)) {
    for (size_t i = at_ + 1; i < keyframes_.size() && starts_[i] >= sigma; ++i) {
      at_ = i;
      used_ = 0;
      if (guaranteed(i) > 0) break;
    }
  }
  ++used_;
  last_ = sigma;
}

}  // namespace easel::models
