#include "models/control/control_lora.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "models/control/controlnet.h"
#include "models/diffusion_model.h"
#include "models/patch/matrices.h"
#include "models/unet/unet_source.h"
#include "models/weights/packed_model.h"
#include "ops/elementwise.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

constexpr std::string_view kUp = ".up", kDown = ".down", kWeight = ".weight", kMark = "lora_controlnet";
constexpr std::array<std::string_view, 4> kOfUNet{"time_embed.", "label_emb.", "input_blocks.", "middle_block."};

bool is_factor(std::string_view name) { return name.ends_with(kUp) || name.ends_with(kDown); }

// The name of the layer that a tensor belongs to.
std::string layer_of(std::string_view name, std::string_view ending) {
  return std::string(name.substr(0, name.size() - ending.size()));
}

int64_t columns(const StoredTensor& t) { return t.numel() / std::max<int64_t>(1, t.dim(0)); }

// What the UNet's own patches make of its weights, and the products on top. Tensors that take the place of the UNet's
// are left alone.
class Differences final : public nn::WeightPatch {
 public:
  Differences(std::shared_ptr<const StoredTensors> file, std::string name, std::vector<nn::WeightPatchPtr> first)
      : file_(std::move(file)), name_(std::move(name)), first_(std::move(first)) {
    key_ = "control lora " + identity_of(*file_);
    for (const nn::WeightPatchPtr& patch : first_) key_ += "\n" + patch->key();
  }

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    if (file_->contains(name)) return weight;
    StoredTensor out = weight;
    for (const nn::WeightPatchPtr& patch : first_) out = patch->apply(name, out);
    if (!name.ends_with(kWeight)) return out;
    const std::string layer = layer_of(name, kWeight);
    const StoredTensor *up = file_->find(layer + std::string(kUp)), *down = file_->find(layer + std::string(kDown));
    if (!up || !down) return out;
    try {
      const Tensor difference = product(up->matrix().decoded(), down->matrix().decoded()).view(weight.shape());
      for (const StoredTensor* factor : {up, down}) {
        require_unchanged(factor->storage());
        factor->drop_pages();
      }
      return ops::add(out.decoded(), difference);
    } catch (Error& e) {
      throw e.in_file(name_);
    }
  }
  std::string key() const override { return key_; }

 private:
  std::shared_ptr<const StoredTensors> file_;
  std::string name_, key_;
  std::vector<nn::WeightPatchPtr> first_;
};

// Weights of a file on top of those of a UNet.
class OnTop final : public nn::WeightPatch {
 public:
  explicit OnTop(std::shared_ptr<const UNetSource> source) : source_(std::move(source)) {
    key_ = "on top of " + identity_of(*source_->tensors) + source_->scope;
    for (const nn::WeightPatchPtr& patch : source_->patches) key_ += "\n" + patch->key();
  }

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    const StoredTensor* below = source_->tensors->find(source_->prefix() + name);
    if (!below || !(below->shape() == weight.shape())) return weight;
    StoredTensor base = *below;
    for (const nn::WeightPatchPtr& patch : source_->patches) base = patch->apply(name, base);
    const Tensor sum = ops::add(weight.decoded(), base.decoded());
    require_unchanged(below->storage());
    below->drop_pages();
    return sum;
  }
  std::string key() const override { return key_; }

 private:
  std::shared_ptr<const UNetSource> source_;
  std::string key_;
};

}  // namespace

bool is_control_difference(const StoredTensors& file) { return file.contains("difference"); }

nn::WeightPatchPtr on_top_of(const ModelHandle& model) {
  return std::make_shared<const OnTop>(unet_of(model, "This ControlNet").source);
}

bool is_control_lora(const StoredTensors& file) { return file.contains(kMark); }

