#include "models/control/controlnet.h"

#include <gtest/gtest.h>

#include "models/checkpoint/checkpoint.h"
#include "models/sd/variants.h"
#include "models/unet/unet_source.h"
#include "models_support.h"
#include "numbers_support.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::max_difference;
using testing::relative_error;

const char* const kCanny = "controlnet/control_v11p_sd15_canny_fp16.safetensors";
const char* const kSd15 = "checkpoints/v1-5-pruned-emaonly.safetensors";

TEST(ControlNet, AgreesWithReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = load_golden("unet.safetensors");
  memory::Residency residency;
  for (const auto& [compute, tolerance] : {std::pair{DType::kF32, 1e-5}, std::pair{DType::kBF16, 3e-2}}) {
    const auto net =
        load_controlnet(formats::open_model_file(tiny_models_dir() / kCanny), residency, compute).net->get();
    ControlInputs in;
    in.x = to_channels_last(*golden.find("unet.sd15.x"));
    in.timesteps = to_vector(*golden.find("unet.sd15.t"));
    in.context = net->project(*golden.find("unet.sd15.context"));
    const PreparedHint hint = net->prepare(to_channels_last(*golden.find("controlnet.hint")), in.x.dim(1), in.x.dim(2));
    const ControlResiduals out = net->forward(hint, in);
    ASSERT_EQ(out.output.size(), 12u);
    ASSERT_EQ(out.middle.size(), 1u);
    for (size_t i = 0; i < 13; ++i) {
      const Tensor expected = to_channels_last(*golden.find("controlnet.out." + std::to_string(i)));
      EXPECT_LE(relative_error(i < 12 ? out.output[i] : out.middle[0], expected), tolerance) << i;
    }
  }
}

struct Loaded {
  std::shared_ptr<const ControlNet> net;
  PreparedHint hint;
  ControlInputs in;
};

Loaded load_with_inputs(const std::filesystem::path& path, memory::Residency& residency, int64_t batch = 1) {
  Loaded out;
  const ControlNetHandle handle = load_controlnet(formats::open_model_file(path), residency, DType::kF32);
  out.net = handle.net->get();
  out.in.x = made_up({batch, 6, 5, 4}, 1);
  out.in.timesteps.assign(static_cast<size_t>(batch), 500.0f);
  out.in.context = out.net->project(made_up({batch, 5, std::max<int64_t>(1, handle.context_dim)}, 2));
  out.hint = out.net->prepare(ops::affine(made_up({1, 48, 40, 3}, 6), 0.5f, 0.5f), 6, 5);
  return out;
}

TEST(ControlNet, KnownValues) {
  memory::Residency residency;
  const Loaded l = load_with_inputs(tiny_models_dir() / kCanny, residency);
  const ControlResiduals out = l.net->forward(l.hint, l.in);
  expect_values(out.output[0], {-0.3119099, 0.2549801, 0.6224706, 0.1774683, -0.5375435, -0.5554007}, 17.012769);
  expect_values(out.output[5], {1.552048, 2.986405, 0.4001433, 0.1031921, -0.4597519, 5.311414}, 62.790097);
  expect_values(out.middle[0], {-0.7686102, 1.922228, -1.684798, 0.09041449, 1.416152, -0.03739517}, 22.581225);
}

TEST(ControlNet, StrengthZeroChangesNoBit) {
  memory::Residency residency;
  const Checkpoint checkpoint =
      load_checkpoint(formats::open_model_file(tiny_models_dir() / kSd15), residency, DType::kF32);
  const auto unet = unet_of(checkpoint.model).weights->get();
  UNetInputs in;
  in.x = made_up({1, 6, 5, 4}, 1);
  in.timesteps = {500.0f};
  in.context = unet->project(made_up({1, 5, unet->config().context_dim}, 2));
  const Tensor plain = unet->forward(in);
  for (const char* file : {kCanny, "controlnet/t2iadapter_canny_sd14v1.pth"}) {
    Loaded l = load_with_inputs(tiny_models_dir() / file, residency);
    const ControlResiduals nothing = merge_control(l.net->forward(l.hint, l.in), 0.0f, nullptr);
    in.control = &nothing;
    EXPECT_EQ(max_difference(unet->forward(in), plain), 0) << file;
    const ControlResiduals some = merge_control(l.net->forward(l.hint, l.in), 0.5f, nullptr);
    in.control = &some;
    EXPECT_GT(relative_error(unet->forward(in), plain), 1e-3) << file;
  }
}

