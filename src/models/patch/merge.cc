#include "models/patch/merge.h"

#include <utility>

#include "models/model_patch.h"
#include "models/patch/exact.h"
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

class MergePatch final : public nn::WeightPatch {
 public:
  MergePatch(std::shared_ptr<const UNetSource> other, MergeRatios ratios)
      : other_(std::move(other)), ratios_(std::move(ratios)) {}

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor* theirs = other_->tensors->find(other_->scope.empty() ? name : other_->scope + "." + name);
    if (!theirs) return weight;
    StoredTensor patched = *theirs;
    for (const nn::WeightPatchPtr& patch : other_->patches) patched = patch->apply(name, patched);
    StoredTensor out = mixed(weight, patched, ratio_of(name));
    require_unchanged(theirs->storage());
    theirs->drop_pages();
    return out;
  }

  std::string key() const override {
    std::string out = "merge " + identity_of(*other_->tensors) + " " + other_->scope;
    for (const nn::WeightPatchPtr& patch : other_->patches) out += " (" + patch->key() + ")";
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

  std::shared_ptr<const UNetSource> other_;
  MergeRatios ratios_;
};

class TextMergePatch final : public nn::WeightPatch {
 public:
  TextMergePatch(std::shared_ptr<const TextEncoder> other, TextTowerKind kind, MergeRatio ratio)
      : other_(std::move(other)), kind_(kind), ratio_(ratio) {}

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor theirs = other_->tensor(kind_, name);
    return theirs.defined() ? mixed(weight, theirs, ratio_) : weight;
  }

  std::string key() const override {
    return "merge (" + other_->key(kind_) + ") *=" + exact(ratio_.own) + "," + exact(ratio_.other);
  }

 private:
  std::shared_ptr<const TextEncoder> other_;
  TextTowerKind kind_;
  MergeRatio ratio_;
};

}  // namespace

ModelHandle merge_models(const ModelHandle& own, const ModelHandle& other, const MergeRatios& ratios) {
  const UNetModel &unet = unet_of(own, "a merge"), &other_unet = unet_of(other, "a merge");
  const UNetConfig &a = unet.config, &b = other_unet.config;
  if (a.model_channels != b.model_channels || a.context_dim != b.context_dim || a.adm_channels != b.adm_channels ||
      a.input_depth != b.input_depth)
    throw Error(Fault::kMismatch, "the model " + own.file + " (" + family_name(&own.family()) +
                                      ") cannot be merged with " + other.file + " (" + family_name(&other.family()) +
                                      "): their blocks are of different sizes")
        .fix("Merge models of one family");
  return with_patch(own, weight_patch(std::make_shared<const MergePatch>(other_unet.source, ratios)));
}

ClipHandle merge_clips(const ClipHandle& own, const ClipHandle& other, MergeRatio ratio, memory::Residency& residency) {
  for (const TextTowerKind kind : {TextTowerKind::kL, TextTowerKind::kH, TextTowerKind::kG})
    if (own.encoder->has(kind) != other.encoder->has(kind))
      throw Error(Fault::kMismatch, "the text encoder of " + own.encoder->file() + " (" + own.encoder->description() +
                                        ") cannot be merged with that of " + other.encoder->file() + " (" +
                                        other.encoder->description() + ")")
          .fix("Merge the text encoders of models of one family");
  ClipHandle out = own;
  TextEncoder::TowerPatches patches;
  for (const TextTowerKind kind : {TextTowerKind::kL, TextTowerKind::kH, TextTowerKind::kG})
    if (own.encoder->has(kind)) patches[kind] = std::make_shared<const TextMergePatch>(other.encoder, kind, ratio);
  out.encoder = own.encoder->patched(residency, patches);
  return out;
}

}  // namespace easel::models
