#include "models/patch/merge.h"

#include <cstdio>
#include <utility>

#include "models/model_patch.h"
#include "models/unet/unet_source.h"
#include "models/weights/packed_model.h"
#include "ops/elementwise.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

// In single precision, the reference's order: the first weight is scaled, then the second added.
StoredTensor mixed(const StoredTensor& own, const StoredTensor& other, MergeRatio ratio) {
  if (!(own.shape() == other.shape())) return own;
  Tensor a = own.decoded();
  if (ratio.own != 1.0f) a = ops::affine(a, ratio.own);
  return ratio.other == 0.0f ? a : ops::add(a, other.decoded(), ratio.other);
}

// The shortest text that distinguishes all floats.
std::string exact(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

class MergePatch final : public nn::WeightPatch {
 public:
  MergePatch(std::shared_ptr<const UNetSource> second, MergeRatios ratios)
      : second_(std::move(second)), ratios_(std::move(ratios)) {}

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor* other = second_->tensors->find(second_->scope.empty() ? name : second_->scope + "." + name);
    if (!other) return weight;
    StoredTensor patched = *other;
    for (const nn::WeightPatchPtr& patch : second_->patches) patched = patch->apply(name, patched);
    StoredTensor out = mixed(weight, patched, ratio_of(name));
    require_unchanged(other->storage());
    other->drop_pages();
    return out;
  }

  std::string key() const override {
    std::string out = "merge " + identity_of(*second_->tensors) + " " + second_->scope;
    for (const nn::WeightPatchPtr& patch : second_->patches) out += " (" + patch->key() + ")";
    const auto add = [&](const std::string& prefix, MergeRatio r) {
      out += " " + prefix + "=" + exact(r.own) + "," + exact(r.other);
    };
    add("*", ratios_.otherwise);
    for (const auto& [prefix, ratio] : ratios_.by_prefix) add(prefix, ratio);
    return out;
  }

 private:
  MergeRatio ratio_of(const std::string& name) const {
    MergeRatio out = ratios_.otherwise;
    size_t longest = 0;
    for (const auto& [prefix, ratio] : ratios_.by_prefix)
      if (prefix.size() > longest && name.starts_with(prefix)) {
        out = ratio;
        longest = prefix.size();
      }
    return out;
  }

  std::shared_ptr<const UNetSource> second_;
  MergeRatios ratios_;
};

class TextMergePatch final : public nn::WeightPatch {
 public:
  TextMergePatch(std::shared_ptr<const TextEncoder> second, TextTowerKind kind, MergeRatio ratio)
      : second_(std::move(second)), kind_(kind), ratio_(ratio) {}

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor theirs = second_->tensor(kind_, name);
    return theirs.defined() ? mixed(weight, theirs, ratio_) : weight;
  }

  std::string key() const override {
    return "merge (" + second_->key(kind_) + ") *=" + exact(ratio_.own) + "," + exact(ratio_.other);
  }

 private:
  std::shared_ptr<const TextEncoder> second_;
  TextTowerKind kind_;
  MergeRatio ratio_;
};

}  // namespace

ModelHandle merge_models(const ModelHandle& first, const ModelHandle& second, const MergeRatios& ratios) {
  const UNetModel &own = unet_of(first, "a merge"), &other = unet_of(second, "a merge");
  const UNetConfig &a = own.config, &b = other.config;
  if (a.model_channels != b.model_channels || a.context_dim != b.context_dim || a.adm_channels != b.adm_channels ||
      a.input_depth != b.input_depth)
    throw Error(Fault::kMismatch, "the model " + first.file + " (" + family_name(&first.family()) +
                                      ") cannot be merged with " + second.file + " (" + family_name(&second.family()) +
                                      "): their blocks are of different sizes")
        .fix("Merge models of one family");
  return with_patch(first, weight_patch(std::make_shared<const MergePatch>(other.source, ratios)));
}

ClipHandle merge_clips(const ClipHandle& first, const ClipHandle& second, MergeRatio ratio,
                       memory::Residency& residency) {
  for (const TextTowerKind kind : {TextTowerKind::kL, TextTowerKind::kH, TextTowerKind::kG})
    if (first.encoder->has(kind) != second.encoder->has(kind))
      throw Error(Fault::kMismatch, "the text encoder of " + first.encoder->file() + " (" +
                                        first.encoder->description() + ") cannot be merged with that of " +
                                        second.encoder->file() + " (" + second.encoder->description() + ")")
          .fix("Merge the text encoders of models of one family");
  ClipHandle out = first;
  TextEncoder::TowerPatches patches;
  for (const TextTowerKind kind : {TextTowerKind::kL, TextTowerKind::kH, TextTowerKind::kG})
    if (first.encoder->has(kind)) patches[kind] = std::make_shared<const TextMergePatch>(second.encoder, kind, ratio);
  out.encoder = first.encoder->patched(residency, patches);
  return out;
}

}  // namespace easel::models
