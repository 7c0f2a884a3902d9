#include "models/sd/sd_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sampling/golden.h"

namespace easel::models {
namespace {

// sin(f * i + p) for every element, in the order of the shape.
Tensor wave(const Shape& shape, double f, double p) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = static_cast<float>(std::sin(static_cast<double>(i) * f + p));
  return t;
}

Tensor mask_wave(const Shape& shape, double f, double p) {
  Tensor t = wave(shape, f, p);
  for (float& v : t.values()) v = v * 0.5f + 0.5f;
  return t;
}

sd::SdModel model(const sd::Variant& variant, int64_t in_channels, int64_t adm_channels = 0) {
  UNetModel unet;
  unet.config.in_channels = in_channels;
  unet.config.adm_channels = adm_channels;
  return sd::SdModel(variant, std::move(unet), nullptr);
}

NetworkInputs make(const DiffusionModel& model, const ConditioningEntry& entry, const Tensor& mask = Tensor(),
                   bool negative = false) {
  sampling::TorchGenerator rng;
  const Tensor latent = testing::channels_last(wave(Shape{3, 4, 8, 10}, 0.7, 0.1));
  return model.inputs(entry, negative,
                      {.file = "some.safetensors",
                       .latent = latent.shape(),
                       .latent_image = latent,
                       .noise_mask = mask,
                       .seed = 3,
                       .random = rng});
}

// Mean, and means weighted by sin(0.1 i) and cos(0.37 i), over the reference's element order.
void expect_fingerprint(const Tensor& channels_last, std::initializer_list<double> expected) {
  const Tensor t = testing::channels_first(channels_last);
  double sums[3] = {};
  for (int64_t i = 0; i < t.numel(); ++i) {
    const double v = t.f32()[i], at = static_cast<double>(i);
    sums[0] += v;
    sums[1] += v * std::sin(0.1 * at);
    sums[2] += v * std::cos(0.37 * at);
  }
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(sums[k] / static_cast<double>(t.numel()), expected.begin()[k], 1e-7);
}

// ComfyUI's BaseModel.extra_conds for an inpainting model, on the same waves.
TEST(ModelInputs, InpaintingModelsSeeTheMaskAndWhatIsAroundIt) {
  const sd::SdModel inpaint = model(sd::kSd1, 9);
  ConditioningEntry entry;
  entry.cond = Tensor::zeros(Shape{1, 2, 3});
  expect_fingerprint(make(inpaint, entry).concat, {0.3818199962377548, 0.0018912667209432066, -0.0027758536380609916});
  expect_fingerprint(make(inpaint, entry, mask_wave(Shape{3, 8, 10}, 0.4, 0.2)).concat,
                     {0.10264195293905687, 0.0020692489788666697, 0.011722215502984412});

  entry.concat_latent_image = testing::channels_last(wave(Shape{2, 4, 8, 10}, 0.3, 0.5));
  entry.concat_mask = mask_wave(Shape{2, 64, 80}, 0.01, 0.2);
  expect_fingerprint(make(inpaint, entry).concat, {0.002654795460354459, 0.0006325587174591658, 0.002872591036906354});
  entry.concat_latent_image = testing::channels_last(wave(Shape{1, 4, 6, 9}, 0.3, 0.5));
  entry.concat_mask = mask_wave(Shape{1, 30, 90}, 0.01, 0.2);
  expect_fingerprint(make(inpaint, entry).concat, {0.112292578300694, 0.001066100517188349, -0.011439668854591068});
  entry.concat_latent_image = testing::channels_last(wave(Shape{5, 4, 8, 10}, 0.3, 0.5));
  entry.concat_mask = mask_wave(Shape{5, 64, 80}, 0.01, 0.2);
  expect_fingerprint(make(inpaint, entry).concat, {0.07151195731399639, -0.008979289932412555, 0.0018773642691428938});
}

TEST(ModelInputs, EditModelsSeeThePictureOrNothing) {
  const sd::SdModel edit = model(sd::kSd1, 8);
  ConditioningEntry entry;
  EXPECT_EQ(testing::max_difference(make(edit, entry).concat, Tensor::zeros(Shape{3, 8, 10, 4})), 0);
  entry.concat_latent_image = wave(Shape{3, 8, 10, 4}, 0.3, 0.5);
  EXPECT_EQ(testing::max_difference(make(edit, entry).concat, entry.concat_latent_image), 0);
  EXPECT_THROW(make(model(sd::kSd1, 7), entry), Error);
}

TEST(ModelInputs, SdxlIsToldSizesAndTheRefinerAScore) {
  ConditioningEntry entry;
  entry.pooled_output = wave(Shape{1, 16}, 0.3, 0);
  const sd::SdModel base = model(sd::kSdxl, 4, 16 + 6 * 256);
  const sd::SdModel refiner = model(sd::kRefiner, 4, 16 + 5 * 256);
  // The first sinusoid of each number is its cosine.
  const auto numbers = [](const Tensor& y, int64_t count) {
    std::vector<float> out;
    for (int64_t i = 0; i < count; ++i) out.push_back(y.f32()[16 + i * 256]);
    return out;
  };
  const auto cosines = [](std::initializer_list<double> values) {
    std::vector<float> out;
    for (double v : values) out.push_back(static_cast<float>(std::cos(v)));
    return out;
  };
  const auto expect_near = [](const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4) << i;
  };
  expect_near(numbers(make(base, entry).y, 6), cosines({64, 80, 0, 0, 64, 80}));
  expect_near(numbers(make(refiner, entry).y, 5), cosines({64, 80, 0, 0, 6}));
  expect_near(numbers(make(refiner, entry, Tensor(), true).y, 5), cosines({64, 80, 0, 0, 2.5}));
  entry.size.width = 512;
  entry.size.crop_w = 32;
  entry.size.target_height = 1024;
  entry.size.aesthetic_score = 4;
  expect_near(numbers(make(base, entry).y, 6), cosines({64, 512, 0, 32, 1024, 512}));
  expect_near(numbers(make(refiner, entry).y, 5), cosines({64, 512, 0, 32, 4}));
  EXPECT_EQ(make(base, entry).y.f32()[3], entry.pooled_output.f32()[3]);
}

