#include "models/patch/lora.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models/checkpoint/checkpoint.h"
#include "models/sd/variants.h"
#include "models/unet/unet_source.h"
#include "models_support.h"

namespace easel::models {
namespace {

using testing::relative_error;

const char* const kSd15 = "checkpoints/v1-5-pruned-emaonly.safetensors";

// sum over j of a[i,j] b[j,k], the plain way.
Tensor times(const Tensor& a, const Tensor& b) {
  const int64_t m = a.dim(0), n = b.dim(0), columns = b.numel() / n;
  Tensor out = Tensor::zeros({m, columns});
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t k = 0; k < columns; ++k) out.f32()[i * columns + k] += a.f32()[i * n + j] * b.f32()[j * columns + k];
  return out;
}

Tensor expected(const Tensor& weight, const Tensor& change, float factor) {
  Tensor out = clone(weight);
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] += factor * change.f32()[i];
  return out;
}

TEST(LoraMath, PlainAndConvolution) {
  const Tensor weight = made_up({6, 4, 3, 3}, 1), up = made_up({6, 2, 1, 1}, 2), down = made_up({2, 4, 3, 3}, 3);
  const LoraModule with_alpha{"m", {{"lora_up", up}, {"lora_down", down}, {"alpha", Tensor::full({}, 1.0f)}}};
  EXPECT_LE(relative_error(apply_lora_module(with_alpha, weight, 0.5f), expected(weight, times(up, down), 0.25f)),
            1e-6);
  const LoraModule without{"m", {{"lora_up", up}, {"lora_down", down}}};
  EXPECT_LE(relative_error(apply_lora_module(without, weight, -0.5f), expected(weight, times(up, down), -0.5f)), 1e-6);
}

TEST(LoraMath, MiddleFactor) {
  const Tensor weight = made_up({6, 4, 3, 3}, 1), up = made_up({6, 2, 1, 1}, 2), down = made_up({3, 4, 1, 1}, 3);
  const Tensor mid = made_up({2, 3, 3, 3}, 4);
  Tensor inner = Tensor::zeros({2, 4, 3, 3});
  for (int64_t a = 0; a < 2; ++a)
    for (int64_t b = 0; b < 3; ++b)
      for (int64_t i = 0; i < 4; ++i)
        for (int64_t k = 0; k < 9; ++k)
          inner.f32()[(a * 4 + i) * 9 + k] += mid.f32()[(a * 3 + b) * 9 + k] * down.f32()[b * 4 + i];
  const LoraModule m{"m", {{"lora_up", up}, {"lora_down", down}, {"lora_mid", mid}}};
  EXPECT_LE(relative_error(apply_lora_module(m, weight, 1.0f), expected(weight, times(up, inner), 1.0f)), 1e-6);
}

TEST(LoraMath, HadamardAndKronecker) {
  const Tensor weight = made_up({6, 4}, 1), a1 = made_up({6, 2}, 2), b1 = made_up({2, 4}, 3), a2 = made_up({6, 2}, 4),
               b2 = made_up({2, 4}, 5);
  const Tensor first = times(a1, b1), second = times(a2, b2);
  Tensor change({6, 4});
  for (int64_t i = 0; i < 24; ++i) change.f32()[i] = first.f32()[i] * second.f32()[i];
  const LoraModule loha{
      "m",
      {{"hada_w1_a", a1}, {"hada_w1_b", b1}, {"hada_w2_a", a2}, {"hada_w2_b", b2}, {"alpha", Tensor::full({}, 4.0f)}}};
  EXPECT_LE(relative_error(apply_lora_module(loha, weight, 1.0f), expected(weight, change, 2.0f)), 1e-6);

  const Tensor w1 = made_up({2, 2}, 6), w2 = made_up({3, 2}, 7);
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t j = 0; j < 4; ++j) change.f32()[i * 4 + j] = w1.f32()[i / 3 * 2 + j / 2] * w2.f32()[i % 3 * 2 + j % 2];
  // Without factors there is no rank, and alpha does not count.
  const LoraModule lokr{"m", {{"lokr_w1", w1}, {"lokr_w2", w2}, {"alpha", Tensor::full({}, 4.0f)}}};
  EXPECT_LE(relative_error(apply_lora_module(lokr, weight, 0.5f), expected(weight, change, 0.5f)), 1e-6);
}

TEST(LoraMath, DecompositionSetsTheLengthOfColumns) {
  const Tensor weight = made_up({6, 4}, 1), up = made_up({6, 2}, 2), down = made_up({2, 4}, 3);
  const Tensor scale = Tensor::of({1, 4}, {1, 2, 3, 4});
  const LoraModule m{"m", {{"lora_up", up}, {"lora_down", down}, {"dora_scale", scale}}};
  const Tensor out = apply_lora_module(m, weight, 1.0f);
  for (int64_t i = 0; i < 4; ++i) {
    double squares = 0;
    for (int64_t o = 0; o < 6; ++o) squares += std::pow(static_cast<double>(out.f32()[o * 4 + i]), 2);
    EXPECT_NEAR(std::sqrt(squares), static_cast<double>(scale.f32()[i]), 1e-5);
  }
}

