// ControlNets stored as differences from the weights of a model.
#include "models/control/control_lora.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "formats/tensors/safetensors.h"
#include "models/checkpoint/checkpoint.h"
#include "models/control/controlnet.h"
#include "models/model_patch.h"
#include "models/unet/unet_source.h"
#include "models_support.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::relative_error;

const char* const kProjection = "input_blocks.1.1.transformer_blocks.0.attn2.to_k";
const char* const kConvolution = "input_blocks.1.0.in_layers.2";
const char* const kPatched = "input_blocks.2.0.out_layers.3.weight";
const char* const kReplaced = "input_blocks.0.0.bias";

// Doubles two weights, one of which the file has in place of the model's.
class Doubling final : public nn::WeightPatch {
 public:
  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    return name == kPatched || name == kReplaced ? StoredTensor(ops::affine(weight.decoded(), 2.0f)) : weight;
  }
  std::string key() const override { return "doubling"; }
};

class ControlLoras : public ::testing::Test {
 protected:
  void SetUp() override {
    const StoredTensors control = formats::read_safetensors(
        MappedFile::open(tiny_models_dir() / "controlnet/control_v11p_sd15_canny_fp16.safetensors"));
    tensors_.set("lora_controlnet", Tensor::zeros({1}));
    for (const auto& [name, tensor] : control) {
      const std::string inner = name.substr(name.find('.') + 1);
      for (const char* own : {"input_hint_block.", "zero_convs.", "middle_block_out."})
        if (inner.starts_with(own)) tensors_.set(inner, tensor);
    }
    const UNetModel& unet = unet_of(model_);
    const Shape bias = weight(unet, kReplaced).shape();
    tensors_.set(kReplaced, made_up(bias, 11));
    add_factors(unet, kProjection, 12);
    add_factors(unet, kConvolution, 13);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  static StoredTensor weight(const UNetModel& unet, const std::string& name) {
    const StoredTensor* found = unet.source->tensors->find(unet.source->prefix() + name);
    EXPECT_TRUE(found) << name;
    return found ? *found : StoredTensor();
  }

  void add_factors(const UNetModel& unet, const std::string& layer, uint32_t seed) {
    const Shape shape = weight(unet, layer + ".weight").shape();
    constexpr int64_t kRank = 2;
    Shape up = shape, down = shape;
    up[1] = kRank;
    for (int d = 2; d < shape.rank(); ++d) up[d] = 1;
    down[0] = kRank;
    tensors_.set(layer + ".up", made_up(up, seed));
    tensors_.set(layer + ".down", made_up(down, seed + 10));
  }

  ControlNetHandle load() {
    formats::write_safetensors(path_, tensors_);
    return load_controlnet(formats::open_model_file(path_), residency_, DType::kF32);
  }

  // The network of the model's own weights, with what the file changes worked out in f64.
  std::shared_ptr<const ControlNet> expected(bool doubled, bool changed = true) {
    auto all = std::make_shared<StoredTensors>();
    const UNetModel& unet = unet_of(model_);
    const std::string prefix = unet.source->prefix();
    for (const auto& [name, tensor] : *unet.source->tensors)
      if (name.starts_with(prefix)) all->set(name.substr(prefix.size()), tensor);
    for (const auto& [name, tensor] : tensors_)
      if (!name.ends_with(".up") && !name.ends_with(".down")) all->set(name, tensor);
    for (const std::string layer : {kProjection, kConvolution}) {
      Tensor sum = clone(all->find(layer + ".weight")->decoded());
      const Tensor up = tensors_.find(layer + ".up")->decoded(), down = tensors_.find(layer + ".down")->decoded();
      const int64_t rank = down.dim(0), columns = down.numel() / rank;
      for (int64_t i = 0; changed && i < sum.numel(); ++i) {
        double value = static_cast<double>(sum.f32()[i]);
        for (int64_t r = 0; r < rank; ++r)
          value += static_cast<double>(up.f32()[i / columns * rank + r]) *
                   static_cast<double>(down.f32()[r * columns + i % columns]);
        sum.f32()[i] = static_cast<float>(value);
      }
      all->set(layer + ".weight", sum);
    }
    if (doubled) all->set(kPatched, ops::affine(all->find(kPatched)->decoded(), 2.0f));
    return make_controlnet(nn::Weights(all, DType::kF32, "expected"));
  }

  static ControlResiduals run(const ControlNet& net, int64_t context_dim) {
    ControlInputs in;
    in.x = made_up({2, 6, 5, 4}, 1);
    in.timesteps = {500.0f, 500.0f};
    in.context = net.project(made_up({2, 5, context_dim}, 2));
    return net.forward(net.prepare(ops::affine(made_up({1, 48, 40, 3}, 6), 0.5f, 0.5f), 6, 5), in);
  }

  static double largest_error(const ControlResiduals& a, const ControlResiduals& b) {
    double worst = relative_error(a.middle.at(0), b.middle.at(0));
    for (size_t i = 0; i < a.output.size(); ++i) worst = std::max(worst, relative_error(a.output[i], b.output.at(i)));
    return worst;
  }

  memory::Residency residency_;
  ModelHandle model_ =
      load_unet(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"), residency_,
                DType::kF32);
  StoredTensors tensors_;
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("control-lora-" + std::to_string(getpid()) + ".safetensors");
};

TEST_F(ControlLoras, AddTheirProductsToTheModelsWeights) {
  const ControlNetHandle loaded = load();
  ASSERT_TRUE(loaded.lora);
  EXPECT_FALSE(loaded.net);
  EXPECT_EQ(loaded.lora->rank(), 2);
  EXPECT_FALSE(control_mismatch(loaded, model_));
  const int64_t context = unet_of(model_).config.context_dim;
  EXPECT_EQ(loaded.context_dim, context);
  const auto made = run(*for_model(loaded, model_).net->get(), context);
  EXPECT_LT(largest_error(made, run(*expected(false), context)), 1e-5);
  EXPECT_GT(largest_error(made, run(*expected(false, false), context)), 1e-2) << "the products have no effect";
}

TEST_F(ControlLoras, FollowTheModelsOwnChanges) {
  const ModelHandle patched = with_patch(model_, weight_patch(std::make_shared<const Doubling>()));
  const int64_t context = unet_of(model_).config.context_dim;
  const auto made = run(*for_model(load(), patched).net->get(), context);
  EXPECT_LT(largest_error(made, run(*expected(true), context)), 1e-5);
  EXPECT_GT(largest_error(made, run(*expected(false), context)), 1e-3) << "the model's change has no effect";
}

TEST_F(ControlLoras, AChainGetsItsNetworksOnce) {
  ControlLink first, second;
  first.net = load();
  second.previous = std::make_shared<const ControlLink>(first);
  const auto chain = std::make_shared<const ControlLink>(second), plain = std::make_shared<const ControlLink>();
  ControlsForModel with_networks(model_);
  const ControlLinkPtr made = with_networks(chain);
  EXPECT_NE(made, chain);
  EXPECT_TRUE(made->previous->net.net);
  EXPECT_EQ(with_networks(chain), made) << "entries that shared a chain share it still";
  EXPECT_EQ(with_networks(plain), plain);
  EXPECT_EQ(with_networks(nullptr), nullptr);
}

TEST_F(ControlLoras, RefuseOtherModelsAndDamagedFiles) {
  const ControlNetHandle loaded = load();
  const ModelHandle sdxl = load_unet(
      formats::open_model_file(tiny_models_dir() / "checkpoints/sd_xl_base_1.0.safetensors"), residency_, DType::kF32);
  const auto misfit = control_mismatch(loaded, sdxl);
  ASSERT_TRUE(misfit);
  EXPECT_NE(std::string(misfit->what()).find("sd_xl_base_1.0"), std::string::npos);
  EXPECT_THROW(for_model(loaded, sdxl), Error);

  const StoredTensors good = tensors_;
  const auto without = [&](const std::string& missing) {
    tensors_ = StoredTensors();
    for (const auto& [name, tensor] : good)
      if (name != missing) tensors_.set(name, tensor);
  };
  for (const std::string& missing : {std::string(kProjection) + ".up", std::string(kConvolution) + ".down",
                                     std::string("zero_convs.0.0.weight"), std::string("middle_block_out.0.weight")}) {
    without(missing);
    EXPECT_THROW(load(), Error) << missing;
  }
  without("zero_convs.3.0.weight");
  EXPECT_THROW(for_model(load(), model_), Error) << "found only together with the model";
  tensors_ = good;
  tensors_.set(std::string(kProjection) + ".down", Tensor::zeros({3, 5}));
  EXPECT_THROW(load(), Error);
}

// A whole ControlNet, of which what the model has as well is stored as the difference.
TEST_F(ControlLoras, DifferencesAreAddedToTheModel) {
  const StoredTensors control = formats::read_safetensors(
      MappedFile::open(tiny_models_dir() / "controlnet/control_v11p_sd15_canny_fp16.safetensors"));
  const UNetModel& unet = unet_of(model_);
  auto whole = std::make_shared<StoredTensors>();
  tensors_ = StoredTensors();
  tensors_.set("difference", Tensor::zeros({1}));
  for (const auto& [name, tensor] : control) {
    const std::string inner = name.substr(name.find('.') + 1);
    const StoredTensor* below = unet.source->tensors->find(unet.source->prefix() + inner);
    whole->set(inner, tensor.decoded());
    tensors_.set("control_model." + inner, below && below->shape() == tensor.shape()
                                               ? StoredTensor(ops::add(tensor.decoded(), below->decoded(), -1.0f))
                                               : StoredTensor(tensor.decoded()));
  }
  EXPECT_THROW(load(), Error) << "without the model";
  const ControlNetHandle loaded = load_controlnet(formats::open_model_file(path_), residency_, DType::kF32, &model_);
  const int64_t context = unet.config.context_dim;
  const auto expected = run(*make_controlnet(nn::Weights(whole, DType::kF32, "whole")), context);
  EXPECT_LT(largest_error(run(*loaded.net->get(), context), expected), 1e-5);
}

}  // namespace
}  // namespace easel::models