TEST(ModelInputs, MisfitsNameTheModelAndTheFix) {
  ConditioningEntry entry;
  const auto expect_mismatch = [&](const DiffusionModel& handle) {
    try {
      make(handle, entry);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kMismatch);
      EXPECT_EQ(e.file(), "some.safetensors");
      EXPECT_FALSE(e.advice().empty());
    }
  };
  expect_mismatch(model(sd::kSdxl, 4, 16 + 6 * 256));  // no pooled text at all
  entry.pooled_output = Tensor::zeros(Shape{1, 17});
  expect_mismatch(model(sd::kSdxl, 4, 16 + 6 * 256));
  entry.unclip.resize(1);
  expect_mismatch(model(sd::kSdxl, 4, 6 * 256));  // takes no pictures
}

TEST(ModelInputs, SaysWhatItTakes) {
  using Beside = ConditioningTaken::Beside;
  EXPECT_EQ(model(sd::kSd1, 4).takes().beside, Beside::kNothing);
  EXPECT_EQ(model(sd::kSd1, 9).takes().beside, Beside::kMaskedPicture);
  EXPECT_EQ(model(sd::kSd1, 8).takes().beside, Beside::kPicture);
  EXPECT_EQ(model(sd::kSd1, 5).takes().beside, Beside::kUnknown);
  EXPECT_EQ(model(sd::kSd1, 4).takes().image_width, 0);
  EXPECT_EQ(model(sd::kUnclipH, 4, 2048).takes().image_width, 1024);
  EXPECT_EQ(model(sd::kSdxl, 4, 2816).takes().image_width, 1280);
  EXPECT_EQ(model(sd::kRefiner, 4, 2560).takes().image_width, 1280);
  EXPECT_FALSE(model(sd::kSdxl, 4, 2816).takes().image_encoder.empty());
}

TEST(ModelInputs, UnclipModelsGetZerosWithoutAPicture) {
  ConditioningEntry entry;
  const Tensor y = make(model(sd::kUnclipH, 4, 160), entry).y;
  EXPECT_EQ(testing::max_difference(y, Tensor::zeros(Shape{1, 160})), 0);
  EXPECT_FALSE(make(model(sd::kSd1, 4), entry).y.defined());
}

}  // namespace
}  // namespace easel::models