TEST(LoraMath, MisfitsSaySo) {
  const LoraModule m{"block", {{"lora_up", made_up({6, 2}, 1)}, {"lora_down", made_up({2, 5}, 2)}}};
  try {
    apply_lora_module(m, made_up({6, 4}, 3), 1.0f);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_NE(e.message().find("'block'"), std::string::npos) << e.message();
  }
  EXPECT_THROW(apply_lora_module({"x", {{"alpha", Tensor::full({}, 1.0f)}}}, made_up({6, 4}, 3), 1.0f), Error);
}

// Whatever shapes a file gives its factors: it is the file's fault, never an internal one.
TEST(LoraMath, FactorsOfAnyShapeAreTheFilesFault) {
  const auto fault_of = [](std::map<std::string, StoredTensor> tensors) -> std::string {
    try {
      apply_lora_module({"block", std::move(tensors)}, made_up({6, 4}, 3), 1.0f);
    } catch (const Error& e) {
      EXPECT_NE(e.message().find("'block'"), std::string::npos) << e.message();
      return e.fault() == Fault::kMismatch ? e.message() : "another fault: " + e.message();
    }
    return "none";
  };
  const Tensor scalar = Tensor::full({}, 1.0f);
  for (const auto& tensors : std::initializer_list<std::map<std::string, StoredTensor>>{
           {{"lora_up", Tensor::zeros({6, 0})}, {"lora_down", Tensor::zeros({0, 4})}},
           {{"lora_up", scalar}, {"lora_down", made_up({2, 4}, 2)}},
           {{"lora_up", made_up({6, 2}, 1)}, {"lora_down", made_up({3, 4}, 2)}},
           {{"hada_w1_a", made_up({6, 2}, 1)},
            {"hada_w1_b", made_up({3, 4}, 2)},
            {"hada_w2_a", made_up({6, 2}, 3)},
            {"hada_w2_b", made_up({2, 4}, 4)}},
           {{"lokr_w1", scalar}, {"lokr_w2", made_up({6, 4}, 1)}},
           {{"lokr_w1", made_up({2}, 1)}, {"lokr_w2", scalar}}}) {
    const std::string said = fault_of(tensors);
    EXPECT_EQ(said.find("another fault"), std::string::npos) << said;
  }
  EXPECT_EQ(fault_of({{"lora_up", made_up({6, 2}, 1)}}), "LoRA module 'block': it has a lora_up but no lora_down");
  EXPECT_EQ(fault_of({{"lora_down", made_up({2, 4}, 1)}}), "LoRA module 'block': it has a lora_down but no lora_up");
}

// Two factors of 400 KB that stand for 40 GB.
TEST(LoraMath, HugeProductsAreNotComputed) {
  const Tensor tall = Tensor::full({100'000, 1}, 1.0f), wide = Tensor::full({1, 100'000}, 1.0f);
  for (const LoraModule& m : {LoraModule{"block", {{"lora_up", tall}, {"lora_down", wide}}},
                              LoraModule{"block", {{"lokr_w1", tall}, {"lokr_w2", wide}}}})
    try {
      apply_lora_module(m, made_up({6, 4}, 3), 1.0f);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kMismatch);
      EXPECT_NE(e.message().find("larger than any weight"), std::string::npos) << e.message();
    }
}

class LoraFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("easel-lora-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    checkpoint_ = load_checkpoint(formats::open_model_file(tiny_models_dir() / kSd15), residency_, DType::kF32);
    clip_.encoder = checkpoint_.text;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<const Lora> write(const std::vector<std::string>& modules, int64_t out, int64_t in,
                                    const char* up = ".lora_up.weight", const char* down = ".lora_down.weight") {
    StoredTensors tensors;
    for (const std::string& m : modules) {
      tensors.set(m + up, made_up({out, 2}, 1));
      tensors.set(m + down, made_up({2, in}, 2));
    }
    formats::write_safetensors(folder_ / "x.safetensors", tensors);
    return Lora::read(formats::open_model_file(folder_ / "x.safetensors"));
  }
  Tensor weight(const ModelHandle& model, const std::string& name) {
    return unet_of(model).source->weights().get(name).tensor();
  }

  std::filesystem::path folder_;
  memory::Residency residency_;
  Checkpoint checkpoint_;
  ClipHandle clip_;
};

