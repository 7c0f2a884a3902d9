#include "models/unet/unet.h"

#include <gtest/gtest.h>

#include <random>

#include "image/scale/resize.h"
#include "models/checkpoint/diffusers_keys.h"
#include "models/unet/block_hooks.h"
#include "ops/elementwise.h"
#include "support/golden.h"
#include "unet_support.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::max_difference;
using testing::relative_error;

class UNetGolden : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(UNetGolden, AgreesWithReference) {
  EASEL_NEEDS_SHARED();
  const auto& [name, file] = GetParam();
  const TensorMap golden = load_golden("unet.safetensors");
  const std::string key = std::string("unet.") + name + ".";
  for (const auto& [compute, tolerance] : {std::pair{DType::kF32, 1e-5}, std::pair{DType::kBF16, 3e-2}}) {
    const UNet unet(tiny_weights(file, compute)["model"]["diffusion_model"]);
    UNetInputs in;
    in.x = to_channels_last(*golden.find(key + "x"));
    in.timesteps = to_vector(*golden.find(key + "t"));
    in.context = unet.project(*golden.find(key + "context"));
    if (const Tensor* y = golden.find(key + "y")) in.y = *y;
    const double error = relative_error(unet.forward(in), to_channels_last(*golden.find(key + "out")));
    RecordProperty(dtype_name(compute) == "F32" ? "error_f32" : "error_bf16", std::to_string(error));
    EXPECT_LE(error, tolerance) << dtype_name(compute);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, UNetGolden,
                         ::testing::Values(std::pair{"sd15", "checkpoints/v1-5-pruned-emaonly.safetensors"},
                                           std::pair{"unclip_h", "checkpoints/sd21-unclip-h.ckpt"},
                                           std::pair{"sdxl", "checkpoints/sd_xl_base_1.0.safetensors"},
                                           std::pair{"refiner", "checkpoints/sd_xl_refiner_1.0.safetensors"}),
                         [](const auto& family) { return std::string(family.param.first); });

const char* const kSd15 = "checkpoints/v1-5-pruned-emaonly.safetensors";

// The reference's values for the same inputs, of an odd size that every level rounds differently.
TEST(UNet, KnownValues) {
  const UNet sd15(tiny_weights(kSd15, DType::kF32)["model"]["diffusion_model"]);
  expect_values(sd15.forward(made_up_inputs(sd15, {1, 7, 5, 4})),
                {-0.09874551, 0.02317728, 0.009085797, -0.02448148, 0.09158233, -0.1696885}, 2.0254254);
  const UNet sdxl(tiny_weights("checkpoints/sd_xl_base_1.0.safetensors", DType::kF32)["model"]["diffusion_model"]);
  expect_values(sdxl.forward(made_up_inputs(sdxl, {1, 7, 5, 4})),
                {-0.008694562, 0.03591102, -0.005591457, -0.0257721, 0.1078803, -0.02710895}, 1.8045335);
}

TEST(UNet, ConfigurationsOfTheFamilies) {
  const auto config = [](const char* file) {
    return read_unet_config(tiny_weights(file, DType::kF32)["model"]["diffusion_model"]);
  };
  const UNetConfig sd15 = config(kSd15);
  EXPECT_EQ(sd15.num_heads, 8);
  EXPECT_FALSE(sd15.linear_projections);
  EXPECT_EQ(sd15.res_blocks, (std::vector<int>{2, 2, 2, 2}));
  EXPECT_EQ(sd15.input_depth, (std::vector<int>{0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(sd15.output_depth, (std::vector<int>{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(sd15.middle_depth, 1);
  const UNetConfig sdxl = config("checkpoints/sd_xl_base_1.0.safetensors");
  EXPECT_EQ(sdxl.head_channels, 64);
  EXPECT_EQ(sdxl.num_heads, 0);
  EXPECT_EQ(sdxl.input_depth, (std::vector<int>{0, 0, 0, 0, 2, 2, 0, 10, 10}));
  EXPECT_EQ(sdxl.middle_depth, 10);
  const UNetConfig ssd = config("checkpoints/SSD-1B.safetensors");
  EXPECT_EQ(ssd.middle_depth, -1);
  EXPECT_EQ(ssd.output_depth, (std::vector<int>{4, 4, 10, 2, 1, 1, 0, 0, 0}));
  EXPECT_EQ(config("checkpoints/sd-v1-5-inpainting.safetensors").in_channels, 9);
}

// Every kind of UNet runs.
TEST(UNet, BatchEqualsSingleRuns) {
  for (const char* file : {kSd15, "checkpoints/sd-v1-5-inpainting.safetensors", "checkpoints/SSD-1B.safetensors",
                           "checkpoints/segmind-vega.safetensors", "checkpoints/v2-1_768-ema-pruned.ckpt"}) {
    const UNet unet(tiny_weights(file, DType::kF32)["model"]["diffusion_model"]);
    const Tensor together = expect_rows_do_not_depend_on_one_another(unet, file);
    EXPECT_EQ(together.shape(), (Shape{2, 9, 6, unet.config().out_channels})) << file;
  }
}

TEST(UNet, OneContextServesTheWholeBatch) {
  const UNet unet(tiny_weights(kSd15, DType::kF32)["model"]["diffusion_model"]);
  UNetInputs in = made_up_inputs(unet, {2, 8, 8, 4});
  const Tensor one = in.context->context.slice(0, 0, 1);
  in.context = unet.project(ops::repeat(one, 2));
  const Tensor repeated = unet.forward(in);
  in.context = unet.project(one);
  EXPECT_LE(relative_error(unet.forward(in), repeated), 1e-6);
}

TEST(UNet, DiffusersLayoutIsTheSameModel) {
  const auto file = formats::open_model_file(tiny_models_dir() / "unet/sd15_diffusers.safetensors");
  ASSERT_TRUE(is_diffusers_unet(*file.tensors));
  const UNet unet(nn::Weights(original_unet_tensors(*file.tensors), DType::kF32, "x"));
  EXPECT_EQ(unet.config().input_depth, (std::vector<int>{0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(unet.forward(made_up_inputs(unet, {1, 8, 8, 4})).shape(), (Shape{1, 8, 8, 4}));
}

// Notes the sites it is called at; adds to the output when told to.
class NotingHook : public AttentionHook {
 public:
  Tensor after_cross_attention(const AttentionSite& site, const StepInfo& step, const Tensor& q,
                               const Tensor& out) const override {
    sites.push_back(site);
    EXPECT_EQ(q.shape(), out.shape());
    EXPECT_EQ(q.dim(1), site.height * site.width);
    EXPECT_EQ(step.sigma, 3.0f);
    return amount == 0 ? out : ops::affine(out, 1.0f, amount);
  }
  mutable std::vector<AttentionSite> sites;
  float amount = 0;
};

TEST(UNet, HooksSeeEveryCrossAttention) {
  const UNet unet(tiny_weights(kSd15, DType::kF32)["model"]["diffusion_model"]);
  UNetInputs in = made_up_inputs(unet, {1, 8, 8, 4});
  const Tensor plain = unet.forward(in);
  auto hook = std::make_shared<NotingHook>();
  const std::vector<AttentionHookPtr> hooks = {hook};
  in.hooks = hooks;
  in.step.sigma = 3.0f;
  EXPECT_EQ(max_difference(unet.forward(in), plain), 0) << "a hook that returns its input changes nothing";
  ASSERT_EQ(hook->sites.size(), 16u);
  ASSERT_EQ(in.context->layers.size(), 16u);
  // Called in the order of the network, numbered in the order of adapters: input, output, middle.
  const std::vector<int> order = {0, 1, 2, 3, 4, 5, 15, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(hook->sites[i].index, order[i]);
  EXPECT_EQ(hook->sites[0].block, BlockKind::kInput);
  EXPECT_EQ(hook->sites[0].block_index, 1);
  EXPECT_EQ(hook->sites[6].block, BlockKind::kMiddle);
  EXPECT_EQ(hook->sites[15].block, BlockKind::kOutput);
  EXPECT_EQ(hook->sites[15].block_index, 11);
  EXPECT_EQ(hook->sites[15].heads, 8);
  hook->amount = 0.1f;
  EXPECT_GT(relative_error(unet.forward(in), plain), 1e-3);
}

TEST(UNet, MisfitsAreNamed) {
  const UNet unet(tiny_weights(kSd15, DType::kF32)["model"]["diffusion_model"]);
  const auto fault_of = [](auto&& call) {
    try {
      call();
    } catch (const Error& e) {
      EXPECT_FALSE(e.message().empty());
      return e.fault();
    }
    return Fault::kInternal;
  };
  EXPECT_EQ(fault_of([&] { unet.project(made_up({1, 5, 64}, 1)); }), Fault::kMismatch);
  UNetInputs in = made_up_inputs(unet, {1, 8, 8, 4});
  in.x = made_up({1, 8, 8, 9}, 1);
  EXPECT_EQ(fault_of([&] { unet.forward(in); }), Fault::kMismatch);
  in = made_up_inputs(unet, {1, 8, 8, 4});
  in.y = made_up({1, 16}, 1);
  EXPECT_EQ(fault_of([&] { unet.forward(in); }), Fault::kMismatch);
  in = made_up_inputs(unet, {1, 8, 8, 4});
  ControlResiduals control;
  control.output.push_back(made_up({1, 8, 8, 16}, 1));
  in.control = &control;
  EXPECT_EQ(fault_of([&] { unet.forward(in); }), Fault::kMismatch);
}

TEST(UNet, ControlForAMapOfAnotherSizeIsLeftOut) {
  const UNet unet(tiny_weights(kSd15, DType::kF32)["model"]["diffusion_model"]);
  UNetInputs in = made_up_inputs(unet, {1, 8, 8, 4});
  const Tensor plain = unet.forward(in);
  ControlResiduals control;
  control.output.push_back(made_up({1, 4, 8, 32}, 1));
  in.control = &control;
  EXPECT_EQ(max_difference(unet.forward(in), plain), 0);
}

TEST(UNet, MemoryEstimateCoversWhatIsUsed) {
  for (const DType compute : {DType::kF32, DType::kBF16})
    for (const char* file : {kSd15, "checkpoints/sd_xl_base_1.0.safetensors"}) {
      const UNet unet(tiny_weights(file, compute)["model"]["diffusion_model"]);
      const UNetInputs in = made_up_inputs(unet, {2, 48, 40, 4});
      unet.forward(in);  // threads get memory of their own
      trim_pool();
      const size_t before = pool_stats().live_bytes;
      unet.forward(in);
      const PoolStats after = pool_stats();
      const size_t used = after.live_bytes + after.cached_bytes - before;
      const size_t estimate = unet_memory_estimate(unet.config(), compute, 2, 48, 40);
      EXPECT_LE(used, estimate) << file << " " << dtype_name(compute);
      EXPECT_GE(3 * used, estimate) << file << " " << dtype_name(compute);
    }
}

// Maps are made smaller and larger by ops, as pictures are by image::resize().
TEST(DeepShrink, ResizesAsPicturesAre) {
  using image::ResizeMethod;
  std::mt19937 numbers(5);
  std::normal_distribution<float> normal;
  Tensor h({2, 9, 14, 5});
  for (float& v : h.values()) v = normal(numbers);
  for (const ResizeMethod method : {ResizeMethod::kNearestExact, ResizeMethod::kBilinear, ResizeMethod::kArea,
                                    ResizeMethod::kBicubic, ResizeMethod::kBislerp}) {
    const BlockHookPtr hook =
        deep_shrink({.block = 1, .factor = 1.7, .first_sigma = 10, .after_skip = false, .down = method, .up = method});
    StepInfo step;
    step.sigma = 3;
    const Tensor small = hook->before_skip(1, step, h);
    ASSERT_EQ(small.shape(), (Shape{2, 5, 8, 5}));
    EXPECT_LE(relative_error(small, image::resize(h, {8, 5}, method)), 1e-6) << static_cast<int>(method);
    Tensor back = small, skip = h;
    hook->before_output(step, back, skip);
    ASSERT_EQ(back.shape(), h.shape());
    EXPECT_LE(relative_error(back, image::resize(small, {14, 9}, method)), 1e-6) << static_cast<int>(method);
    EXPECT_EQ(max_difference(hook->before_skip(0, step, h), h), 0.0);
  }
}

}  // namespace
}  // namespace easel::models