ControlLora::ControlLora(std::shared_ptr<const StoredTensors> tensors, std::string file)
    : tensors_(std::move(tensors)), file_(std::move(file)) {
  const auto bad = [&](const std::string& what) { return Error(Fault::kBadFile, what).in_file(file_); };
  for (const auto& [name, tensor] : *tensors_) {
    if (!is_factor(name)) continue;
    const bool is_up = name.ends_with(kUp);
    const std::string layer = layer_of(name, is_up ? kUp : kDown);
    const StoredTensor* other = tensors_->find(layer + std::string(is_up ? kDown : kUp));
    if (!other) throw bad("'" + name + "' has no counterpart");
    if (!is_up) continue;
    if (tensor.rank() < 2 || other->rank() < 2 || tensor.numel() == 0 || other->numel() == 0 || !tensor.is_float() ||
        !other->is_float() || columns(tensor) != other->dim(0))
      throw bad("'" + layer + ".up' " + tensor.str() + " and '" + layer + ".down' " + other->str() +
                " are no factors of a weight");
    if (other->rank() == 2) rank_ = std::max(rank_, other->dim(0));
    if (layer.ends_with("attn2.to_k")) context_dim_ = columns(*other);
    if (layer == "label_emb.0.0") adm_channels_ = columns(*other);
  }
  for (const char* needed : {"input_hint_block.0.weight", "zero_convs.0.0.weight", "middle_block_out.0.weight"}) {
    const StoredTensor* tensor = tensors_->find(needed);
    if (!tensor || tensor->rank() < 2) throw bad("a ControlLoRA has '" + std::string(needed) + "', which is missing");
  }
  model_channels_ = tensors_->find("zero_convs.0.0.weight")->dim(0);
}

std::optional<Error> ControlLora::mismatch(const ModelHandle& model) const {
  const std::string name = family_name(&model.family());
  if (!model.net->takes().control || !model.net->unet())
    return Error(Fault::kMismatch, "The model " + model.file + " (" + name + ") takes no ControlNet");
  const UNetModel& unet = *model.net->unet();
  const auto misfit = [&](const std::string& why) {
    return Error(Fault::kMismatch, "The ControlLoRA " + file_ + " is made for another model than " + model.file + " (" +
                                       name + "): " + why)
        .fix("Use a ControlLoRA made for " + name + " (those of Stability AI are for SDXL)");
  };
  for (const auto& [key, up] : *tensors_) {
    if (!key.ends_with(kUp)) continue;
    const std::string layer = layer_of(key, kUp);
    const StoredTensor* weight = unet.source->tensors->find(unet.source->prefix() + layer + std::string(kWeight));
    if (!weight) return misfit("it changes '" + layer + "', which that does not have");
    const StoredTensor& down = *tensors_->find(layer + std::string(kDown));
    if (weight->rank() < 2 || weight->dim(0) != up.dim(0) || columns(*weight) != columns(down))
      return misfit("it changes '" + layer + "' by a matrix of " + std::to_string(up.dim(0)) + "x" +
                    std::to_string(columns(down)) + ", and the weight is " + weight->str());
  }
  return std::nullopt;
}

std::shared_ptr<memory::Resident<ControlNet>> ControlLora::network(const ModelHandle& model) const {
  if (const auto misfit = mismatch(model)) throw Error(*misfit);
  const UNetSource& source = *model.net->unet()->source;
  auto all = std::make_shared<StoredTensors>();
  const std::string prefix = source.prefix();
  for (const auto& [name, tensor] : *source.tensors) {
    if (!name.starts_with(prefix)) continue;
    const std::string inner = name.substr(prefix.size());
    if (std::any_of(kOfUNet.begin(), kOfUNet.end(), [&](std::string_view part) { return inner.starts_with(part); }))
      all->set(inner, tensor);
  }
  for (const auto& [name, tensor] : *tensors_)
    if (!is_factor(name) && name != kMark) all->set(name, tensor);
  const auto patch = std::make_shared<const Differences>(tensors_, file_, source.patches);
  return packed_model<ControlNet>(*source.residency, "ControlNet " + file_,
                                  {"control lora", all, source.compute, {patch}},
                                  [all, patch, compute = source.compute, file = file_](const ops::Packer& packer) {
                                    return make_controlnet(nn::Weights(all, compute, file, packer).patched({patch}));
                                  });
}

ControlNetHandle for_model(const ControlNetHandle& control, const ModelHandle& model) {
  ControlNetHandle out = control;
  if (control.lora && !control.net) out.net = control.lora->network(model);
  return out;
}

ControlLinkPtr ControlsForModel::operator()(const ControlLinkPtr& link) {
  if (!link) return link;
  const auto [place, fresh] = made_.try_emplace(link.get(), link);
  if (!fresh) return place->second;
  const ControlLinkPtr previous = (*this)(link->previous);
  if (previous == link->previous && !link->net.lora) return link;
  ControlLink out = *link;
  out.net = for_model(link->net, model_);
  out.previous = previous;
  return made_[link.get()] = std::make_shared<const ControlLink>(std::move(out));
}

}  // namespace easel::models
