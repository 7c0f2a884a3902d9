#include "models/checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "models/checkpoint/diffusers_keys.h"
#include "models/diffusion_model.h"
#include "models/sd/detect.h"
#include "models/unet/unet_source.h"
#include "models/vae/vae.h"
#include "models/vision/clip_vision.h"
#include "models_support.h"
#include "ops/cpu/weight_memory.h"

namespace easel::models {
namespace {

struct Expected {
  const char* file;
  const Family* family;
  sampling::Prediction prediction;
  const char* text;
  bool vision;
};

void PrintTo(const Expected& c, std::ostream* out) { *out << c.file; }

class Checkpoints : public ::testing::TestWithParam<Expected> {};

TEST_P(Checkpoints, AreToldFromTheirKeys) {
  const Expected& e = GetParam();
  memory::Residency residency;
  const Checkpoint c = load_checkpoint(formats::open_model_file(tiny_models_dir() / e.file), residency, DType::kF32);
  EXPECT_EQ(&c.model.family(), e.family) << family_name(&c.model.family());
  EXPECT_EQ(c.model.sampling->prediction(), e.prediction);
  ASSERT_TRUE(c.text);
  EXPECT_EQ(c.text->description(), e.text);
  EXPECT_EQ(c.text->context_dim(), unet_of(c.model).config.context_dim);
  ASSERT_TRUE(c.vae);
  EXPECT_EQ(c.vae->latents, &c.model.latents());
  EXPECT_EQ(c.clip_vision.has_value(), e.vision);
  EXPECT_EQ(residency.loaded_bytes(), 0u) << "nothing may be packed before it is used";
  if (c.model.net->takes().image_width > 0 && c.clip_vision) {
    EXPECT_EQ(c.model.net->takes().image_width, c.clip_vision->projection_dim);
  }
  for (const std::string& name : c.unused) EXPECT_EQ(name.find("diffusion_model"), std::string::npos) << name;
}

INSTANTIATE_TEST_SUITE_P(Families, Checkpoints,
                         ::testing::Values(Expected{"checkpoints/v1-5-pruned-emaonly.safetensors", &sd::kSd1.family,
                                                    sampling::Prediction::kEps, "CLIP-L", false},
                                           Expected{"checkpoints/sd21-unclip-h.ckpt", &sd::kUnclipH.family,
                                                    sampling::Prediction::kV, "OpenCLIP-H", true},
                                           Expected{"checkpoints/sd21-unclip-l.ckpt", &sd::kUnclipL.family,
                                                    sampling::Prediction::kV, "OpenCLIP-H", true},
                                           Expected{"checkpoints/sd_xl_base_1.0.safetensors", &sd::kSdxl.family,
                                                    sampling::Prediction::kEps, "CLIP-L and OpenCLIP-bigG", false},
                                           Expected{"checkpoints/sd_xl_refiner_1.0.safetensors", &sd::kRefiner.family,
                                                    sampling::Prediction::kEps, "OpenCLIP-bigG", false}));

// A copy of a checkpoint with changed tensors, written where the test may write.
class Changed : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("easel-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const StoredTensors& tensors) {
    const auto path = folder_ / "changed.safetensors";
    formats::write_safetensors(path, tensors);
    return path;
  }
  static StoredTensors sd15() {
    return *formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors").tensors;
  }
  static StoredTensors without(const StoredTensors& all, const std::string& prefix) {
    StoredTensors out;
    for (const auto& [name, tensor] : all)
      if (!name.starts_with(prefix)) out.set(name, tensor);
    return out;
  }
  std::string error_of(const StoredTensors& tensors) {
    try {
      load_checkpoint(formats::open_model_file(write(tensors)), residency_, DType::kF32);
    } catch (const Error& e) {
      EXPECT_EQ(e.file(), "changed.safetensors");
      fault_ = e.fault();
      return e.message();
    }
    return "";
  }

