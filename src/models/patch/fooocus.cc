#include "models/patch/fooocus.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "models/model_patch.h"
#include "models/sd/variants.h"
#include "models/unet/unet_source.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

constexpr const char* kPrefix = "diffusion_model.";
constexpr int64_t kHeadInputs = 5, kHeadSize = 3;  // the mask and four channels of a latent, 3x3 pixels

// A bound of the values of a weight of this rank: one number, or one for each row.
Tensor bound(const StoredTensor& stored, const Shape& weight) {
  const Tensor values = stored.decoded();
  if (values.rank() == weight.rank()) return values;
  Shape shape = weight;
  for (int i = 0; i < shape.rank(); ++i) shape[i] = 1;
  if (values.numel() == 1) return values.view(shape);
  shape[0] = values.numel();
  return values.view(shape);
}

class FooocusWeights final : public nn::WeightPatch {
 public:
  explicit FooocusWeights(const InpaintPatch& patch) : weights_(patch.weights), file_(patch.file) {
    key_ = "fooocus inpaint " + patch.identity;
  }

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor* values = weights_->find(kPrefix + name + ".0");
    const StoredTensor* least = weights_->find(kPrefix + name + ".1");
    const StoredTensor* most = weights_->find(kPrefix + name + ".2");
    if (!values || !least || !most || !(values->shape() == weight.shape())) return weight;
    try {
      constexpr float kByte = 255.0f;
      Tensor out =
          ops::map([=](auto w, auto v, auto low, auto high) { return w + (v / kByte * (high - low) + low); },
                   weight.decoded(), values->decoded(), bound(*least, weight.shape()), bound(*most, weight.shape()));
      for (const StoredTensor* tensor : {values, least, most}) {
        require_unchanged(tensor->storage());
        tensor->drop_pages();
      }
      return out;
    } catch (Error& e) {
      throw e.in_file(file_);
    }
  }
  std::string key() const override { return key_; }

 private:
  std::shared_ptr<const StoredTensors> weights_;
  std::string file_, key_;
};

class FirstMap final : public BlockHook {
 public:
  explicit FirstMap(Tensor feature) : feature_(std::move(feature)) {}

  Tensor before_skip(int index, const StepInfo&, const Tensor& h) const override {
    if (index != 0) return h;
    if (h.dim(1) != feature_.dim(1) || h.dim(2) != feature_.dim(2) || h.dim(0) % feature_.dim(0) != 0)
      throw Error(Fault::kMismatch, "the inpaint patch was given a latent of " + size(feature_) +
                                        ", and the one that is sampled is " + size(h))
          .fix("Give INPAINT_ApplyFooocusInpaint the latent that is sampled");
    const int64_t times = h.dim(0) / feature_.dim(0);
    const Tensor here = feature_.to(h.device());
    return ops::add(h, times == 1 ? here : ops::repeat(here, times));
  }

 private:
  static std::string size(const Tensor& t) {
    return std::to_string(t.dim(0)) + " x " + std::to_string(t.dim(2)) + "x" + std::to_string(t.dim(1));
  }
  Tensor feature_;
};

}  // namespace

InpaintPatch read_inpaint_patch(const formats::ModelFile& head, const formats::ModelFile& weights) {
  InpaintPatch out;
  out.head_file = head.name();
  out.file = weights.name();
  const StoredTensor* tensor = head.tensors->find("head");
  if (!tensor || tensor->rank() != 4 || tensor->dim(1) != kHeadInputs || tensor->dim(2) != kHeadSize ||
      tensor->dim(3) != kHeadSize)
    throw Error(Fault::kUnsupported, "there is no inpaint head in this file: a tensor 'head' of 5 channels, 3x3")
        .in_file(head.name())
        .fix("It is called fooocus_inpaint_head.pth");
  out.head = *tensor;
  for (const auto& [name, part] : *weights.tensors)
    if (name.starts_with(kPrefix) && name.ends_with(".0")) {
      out.weights = weights.tensors;
      out.identity = identity_of(*weights.tensors);
      return out;
    }
  throw Error(Fault::kUnsupported, "there is no inpaint patch in this file")
      .in_file(weights.name())
      .fix("It is called inpaint_v26.fooocus.patch");
}

ModelHandle with_inpaint_patch(const ModelHandle& model, const InpaintPatch& patch, const Tensor& feature) {
  const UNetModel& unet = unet_of(model, "an inpaint patch");
  const UNetSource& source = *unet.source;
  const std::string prefix = source.prefix();
  bool fits = false;  // anything; the first weights alone have one shape in other families
  for (const auto& [name, tensor] : *source.tensors) {
    if (!name.starts_with(prefix)) continue;
    const StoredTensor* values = patch.weights->find(kPrefix + name.substr(prefix.size()) + ".0");
    fits = fits || (values && values->shape() == tensor.shape());
  }
  if (!sd::is_xl(&model.family()) || !fits || feature.dim(3) != unet.config.model_channels)
    throw Error(Fault::kMismatch, "the inpaint patch " + patch.file + " with " + patch.head_file +
                                      " does not fit the model " + model.file + " (" + family_name(&model.family()) +
                                      ")")
        .fix("The patch is for SDXL models");
  return with_patch(with_patch(model, weight_patch(std::make_shared<const FooocusWeights>(patch))),
                    block_patch(std::make_shared<const FirstMap>(feature)));
}

}  // namespace easel::models
