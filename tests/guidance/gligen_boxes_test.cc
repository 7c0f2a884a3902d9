// GLIGEN's boxes in a run.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "formats/tensors/model_file.h"
#include "guidance/guidance.h"
#include "models/gligen/gligen.h"
#include "sampling/golden.h"
#include "sampling/schedule/discrete_sampling.h"
#include "support/shared.h"
#include "support/tiny_models.h"

namespace easel::guidance {
namespace {

using models::GligenBox;
using models::GligenBoxes;

// The boxes of the positive list are in the negative one too, those of an area in its counterpart, and a box's corners
// are shares of the part of the latent that its entry is for.
TEST(GligenBoxes, AreSharedWithTheNegativeList) {
  memory::Residency residency;
  const auto file =
      formats::open_model_file(testing::tiny_models_dir() / "gligen/gligen_sd14_textbox_pruned.safetensors");
  const models::GligenHandle net = models::load_gligen(residency, *file.tensors, DType::kF32, "gligen");
  const std::vector<GligenBox> two = {
      {.text = Tensor::full({1, net.text_width}, 0.5f), .height = 4, .width = 6, .y = 2, .x = 1},
      {.text = Tensor::full({1, net.text_width}, -0.25f), .height = 8, .width = 2, .y = 0, .x = 6}};
  const std::vector<GligenBox> one = {two[0]};

  models::ConditioningEntry positive, part, negative;
  positive.cond = part.cond = negative.cond = Tensor::zeros({1, 4, 8});
  positive.gligen = std::make_shared<const GligenBoxes>(GligenBoxes{net, two});
  part.gligen = std::make_shared<const GligenBoxes>(GligenBoxes{net, one});
  part.area = models::Area{.height = 8, .width = 8, .y = 0, .x = 4};
  const Shape latent{1, 16, 16, 4};
  const sampling::DiscreteSampling levels(testing::kPublishedBetas, sampling::Prediction::kEps);
  PreparedConditioning prepared = prepare_conditioning(
      {positive, part}, {negative}, latent, levels, [](const models::ConditioningEntry& entry, bool) {
        return models::NetworkInputs{.context = entry.cond, .y = {}, .concat = {}};
      });
  ASSERT_EQ(prepared.negative.size(), 2U);  // the second is for the area
  EXPECT_EQ(prepared.negative[0].gligen, positive.gligen);
  EXPECT_EQ(prepared.negative[1].gligen, part.gligen);

  // Every batch has one hook, that of its boxes.
  const Tensor x = Tensor::full({1, 15, net.widths[0]}, 0.125f);
  std::vector<Tensor> changed;
  const auto network = [&](const models::NetworkBatch& batch) {
    EXPECT_EQ(batch.hooks.size(), 1U);
    EXPECT_EQ(batch.cond_or_uncond.size(), 2U);  // of both lists
    models::AttentionSite site;
    site.heads = 8;
    changed.push_back(batch.hooks.at(0)->between_attentions(site, {}, x));
    return Tensor::zeros(batch.x.shape());
  };
  Guidance run(std::move(prepared), latent, network, {.cfg = 2.0});
  run.denoised(Tensor::zeros(latent), 1.0f);
  ASSERT_EQ(changed.size(), 2U);
  const auto model = net.model->get();
  const auto expected = [&](const std::vector<GligenBox>& boxes, int64_t side) {
    return model->fuse(0, x, model->tokens(boxes, side, side), 8);
  };
  EXPECT_EQ(testing::max_difference(changed[0], expected(two, 16)), 0.0);
  EXPECT_EQ(testing::max_difference(changed[1], expected(one, 8)), 0.0);
  EXPECT_GT(testing::max_difference(changed[1], expected(one, 16)), 0.0);
}

}  // namespace
}  // namespace easel::guidance