  std::filesystem::path folder_;
  memory::Residency residency_;
  Fault fault_ = Fault::kInternal;  // of the last error_of()
};

TEST_F(Changed, MissingTensorsAreNamedAndCounted) {
  const std::string unet = "model.diffusion_model.";
  EXPECT_EQ(error_of(without(sd15(), unet + "input_blocks.4.0.emb_layers.1.bias")),
            "1 tensor is missing, the first is 'model.diffusion_model.input_blocks.4.0.emb_layers.1.bias'");
  EXPECT_EQ(error_of(without(sd15(), unet + "input_blocks.4.0.in_layers.2.weight")),
            "1 tensor is missing, the first is 'model.diffusion_model.input_blocks.4.0.in_layers.2.weight'");
  EXPECT_NE(error_of(without(sd15(), unet + "output_blocks.7.")).find("the first is '" + unet + "output_blocks.7.0."),
            std::string::npos);
  EXPECT_NE(error_of(without(sd15(), unet + "middle_block.2.")).find(unet + "middle_block.2."), std::string::npos);
  EXPECT_NE(error_of(without(sd15(), unet + "input_blocks.11.")).find(unet + "input_blocks.11."), std::string::npos);
  EXPECT_NE(error_of(without(sd15(), "first_stage_model.decoder.mid.")).find("decoder.mid."), std::string::npos);
}

TEST_F(Changed, OtherKeysAreListed) {
  StoredTensors all = sd15();
  const Tensor value = Tensor::zeros({4});
  for (const char* name : {"model_ema.diffusion_modelinput_blocks00weight", "model_ema.decay", "betas",
                           "model.diffusion_model.unheard_of.weight", "first_stage_model.loss.logvar"})
    all.set(name, value);
  const Checkpoint c = load_checkpoint(formats::open_model_file(write(all)), residency_, DType::kF32);
  for (const char* name : {"model_ema.diffusion_modelinput_blocks00weight", "model_ema.decay", "betas",
                           "model.diffusion_model.unheard_of.weight", "first_stage_model.loss.logvar"})
    EXPECT_EQ(std::count(c.unused.begin(), c.unused.end(), name), 1) << name;
}

TEST_F(Changed, ContradictoryWidthsAreRefused) {
  StoredTensors all = sd15();
  const std::string name = "model.diffusion_model.input_blocks.2.0.in_layers.2.weight";
  const Shape shape = all.find(name)->shape();
  all.set(name, Tensor::zeros({shape[0], shape[1] + 32, 3, 3}));
  EXPECT_NE(error_of(all).find("input_blocks.2."), std::string::npos) << error_of(all);
}

// Shapes that lie, one at a time: refused when the file is opened, before anything is packed.
TEST_F(Changed, LyingShapesAreRefused) {
  const std::string unet = "model.diffusion_model.", vae = "first_stage_model.";
  const auto grown = [](const Shape& s, int dim) {
    Shape out = s;
    out[dim] += 32;
    return out;
  };
  for (const char* name :
       {"model.diffusion_model.time_embed.2.weight", "model.diffusion_model.input_blocks.1.0.in_layers.0.weight",
        "model.diffusion_model.input_blocks.1.0.emb_layers.1.weight",
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_v.weight",
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.ff.net.2.weight",
        "model.diffusion_model.output_blocks.3.0.skip_connection.weight", "model.diffusion_model.out.0.weight",
        "first_stage_model.encoder.mid.attn_1.k.weight", "first_stage_model.decoder.up.0.block.0.nin_shortcut.weight",
        "first_stage_model.quant_conv.weight"})
    for (const int dim : {0, 1}) {
      StoredTensors all = sd15();
      const StoredTensor* tensor = all.find(name);
      ASSERT_TRUE(tensor) << name;
      if (tensor->rank() <= dim) continue;
      all.set(name, Tensor::zeros(grown(tensor->shape(), dim)));
      EXPECT_FALSE(error_of(all).empty()) << name << " was not noticed in dimension " << dim;
      EXPECT_EQ(fault_, Fault::kBadFile) << name;
    }
  for (const std::string& name : {unet + "input_blocks.3.0.op.weight", vae + "decoder.conv_out.weight"}) {
    StoredTensors all = sd15();
    Shape shape = all.find(name)->shape();
    shape[2] = shape[3] = 5;
    all.set(name, Tensor::zeros(shape));
    EXPECT_FALSE(error_of(all).empty()) << name;
  }
}

TEST_F(Changed, InpaintingWidthIsRead) {
  StoredTensors all = sd15();
  const std::string name = "model.diffusion_model.input_blocks.0.0.weight";
  const StoredTensor* first = all.find(name);
  Tensor wide = Tensor::zeros({first->dim(0), 9, 3, 3});
  all.set(name, wide);
  const Checkpoint c = load_checkpoint(formats::open_model_file(write(all)), residency_, DType::kF32);
  EXPECT_EQ(unet_of(c.model).config.in_channels, 9);
  EXPECT_EQ(&c.model.family(), &sd::kSd1.family);
}

TEST_F(Changed, OtherKindsOfModelsAreNamed) {
  StoredTensors flux;
  flux.set("double_blocks.0.img_attn.qkv.weight", Tensor::zeros({4, 4}));
  EXPECT_EQ(error_of(flux), "a model of another kind: Flux");
  StoredTensors other;
  other.set("weight", Tensor::zeros({4, 4}));
  EXPECT_EQ(error_of(other), "there is no UNet in this file, so it is not a checkpoint");
}

TEST_F(Changed, EqualLoadersShareOneModel) {
  const auto path = tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors";
  const ModelHandle a = load_unet(formats::open_model_file(path), residency_, DType::kF32);
  const Checkpoint b = load_checkpoint(formats::open_model_file(path), residency_, DType::kF32);
  EXPECT_EQ(unet_of(a).weights, unet_of(b.model).weights);
  EXPECT_EQ(load_vae(formats::open_model_file(path), residency_, DType::kF32).vae, b.vae->vae);
  EXPECT_NE(unet_of(load_unet(formats::open_model_file(path), residency_, DType::kBF16)).weights, unet_of(a).weights);
}

// Whatever the path a file is reached by and however often it is opened: it is one file.
TEST_F(Changed, TwoLoadersOfACheckpointPackItsPartsOnce) {
  const auto path = tiny_models_dir() / "checkpoints/sd21-unclip-h.ckpt", link = folder_ / "clip.ckpt";
  std::filesystem::create_symlink(path, link);
  const auto first = std::make_shared<const formats::ModelFile>(formats::open_model_file(path)),
             second = std::make_shared<const formats::ModelFile>(formats::open_model_file(link));
  ASSERT_NE(first->tensors->begin()->second.data(), second->tensors->begin()->second.data());
  const Checkpoint c = load_checkpoint(*first, residency_, DType::kF32);
  const auto clip = load_clip({&second, 1}, residency_, DType::kF32);
  const auto vision = find_clip_vision(residency_, *second->tensors, DType::kF32, "clip.ckpt");
  EXPECT_EQ(vision.model, c.clip_vision->model);
  const EncodedText one = encode_prompt({c.text, nullptr, std::nullopt}, "a lighthouse");
  const size_t loaded = residency_.loaded_bytes();
  EXPECT_GT(loaded, 0u);
  const EncodedText other = encode_prompt({clip, nullptr, std::nullopt}, "a lighthouse");
  EXPECT_EQ(residency_.loaded_bytes(), loaded);
  EXPECT_EQ(to_vector(other.cond), to_vector(one.cond));
  // Changed in the same way, it is one again; changed otherwise, it is not.
  EXPECT_EQ(c.text->key(TextTowerKind::kH), clip->key(TextTowerKind::kH));
  EXPECT_NE(c.text->key(TextTowerKind::kH), load_clip({&second, 1}, residency_, DType::kBF16)->key(TextTowerKind::kH));
}

TEST_F(Changed, EstimatesAreExact) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const char* file : {"checkpoints/v1-5-pruned-emaonly.safetensors", "checkpoints/sd_xl_base_1.0.safetensors"}) {
      const Checkpoint c = load_checkpoint(formats::open_model_file(tiny_models_dir() / file), residency_, compute);
      EXPECT_EQ(unet_of(c.model).weights->estimated_bytes(), unet_of(c.model).weights->get()->bytes()) << file;
      EXPECT_EQ(c.vae->vae->estimated_bytes(), c.vae->vae->get()->bytes()) << file;
    }
  }
}

