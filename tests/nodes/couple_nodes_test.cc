// Attention couple: what must not change the result does not, and masks decide where a text acts.
#include <gtest/gtest.h>

#include "models/conditioning.h"
#include "models/model_patch.h"
#include "nodes/common/link_types.h"
#include "support/shared.h"
#include "tiny_runner.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using testing::relative_error;

class AttentionCouple : public ::testing::Test {
 protected:
  AttentionCouple() : file_(run("CheckpointLoaderSimple", {{"ckpt_name", words("v1-5-pruned-emaonly.safetensors")}})) {}

  Conditioning text(const char* prompt) {
    return run("CLIPTextEncode", {{"text", words(prompt)}}, {{"clip", file_[1]}})[0].as<Conditioning>();
  }
  static models::ConditioningEntry masked(const Conditioning& list, const Tensor& mask, float strength) {
    models::ConditioningEntry out = list.at(0);
    out.mask = mask;
    out.mask_strength = strength;
    return out;
  }
  // 1 in the left half, or in the right one.
  static Tensor half(bool left) {
    Tensor out = Tensor::zeros({1, 64, 64});
    for (int64_t y = 0; y < 64; ++y)
      for (int64_t x = 0; x < 32; ++x) out.f32()[y * 64 + x + (left ? 0 : 32)] = 1.0f;
    return out;
  }
  static Tensor whole(float value) { return Tensor::full({1, 64, 64}, value); }

  Outputs coupled(const Conditioning& positive, const char* mode = "Attention") {
    return run("Attention couple", {{"mode", words(mode)}},
               {{"model", file_[0]},
                {"positive", computed<Conditioning>(positive)},
                {"negative", computed<Conditioning>(text("fog"))}});
  }
  Tensor sampled(const Value& model, const Value& positive, const Value& negative) {
    return run("KSampler",
               {{"seed", uint64_t{3}},
                {"steps", int64_t{2}},
                {"cfg", 4.0},
                {"sampler_name", words("euler")},
                {"scheduler", words("normal")},
                {"denoise", 1.0}},
               {{"model", model},
                {"positive", positive},
                {"negative", negative},
                {"latent_image", run("EmptyLatentImage", {{"width", int64_t{64}}, {"height", int64_t{64}}})[0]}})[0]
        .as<Latent>()
        .samples;
  }
  Tensor sampled(const Outputs& from) { return sampled(from[0], from[1], from[2]); }
  Tensor plain(const char* prompt) {
    return sampled(file_[0], computed<Conditioning>(text(prompt)), computed<Conditioning>(text("fog")));
  }

  TinyRunner run;
  Outputs file_;
};

TEST_F(AttentionCouple, ATextEverywhereIsThatText) {
  const Conditioning barn = text("a red barn"), sea = text("the open sea");
  const Tensor expected = plain("a red barn");
  EXPECT_LT(relative_error(sampled(coupled(barn)), expected), 1e-5) << "one text, without a mask";
  EXPECT_LT(relative_error(sampled(coupled({masked(barn, whole(1), 1), masked(sea, whole(0), 1)})), expected), 1e-5);
  EXPECT_LT(relative_error(sampled(coupled({masked(barn, whole(1), 1), masked(barn, half(true), 0.5f)})), expected),
            1e-5)
      << "shares add up to 1, whatever the strengths are";
  EXPECT_GT(relative_error(plain("the open sea"), expected), 1e-3);
}

TEST_F(AttentionCouple, MasksSayWhere) {
  const Conditioning barn = text("a red barn"), sea = text("the open sea");
  const Tensor one = sampled(coupled({masked(barn, half(true), 1), masked(sea, half(false), 1)}));
  EXPECT_LT(relative_error(sampled(coupled({masked(sea, half(false), 0.7f), masked(barn, half(true), 0.2f)})), one),
            1e-5)
      << "the order does not count, nor strengths where no other text is";
  const Tensor other = sampled(coupled({masked(barn, half(false), 1), masked(sea, half(true), 1)}));
  EXPECT_GT(relative_error(other, one), 1e-3);
  const Outputs made = coupled({masked(barn, half(true), 1), masked(sea, half(false), 1)});
  ASSERT_EQ(made[1].as<Conditioning>().size(), 1u);
  EXPECT_FALSE(made[1].as<Conditioning>()[0].mask.defined());
  EXPECT_EQ(coupled({masked(barn, half(true), 1)}, "Latent")[1].as<Conditioning>().size(), 1u);
}

// Keys and values of no text in particular.
class AnyText final : public models::ContextProjector {
 public:
  models::ContextProjection::KeyValue project(const Tensor&) const override {
    return {Tensor::full({1, 2, 8}, 1.0f), Tensor::full({1, 2, 8}, 1.0f)};
  }
};

TEST_F(AttentionCouple, FindsTheBlocksThatTheOriginalFinds) {
  using models::BlockKind;
  const auto acts = [](const Outputs& made, BlockKind block, int index, int transformer) {
    models::StepInfo step;
    step.cond_or_uncond = {0};
    const models::AttentionSite site{
        .block = block, .block_index = index, .transformer = transformer, .heads = 1, .height = 2, .width = 2};
    const Tensor q = Tensor::full({1, 4, 8}, 1.0f);
    return made[0]
        .as<models::ModelHandle>()
        .patches.back()
        ->attention()
        ->replace_cross_attention(AnyText(), site, step, q, q)
        .defined();
  };
  const Outputs small = coupled(text("a red barn"));
  EXPECT_TRUE(acts(small, BlockKind::kInput, 1, 0));
  EXPECT_TRUE(acts(small, BlockKind::kMiddle, 0, 0));
  EXPECT_TRUE(acts(small, BlockKind::kOutput, 11, 0));
  file_ = run("CheckpointLoaderSimple", {{"ckpt_name", words("sd_xl_base_1.0.safetensors")}});
  const Outputs large = coupled(text("a red barn"));
  EXPECT_TRUE(acts(large, BlockKind::kInput, 5, 1));
  EXPECT_TRUE(acts(large, BlockKind::kInput, 8, 9));
  EXPECT_TRUE(acts(large, BlockKind::kOutput, 0, 9));
  EXPECT_TRUE(acts(large, BlockKind::kOutput, 5, 1));
  EXPECT_FALSE(acts(large, BlockKind::kMiddle, 0, 0)) << "the first text acts there, over the whole picture";
  EXPECT_FALSE(acts(large, BlockKind::kInput, 4, 2));
  EXPECT_FALSE(acts(large, BlockKind::kOutput, 3, 2));
}

TEST_F(AttentionCouple, RefusesWhatHasNoPlace) {
  const Conditioning barn = text("a red barn"), sea = text("the open sea");
  EXPECT_THROW(coupled({barn[0], sea[0]}), Error) << "without masks";
  EXPECT_THROW(coupled({masked(barn, half(true), 1), masked(sea, half(true), 1)}), Error) << "half of it is nobody's";
  EXPECT_THROW(coupled({masked(barn, half(true), 1), masked(sea, Tensor::full({1, 8, 8}, 1.0f), 1)}), Error);
}

}  // namespace
}  // namespace easel::nodes