TEST_F(LoraFiles, AllNamesOfAWeightAreKnown) {
  const std::string name = "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0.weight";
  const Tensor before = weight(checkpoint_.model, name);
  const int64_t c = before.dim(0);
  const std::string diffusers = "down_blocks.1.attentions.0.transformer_blocks.0.attn1";
  const std::vector<std::tuple<std::string, const char*, const char*>> names = {
      {"lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_out_0", ".lora_up.weight", ".lora_down.weight"},
      {"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0", ".lora_up.weight",
       ".lora_down.weight"},
      {"unet." + diffusers + ".processor.to_out", "_lora.up.weight", "_lora.down.weight"},
      {diffusers + ".processor.to_out", "_lora.up.weight", "_lora.down.weight"},
      {"unet." + diffusers + ".to_out.0", ".lora.up.weight", ".lora.down.weight"},
      {"unet." + diffusers + ".to_out.0", ".lora_B.weight", ".lora_A.weight"},
  };
  for (const auto& [module, up, down] : names) {
    const auto lora = write({module}, c, c, up, down);
    const LoraResult r = apply_lora(lora, checkpoint_.model, clip_, 0.5f, 1.0f, residency_);
    EXPECT_TRUE(r.unused.empty()) << module;
    const Tensor after = weight(r.model, name);
    EXPECT_LE(relative_error(
                  after, expected(convert(before, DType::kF32), times(made_up({c, 2}, 1), made_up({2, c}, 2)), 0.5f)),
              1e-6)
        << module;
    EXPECT_EQ(r.clip.encoder, clip_.encoder) << "nothing for the text";
  }
}

TEST_F(LoraFiles, PatchedHandlesShareTheirWeights) {
  const std::string name = "input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight";
  const int64_t c = weight(checkpoint_.model, name).dim(0);
  const auto lora = write({"lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"}, c, c);
  const LoraResult a = apply_lora(lora, checkpoint_.model, clip_, 0.5f, 1.0f, residency_);
  const LoraResult b = apply_lora(lora, checkpoint_.model, clip_, 0.5f, 1.0f, residency_);
  const LoraResult other = apply_lora(lora, checkpoint_.model, clip_, 0.6f, 1.0f, residency_);
  const LoraResult none = apply_lora(lora, checkpoint_.model, clip_, 0.0f, 0.0f, residency_);
  const LoraResult twice = apply_lora(lora, a.model, clip_, 0.5f, 1.0f, residency_);
  EXPECT_EQ(unet_of(a.model).weights, unet_of(b.model).weights);
  EXPECT_NE(unet_of(a.model).weights, unet_of(other.model).weights);
  EXPECT_EQ(unet_of(none.model).weights, unet_of(checkpoint_.model).weights);
  EXPECT_NE(unet_of(twice.model).weights, unet_of(a.model).weights);
  EXPECT_EQ(residency_.loaded_bytes(), 0u);
  const Tensor change = times(made_up({c, 2}, 1), made_up({2, c}, 2));
  EXPECT_LE(relative_error(weight(twice.model, name),
                           expected(convert(weight(checkpoint_.model, name), DType::kF32), change, 1.0f)),
            1e-6);
}

TEST_F(LoraFiles, TextIsPatchedWithItsOwnStrength) {
  const int64_t width = checkpoint_.text->context_dim();
  const auto lora = write({"lora_te_text_model_encoder_layers_3_self_attn_q_proj"}, width, width);
  const LoraResult r = apply_lora(lora, checkpoint_.model, clip_, 1.0f, 0.5f, residency_);
  EXPECT_EQ(unet_of(r.model).weights, unet_of(checkpoint_.model).weights);
  ASSERT_NE(r.clip.encoder, clip_.encoder);
  const Tensor before = encode_prompt(clip_, "a cat").cond, after = encode_prompt(r.clip, "a cat").cond;
  EXPECT_GT(relative_error(after, before), 1e-4);
  const LoraResult off = apply_lora(lora, checkpoint_.model, clip_, 1.0f, 0.0f, residency_);
  EXPECT_EQ(off.clip.encoder, clip_.encoder);
}

TEST_F(LoraFiles, MisfitsAreFoundBeforeAnythingIsBuilt) {
  // Named as an SD1 weight, but of another width; and one whose names fit nothing.
  for (const auto& lora :
       {write({"lora_unet_input_blocks_4_1_proj_in"}, 640, 640), write({"lora_unet_blocks_7"}, 8, 8)})
    try {
      apply_lora(lora, checkpoint_.model, clip_, 1.0f, 1.0f, residency_);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kMismatch);
      EXPECT_NE(e.message().find("x.safetensors"), std::string::npos) << e.message();
      EXPECT_NE(e.message().find("v1-5-pruned-emaonly"), std::string::npos) << e.message();
    }
  EXPECT_THROW(Lora::read(formats::open_model_file(tiny_models_dir() / kSd15)), Error);
}

}  // namespace
}  // namespace easel::models