// What bytes() says is what the weights really take.
TEST_F(Changed, PackedWeightsTakeTheBytesThatTheyReport) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    const Checkpoint c =
        load_checkpoint(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"),
                        residency_, compute);
    const size_t before = ops::cpu::weight_bytes(), model = unet_of(c.model).weights->get()->bytes();
    const size_t packed = ops::cpu::weight_bytes() - before;
    // Each layer's begin on a page of their own, which at these small widths is a part of it.
    EXPECT_GE(packed, model);
    EXPECT_LE(packed, model + (size_t{700} << 12));
  }
}

// The names of the diffusers library, there and back, for every tensor of every UNet.
TEST(DiffusersNames, GoThereAndBack) {
  memory::Residency residency;
  for (const char* file : {"checkpoints/v1-5-pruned-emaonly.safetensors", "checkpoints/sd_xl_base_1.0.safetensors",
                           "checkpoints/sd_xl_refiner_1.0.safetensors"}) {
    const ModelHandle model = load_unet(formats::open_model_file(tiny_models_dir() / file), residency, DType::kF32);
    const DiffusersNames names(unet_of(model).config);
    StoredTensors diffusers;
    const std::string prefix = unet_of(model).source->scope + ".";
    for (const auto& [name, tensor] : *unet_of(model).source->tensors) {
      if (!name.starts_with(prefix)) continue;
      const std::string original = name.substr(prefix.size()), other = names.diffusers(original);
      ASSERT_FALSE(other.empty()) << original;
      EXPECT_EQ(names.original(other), original);
      diffusers.set(other, tensor);
    }
    EXPECT_TRUE(is_diffusers_unet(diffusers));
    const auto back = original_unet_tensors(diffusers);
    for (const auto& [name, tensor] : *unet_of(model).source->tensors) {
      if (!name.starts_with(prefix)) continue;
      const StoredTensor* found = back->find(name.substr(prefix.size()));
      ASSERT_TRUE(found) << name;
      EXPECT_EQ(found->data(), tensor.data()) << name;
    }
  }
  const ModelHandle original =
      load_unet(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"), residency,
                DType::kF32);
  const DiffusersNames sd15(unet_of(original).config);
  EXPECT_EQ(sd15.original("down_blocks.1.attentions.0.proj_in"), "input_blocks.4.1.proj_in");
  EXPECT_EQ(sd15.original("up_blocks.0.upsamplers.0.conv"), "output_blocks.2.1.conv");
  EXPECT_EQ(sd15.original("up_blocks.2.upsamplers.0.conv.bias"), "output_blocks.8.2.conv.bias");
  EXPECT_EQ(sd15.original("mid_block.resnets.1.time_emb_proj.weight"), "middle_block.2.emb_layers.1.weight");
}

