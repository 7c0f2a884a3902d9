// INPAINT_InpaintWithModel against what its network says of the square that it is given.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "image/inpaint/square.h"
#include "models/fill/hole_filler.h"
#include "run_node.h"
#include "support/tiny_models.h"

namespace easel::nodes {
namespace {

class HoleFilling : public ::testing::TestWithParam<const char*> {
 protected:
  Outputs run(const char* name, Typed typed, Links linked = {}) {
    Context context{folders_, residency_, files_, store_};
    std::vector<std::string> names;
    for (const auto& [input, value] : typed) names.push_back(input);
    const workflow::NodeSpec* spec = standard_table().find(name, names);
    Call call(context, *spec, "1", {std::move(typed), std::move(linked)});
    return standard_table().entry(*spec).node.run(call);
  }

  Tensor filled(const Tensor& picture, const Tensor& mask, int64_t seed) {
    const Value model = run("INPAINT_LoadInpaintModel", {{"model_name", std::string(GetParam())}})[0];
    return run("INPAINT_InpaintWithModel", {{"seed", seed}},
               {{"inpaint_model", model}, {"image", computed<Image>(picture)}, {"mask", computed<Mask>(mask)}})[0]
        .as<Tensor>();
  }

  // The network, made of the same file.
  models::HoleFiller network() {
    const auto file = files_.open(folders_.find("inpaint", GetParam()));
    return models::HoleFiller(nn::Weights(models::filler_tensors(*file->tensors), DType::kF32, "made"));
  }

  library::Folders folders_{testing::tiny_models_dir()};
  memory::Residency residency_;
  library::ModelFiles files_;
  artifacts::FolderStore store_{artifacts::Directories()};
};

Tensor waves(int64_t count, int64_t height, int64_t width) {
  Tensor out({count, height, width, 3});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = 0.5f + 0.4f * std::sin(static_cast<float>(i) * 0.37f);
  return out;
}

// Selected in the middle, half selected around that.
Tensor middle(int64_t height, int64_t width) {
  Tensor out = Tensor::zeros({1, height, width});
  for (int64_t y = height / 4; y < height * 3 / 4; ++y)
    for (int64_t x = width / 4; x < width * 3 / 4; ++x)
      out.f32()[y * width + x] = y < height / 2 || x < width / 2 ? 1.0f : 0.5f;
  return out;
}

TEST_P(HoleFilling, OfTheNetworksOwnSizeIsWhatItSays) {
  const models::HoleFiller made = network();
  const int64_t side = made.side();
  const Tensor picture = waves(1, side, side), mask = middle(side, side);
  Tensor hole({1, side, side, 1});
  for (int64_t i = 0; i < hole.numel(); ++i) hole.f32()[i] = mask.f32()[i] >= 0.99f ? 1.0f : 0.0f;
  const Tensor said = made.forward(picture, hole, 5), out = filled(picture, mask, 5);
  int64_t changed = 0;
  for (int64_t i = 0; i < out.numel(); ++i) {
    EXPECT_FLOAT_EQ(out.f32()[i], hole.f32()[i / 3] == 1 ? said.f32()[i] : picture.f32()[i]) << i;
    changed += std::abs(out.f32()[i] - picture.f32()[i]) > 1e-3f;
  }
  EXPECT_GT(changed, side * side / 4) << "the test sees nothing";
}

TEST_P(HoleFilling, PicturesOfOtherSizesAreMadeSquareAndCutOutAgain) {
  const models::HoleFiller made = network();
  const int64_t height = 40, width = 72, side = made.side();
  const Tensor pictures = waves(2, height, width), mask = middle(height, width);
  const Tensor out = filled(pictures, mask, 9);
  ASSERT_EQ(out.shape(), pictures.shape());
  for (int64_t n = 0; n < 2; ++n) {
    const Tensor picture = contiguous(pictures.slice(0, n, 1));
    const Tensor small = image::made_square(picture, side);
    const Tensor holes = image::made_square(mask.view({1, height, width, 1}), side);
    Tensor hole({1, side, side, 1});
    for (int64_t i = 0; i < hole.numel(); ++i) hole.f32()[i] = holes.f32()[i] >= 0.99f ? 1.0f : 0.0f;
    const Tensor large = image::cut_from_square(made.forward(small, hole, 9), {width, height});
    for (int64_t i = 0; i < height * width * 3; ++i) {
      const bool selected = mask.f32()[i / 3] >= 0.99f;
      EXPECT_FLOAT_EQ(out.f32()[n * height * width * 3 + i], selected ? large.f32()[i] : picture.f32()[i]) << n << i;
    }
  }
}

TEST_P(HoleFilling, MasksOfOtherSizesAreRefused) {
  try {
    filled(waves(1, 40, 72), middle(40, 70), 1);
    ADD_FAILURE() << "it was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kInvalid);
    EXPECT_NE(e.message().find("70 x 40"), std::string::npos) << e.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, HoleFilling,
                         ::testing::Values("big-lama.safetensors", "MAT_Places512_G_fp16.safetensors"),
                         [](const auto& p) { return p.index == 0 ? "LaMa" : "MAT"; });

}  // namespace
}  // namespace easel::nodes