TEST(ControlNet, PicturesRepeatOverTheRowsOfEachChunk) {
  ControlInputs in;
  in.x = Tensor::zeros({6, 2, 2, 4});
  in.chunks = 2;
  const auto rows = [&](int64_t pictures) {
    Tensor t({pictures, 1, 1, 1});
    for (int64_t i = 0; i < pictures; ++i) t.f32()[i] = static_cast<float>(i);
    const Tensor out = hint_rows(t, in);
    return std::vector<float>(out.values().begin(), out.values().end());
  };
  EXPECT_EQ(rows(1), (std::vector<float>{0}));
  EXPECT_EQ(rows(2), (std::vector<float>{0, 1, 0, 0, 1, 0}));
  EXPECT_EQ(rows(3), (std::vector<float>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(rows(5), (std::vector<float>{0, 1, 2, 0, 1, 2}));
}

TEST(ControlNet, ResidualsOfAChainAdd) {
  const auto one = [](float v) { return Tensor::full({1, 1, 1, 2}, v); };
  ControlResiduals previous, own;
  previous.output = {one(1), Tensor(), one(3), one(4)};
  previous.input = {one(5)};
  previous.middle = {one(6)};
  own.output = {one(10), one(20), Tensor()};
  own.input = {one(50), one(60)};
  const ControlResiduals sum = merge_control(own, 0.5f, &previous);
  const auto value = [](const Tensor& t) { return t.defined() ? t.f32()[0] : -1.0f; };
  ASSERT_EQ(sum.output.size(), 4u);
  EXPECT_EQ(value(sum.output[0]), 6);
  EXPECT_EQ(value(sum.output[1]), 10);
  EXPECT_EQ(value(sum.output[2]), 3);
  EXPECT_EQ(value(sum.output[3]), 4);
  ASSERT_EQ(sum.input.size(), 2u);  // aligned at the last input block
  EXPECT_EQ(value(sum.input[0]), 25);
  EXPECT_EQ(value(sum.input[1]), 35);
  ASSERT_EQ(sum.middle.size(), 1u);
  EXPECT_EQ(value(sum.middle[0]), 6);
  EXPECT_EQ(value(own.output[0]), 10) << "the inputs stay as they are";
}

TEST(ControlNet, EveryPublishedLayoutLoads) {
  memory::Residency residency;
  struct Case {
    const char* file;
    bool t2i;
    const Family* family;
    size_t input, middle, output;
  };
  for (const Case& c : {Case{"sd15_canny_diffusers.safetensors", false, &sd::kSd1.family, 0, 1, 12},
                        Case{"sdxl_canny_original.safetensors", false, &sd::kSdxl.family, 0, 1, 9},
                        Case{"diffusers_xl_canny_full.safetensors", false, &sd::kSdxl.family, 0, 1, 9},
                        Case{"diffusers_xl_canny_mid.safetensors", false, &sd::kSdxl.family, 0, 1, 9},
                        Case{"t2iadapter_canny_sd14v1.pth", true, &sd::kSd1.family, 12, 0, 0},
                        Case{"t2iadapter_color_sd14v1.pth", true, &sd::kSd1.family, 12, 0, 0},
                        Case{"t2i-adapter_xl_canny.safetensors", true, &sd::kSdxl.family, 10, 1, 0}}) {
    const auto path = tiny_models_dir() / "controlnet" / c.file;
    const ControlNetHandle handle = load_controlnet(formats::open_model_file(path), residency, DType::kF32);
    EXPECT_EQ(handle.t2i_adapter, c.t2i) << c.file;
    EXPECT_EQ(handle.family, c.family) << c.file;
    Loaded l = load_with_inputs(path, residency, 2);
    if (handle.adm_channels > 0) l.in.y = made_up({2, handle.adm_channels}, 3);
    const ControlResiduals out = l.net->forward(l.hint, l.in);
    EXPECT_EQ(out.input.size(), c.input) << c.file;
    EXPECT_EQ(out.middle.size(), c.middle) << c.file;
    EXPECT_EQ(out.output.size(), c.output) << c.file;
  }
  // The two layouts of one network are the same network.
  const auto a = control_tensors(*formats::open_model_file(tiny_models_dir() / kCanny).tensors).tensors;
  const auto b =
      control_tensors(
          *formats::open_model_file(tiny_models_dir() / "controlnet/sd15_canny_diffusers.safetensors").tensors)
          .tensors;
  for (const auto& [name, tensor] : *a) {
    ASSERT_TRUE(b->contains(name)) << name;
    EXPECT_EQ(b->find(name)->shape(), tensor.shape()) << name;
  }
}

// A ControlNet of SDXL with what one for six kinds of hints has beside it, as published.
StoredTensors union_file() {
  StoredTensors file =
      *formats::open_model_file(tiny_models_dir() / "controlnet/sdxl_canny_original.safetensors").tensors;
  const std::string prefix = "control_model.";
  const int64_t c = file.find(prefix + "input_blocks.0.0.weight")->dim(0);
  const int64_t e = file.find(prefix + "time_embed.2.weight")->dim(0);
  const std::string block = "transformer_layes.0.";
  double phase = 0;
  const auto put = [&](const std::string& name, const Shape& shape, float scale) {
    file.set(prefix + name, ops::affine(sines(shape, phase++), scale));
  };
  put("task_embedding", {6, c}, 0.5f);
  put(block + "attn.in_proj_weight", {3 * c, c}, 0.1f);
  put(block + "attn.in_proj_bias", {3 * c}, 0.1f);
  put(block + "attn.out_proj.weight", {c, c}, 0.1f);
  put(block + "attn.out_proj.bias", {c}, 0.1f);
  put(block + "ln_1.weight", {c}, 1);
  put(block + "ln_1.bias", {c}, 0.1f);
  put(block + "mlp.c_fc.weight", {4 * c, c}, 0.1f);
  put(block + "mlp.c_fc.bias", {4 * c}, 0.1f);
  put(block + "mlp.c_proj.weight", {c, 4 * c}, 0.1f);
  put(block + "mlp.c_proj.bias", {c}, 0.1f);
  put(block + "ln_2.weight", {c}, 1);
  put(block + "ln_2.bias", {c}, 0.1f);
  put("spatial_ch_projs.weight", {c, c}, 0.1f);
  put("spatial_ch_projs.bias", {c}, 0.1f);
  put("control_add_embedding.linear_1.weight", {e, 96}, 0.1f);
  put("control_add_embedding.linear_1.bias", {e}, 0.1f);
  put("control_add_embedding.linear_2.weight", {e, e}, 0.1f);
  put("control_add_embedding.linear_2.bias", {e}, 0.1f);
  return file;
}

TEST(ControlNet, AUnionNetworkIsToldTheKindOfItsPicture) {
  const auto tensors = control_tensors(union_file()).tensors;
  const nn::Weights weights(tensors, DType::kF32, "union");
  EXPECT_EQ(count_hint_kinds(weights), 6);
  const auto net = make_controlnet(weights);
  ControlInputs in{.x = made_up({2, 8, 6, 4}, 1),
                   .timesteps = {300, 300},
                   .context = net->project(made_up({2, 77, 384}, 2)),
                   .y = made_up({2, 1792}, 3)};
  const Tensor picture = ops::affine(made_up({1, 64, 48, 3}, 6), 0.5f, 0.5f);
  const ControlResiduals any = net->forward(net->prepare(picture, 8, 6), in);
  expect_summary(any.output[0], {{0.3734731f, -0.867124f, -0.7355848f, -0.5587681f}, 0.52084874}, 2e-6);
  expect_summary(any.middle[0], {{-1.925576f, -0.9491976f, 0.3890064f, -1.503f}, 6.2729042}, 1e-4);
  const ControlResiduals canny = net->forward(net->prepare(picture, 8, 6, 3), in);
  expect_summary(canny.output[0], {{0.2375652f, -1.189531f, -0.8714929f, 0.3134118f}, 0.86898006}, 2e-6);
  expect_summary(canny.middle[0], {{0.7153547f, -11.32675f, -0.4284129f, -6.979718f}, 6.3915328}, 1e-4);
}

TEST(ControlNet, AUnionNetworkIsCheckedCompletely) {
  const StoredTensors good = union_file();
  for (const auto& [name, tensor] : good) {
    if (name.find("block") != std::string::npos && name.find("transformer_layes") == std::string::npos) continue;
    if (name.find("zero_convs") != std::string::npos || name.ends_with("task_embedding")) continue;
    StoredTensors bad;
    for (const auto& [other, kept] : good)
      if (other != name) bad.set(other, kept);
    EXPECT_THROW(
        check_control_net(nn::Weights(control_tensors(bad).tensors, DType::kF32, "bad"), ControlKind::kControlNet),
        Error)
        << name;
    bad = good;
    bad.set(name, Tensor::zeros({3, 5}));
    EXPECT_THROW(make_controlnet(nn::Weights(control_tensors(bad).tensors, DType::kF32, "bad")), Error) << name;
  }
}

TEST(ControlNet, MismatchesAreToldInOneSentence) {
  memory::Residency residency;
  const auto model = [&](const char* file) {
    return load_unet(formats::open_model_file(tiny_models_dir() / "checkpoints" / file), residency, DType::kF32);
  };
  const auto control = [&](const char* file) {
    return load_controlnet(formats::open_model_file(tiny_models_dir() / "controlnet" / file), residency, DType::kF32);
  };
  const ModelHandle sd15 = model("v1-5-pruned-emaonly.safetensors"), sdxl = model("sd_xl_base_1.0.safetensors"),
                    ssd = model("SSD-1B.safetensors"), inpainting = model("sd-v1-5-inpainting.safetensors");
  const ControlNetHandle canny = control("control_v11p_sd15_canny_fp16.safetensors"),
                         xl = control("sdxl_canny_original.safetensors"), t2i = control("t2iadapter_canny_sd14v1.pth"),
                         t2i_xl = control("t2i-adapter_xl_canny.safetensors");
  for (const auto& [c, m] :
       {std::pair{&canny, &sd15}, {&canny, &inpainting}, {&xl, &sdxl}, {&xl, &ssd}, {&t2i, &sd15}, {&t2i_xl, &sdxl}})
    EXPECT_FALSE(control_mismatch(*c, *m));
  EXPECT_STREQ(
      control_mismatch(canny, sdxl).value().what(),
      "The ControlNet control_v11p_sd15_canny_fp16.safetensors is made for a text context of width 128 (SD 1.x), "
      "but the model sd_xl_base_1.0.safetensors has 384 (SDXL). Use a ControlNet made for SDXL");
  for (const auto& [c, m] : {std::pair{&xl, &sd15}, {&t2i, &sdxl}, {&t2i_xl, &sd15}}) {
    const std::string sentence = control_mismatch(*c, *m).value().what();
    EXPECT_NE(sentence.find(c->file), std::string::npos) << sentence;
    EXPECT_NE(sentence.find(m->file), std::string::npos) << sentence;
    EXPECT_NE(sentence.find(family_name(&m->family())), std::string::npos) << sentence;
  }
}

TEST(ControlNet, OtherFilesAreRefused) {
  memory::Residency residency;
  EXPECT_THROW(
      load_controlnet(formats::open_model_file(tiny_models_dir() / "vae/sdxl_vae.safetensors"), residency, DType::kF32),
      Error);
  EXPECT_THROW(load_controlnet(formats::open_model_file(tiny_models_dir() / kSd15), residency, DType::kF32), Error);
  StoredTensors control_lora;
  control_lora.set("lora_controlnet", Tensor::zeros({1}));
  EXPECT_EQ(control_tensors(control_lora).kind, ControlKind::kControlLora);
  EXPECT_EQ(control_tensors(StoredTensors()).kind, ControlKind::kNone);
}

}  // namespace
}  // namespace easel::models