// SDXL with the tensors by which ComfyUI tells its kin apart.
class SdxlKin : public ::testing::Test {
 protected:
  Checkpoint load(const std::map<std::string, Tensor>& markers) {
    const formats::ModelFile base =
        formats::open_model_file(tiny_models_dir() / "checkpoints/sd_xl_base_1.0.safetensors");
    auto tensors = std::make_shared<StoredTensors>(*base.tensors);
    for (const auto& [name, t] : markers) tensors->set(name, t);
    formats::ModelFile file = base;
    file.tensors = tensors;
    return load_checkpoint(file, residency_, DType::kF32);
  }
  memory::Residency residency_;
};

TEST_F(SdxlKin, PlaygroundIsEdmOnNormalisedLatents) {
  const Checkpoint c = load({{"edm_mean", made_up({1, 4, 1, 1}, 1)}, {"edm_std", made_up({1, 4, 1, 1}, 2)}});
  EXPECT_EQ(&c.model.family(), &sd::kPlayground.family);
  EXPECT_TRUE(sd::is_xl(&c.model.family()));
  EXPECT_NEAR(static_cast<double>(c.model.sampling->sigma_max()), 80.0, 1e-3);
  EXPECT_NEAR(static_cast<double>(c.model.sampling->timestep(1.0f)), 0.0, 1e-7);
  const Tensor latent = made_up({1, 2, 3, 4}, 3);
  const Tensor inside = c.model.latents().to_model(latent), back = c.model.latents().from_model(inside);
  const double means[] = {-1.6574, 1.886, -1.383, 2.5155}, deviations[] = {8.4927, 5.9022, 6.5498, 5.2299};
  for (int64_t i = 0; i < latent.numel(); ++i) {
    EXPECT_NEAR(static_cast<double>(inside.f32()[i]),
                (static_cast<double>(latent.f32()[i]) - means[i % 4]) * 0.5 / deviations[i % 4], 1e-6);
    EXPECT_NEAR(back.f32()[i], latent.f32()[i], 1e-5f);
  }
}

TEST_F(SdxlKin, MarkersSayNoiseAndPrediction) {
  const Tensor none = Tensor::zeros({1});
  const Checkpoint plain = load({});
  EXPECT_EQ(&plain.model.family(), &sd::kSdxl.family);
  EXPECT_EQ(plain.model.sampling->prediction(), sampling::Prediction::kEps);
  const Checkpoint cos = load({{"edm_vpred.sigma_max", Tensor::full({}, 100.0f)}});
  EXPECT_EQ(&cos.model.family(), &sd::kSdxl.family);
  EXPECT_NEAR(static_cast<double>(cos.model.sampling->sigma_max()), 100.0, 1e-3);
  EXPECT_NEAR(static_cast<double>(cos.model.sampling->sigma_min()), 0.002, 1e-7);
  EXPECT_NEAR(static_cast<double>(cos.model.sampling->timestep(2.0f)), std::log(2.0) / 4, 1e-6);
  const Checkpoint both =
      load({{"edm_vpred.sigma_max", Tensor::full({1}, 50.0f)}, {"edm_vpred.sigma_min", Tensor::full({1}, 0.01f)}});
  EXPECT_NEAR(static_cast<double>(both.model.sampling->sigma_min()), 0.01, 1e-6);
  EXPECT_EQ(load({{"v_pred", none}}).model.sampling->prediction(), sampling::Prediction::kV);
  EXPECT_GT(load({{"v_pred", none}, {"ztsnr", none}}).model.sampling->sigma_max(), 1000.0f);
  for (const float wrong : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(), 1e30f})
    EXPECT_THROW(load({{"edm_vpred.sigma_max", Tensor::full({}, wrong)}}), Error) << wrong;
  EXPECT_THROW(load({{"edm_vpred.sigma_max", Tensor::full({2}, 80.0f)}}), Error);
}

}  // namespace
}  // namespace easel::models
