#include "models/ip_adapter/ip_adapter.h"
#include "models/sd/sd_model.h"

#include <gtest/gtest.h>

#include "models/ip_adapter/ip_attention.h"
#include "models/ip_adapter/ip_embeds.h"
#include "models_support.h"
#include "numbers_support.h"
#include "sampling/random/torch_random.h"
#include "support/shared.h"

namespace easel::models {
namespace {

using testing::max_difference;
using testing::relative_error;

// --- Against the reference, on the tiny files -------------------------------------------------------------------

struct Case {
  const char* name;
  const char* file;
  Shape embeds;
  Summary cond, uncond;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Tokens : public ::testing::TestWithParam<Case> {};

IpAdapterHandle open_adapter(memory::Residency& residency, const std::string& file, DType compute = DType::kF32) {
  const auto opened = formats::open_model_file(tiny_models_dir() / "ipadapter" / file);
  return load_ip_adapter(residency, opened.tensors, compute, file);
}

TEST_P(Tokens, MatchTheReference) {
  const Case& c = GetParam();
  memory::Residency residency;
  const IpAdapterHandle adapter = open_adapter(residency, c.file);
  const IpTokens tokens = ip_tokens(adapter, {sines(c.embeds, 1.0), Tensor::zeros(c.embeds)});
  expect_summary(tokens.cond, c.cond, 1e-5);
  expect_summary(tokens.uncond, c.uncond, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Files, Tokens,
                         ::testing::Values(Case{"plain",
                                                "ip-adapter_sd15.bin",
                                                {2, 80},
                                                {{-0.6250117f, 0.2722249f, 0.1275378f, -0.4901484f}, 1.006304},
                                                {{-1.721666f, -0.9231424f, -1.721666f, -1.338693f}, 1.000607}},
                                           Case{"plus",
                                                "ip-adapter-plus_sd15.safetensors",
                                                {2, 257, 96},
                                                {{0.5131898f, -1.228243f, 0.4791191f, -0.1526753f}, 0.9964289},
                                                {{0.1883707f, 1.171461f, 0.1883707f, 0.4652921f}, 0.9926604}},
                                           Case{"sdxl",
                                                "ip-adapter_sdxl.bin",
                                                {1, 256},
                                                {{-1.62829f, -0.8089991f, 1.437561f, 0.4724452f}, 0.9990537},
                                                {{0.3445485f, -0.8229592f, -1.794894f, 0.5927519f}, 0.9882242}},
                                           Case{"plus_sdxl",
                                                "ip-adapter-plus_sdxl_vit-h.safetensors",
                                                {1, 257, 96},
                                                {{-0.3890011f, 1.554424f, -1.418932f, -0.5557618f}, 0.9993677},
                                                {{0.09767312f, -0.6376626f, 0.5609882f, 1.980957f}, 1.002976}}),
                         [](const auto& c) { return std::string(c.param.name); });

// Cross-attention 3 of SD 1.5 (eight heads, 64 channels), two chunks of three samples on a 4 x 6 map.
struct Site {
  Site() {
    site.index = 3;
    site.heads = 8;
    step.sigma = 3;
    step.cond_or_uncond = {1, 0};
    step.latent_height = 16;
    step.latent_width = 24;
    q = sines({6, 24, 64}, 3.0);
    out = ops::attention(q, sines({6, 5, 64}, 4.0), sines({6, 5, 64}, 5.0), 8);
  }
  AttentionSite site;
  StepInfo step;
  Tensor q, out;
};

IpAttentionOptions constant_options(const char* scaling, float weight, size_t layers = 16) {
  IpAttentionOptions o;
  o.rules.assign(layers, IpLayerRule{weight});
  o.scaling = ip_scaling(scaling);
  o.sigma_start = 14.0f;
  o.sigma_end = 0.5f;
  o.bicubic_mask = true;
  return o;
}

TEST(IpAttention, MatchesTheReference) {
  struct Expected {
    const char* scaling;
    bool unfold, mask;
    Summary summary;
  };
  const Expected expected[] = {
      {"original", false, false, {{-0.3674258f, -0.2126918f, 0.08186665f, 0.4364856f}, 0.5350359}},
      {"original", false, true, {{-0.3596821f, -0.1858895f, 0.07317467f, 0.5408818f}, 0.4534051}},
      {"original", true, false, {{-0.3674258f, -0.2126918f, -0.1179221f, 0.5908352f}, 0.5399773}},
      {"original", true, true, {{-0.3596821f, -0.1858895f, -0.1002483f, 0.5643095f}, 0.4562416}},
      {"linear", false, false, {{-0.3823079f, -0.1505263f, 2.744421e-05f, 0.4463999f}, 0.5158434}},
      {"linear", true, true, {{-0.3726003f, -0.1319279f, -0.1473501f, 0.5625352f}, 0.4465012}},
      {"channel penalty", false, false, {{-0.3145719f, -0.01233522f, 0.01675395f, 0.5534819f}, 0.3858037}},
      {"channel penalty", true, true, {{-0.3138033f, -0.01197373f, 0.009532712f, 0.5598105f}, 0.3854677}},
  };
  memory::Residency residency;
  const IpAdapterHandle adapter = open_adapter(residency, "ip-adapter_sd15.bin");
  const IpTokens tokens = ip_tokens(adapter, {sines({2, 80}, 1.0), Tensor::zeros({2, 80})});
  const Site at;
  for (const Expected& e : expected) {
    IpAttentionOptions options = constant_options(e.scaling, 0.7f);
    options.unfold_batch = e.unfold;
    if (e.mask) options.mask = sines({2, 13, 17}, 2.0);
    const IpAttention hook(adapter, tokens, options);
    SCOPED_TRACE(std::string(e.scaling) + (e.unfold ? ", unfolded" : "") + (e.mask ? ", masked" : ""));
    expect_summary(hook.after_cross_attention(at.site, at.step, at.q, at.out), e.summary, 1e-6);
  }
}

TEST(IpNoise, MatchesTheReference) {
  sampling::TorchGenerator random;
  const Tensor images = ops::affine(sines({2, 50, 80, 3}, 0.3), 0.5f, 0.5f);
  expect_summary(ip_noise_images(images, 0.35, random),
                 {{-0.2536635f, -0.01775173f, 0.03142477f, 0.004974097f}, 0.5886975}, 3e-5);
  expect_summary(ip_noise_images(images, 1.0, random), {{0.04658038f, -0.02660728f, 0.3280161f, 0.0655877f}, 0.5560249},
                 3e-5);
}

// --- On adapters made here --------------------------------------------------------------------------------------

// A plain adapter with two layers of 16 and 8 channels: embeds of 6, three tokens of 10.
StoredTensors small_adapter() {
  StoredTensors map;
  map.set("image_proj.proj.weight", sines({30, 6}, 0.1));
  map.set("image_proj.proj.bias", sines({30}, 0.2));
  map.set("image_proj.norm.weight", Tensor::full({10}, 1.0f));
  map.set("image_proj.norm.bias", Tensor::zeros({10}));
  map.set("ip_adapter.1.to_k_ip.weight", sines({16, 10}, 0.3));
  map.set("ip_adapter.1.to_v_ip.weight", sines({16, 10}, 0.4));
  map.set("ip_adapter.3.to_k_ip.weight", sines({8, 10}, 0.5));
  map.set("ip_adapter.3.to_v_ip.weight", sines({8, 10}, 0.6));
  return map;
}

struct Small {
  explicit Small(int64_t images = 2) {
    adapter = load_ip_adapter(residency, std::make_shared<const StoredTensors>(small_adapter()), DType::kF32,
                              "small.safetensors");
    tokens = ip_tokens(adapter, {sines({images, 6}, 1.0), Tensor::zeros({images, 6})});
    site.heads = 2;
    step.cond_or_uncond = {1, 0};
    step.latent_height = 2;
    step.latent_width = 3;
    step.sigma = 1;
    q = sines({4, 6, 16}, 2.0);
    out = sines({4, 6, 16}, 3.0);
  }
  Tensor run(const IpAttentionOptions& options) const {
    return IpAttention(adapter, tokens, options).after_cross_attention(site, step, q, out);
  }
  memory::Residency residency;
  IpAdapterHandle adapter;
  IpTokens tokens;
  AttentionSite site;
  StepInfo step;
  Tensor q, out;
};

TEST(IpAttention, ChangesNothingWhereItDoesNotAct) {
  Small s;
  for (const char* scaling : {"original", "linear", "channel penalty", "K+V w/ C penalty"})
    EXPECT_EQ(s.run(constant_options(scaling, 0.0f)).raw(), s.out.raw()) << scaling;
  s.step.sigma = 15;  // before its start
  EXPECT_EQ(s.run(constant_options("original", 1.0f)).raw(), s.out.raw());
  s.step.sigma = 0.4f;  // after its end
  EXPECT_EQ(s.run(constant_options("original", 1.0f)).raw(), s.out.raw());
  s.step.sigma = 1;
  IpAttentionOptions black = constant_options("original", 1.0f);
  black.mask = Tensor::zeros({1, 8, 12});
  EXPECT_EQ(max_difference(s.run(black), s.out), 0.0);
}

TEST(IpAttention, AFullMaskIsNoMask) {
  const Small s;
  IpAttentionOptions white = constant_options("original", 0.8f);
  const Tensor plain = s.run(white);
  for (const bool bicubic : {true, false}) {
    white.mask = Tensor::full({1, 8, 12}, 1.0f);
    white.bicubic_mask = bicubic;
    EXPECT_LE(max_difference(s.run(white), plain), 1e-6);
  }
  EXPECT_GT(max_difference(plain, s.out), 0.1);
}

TEST(IpAttention, UnfoldedImagesSteerTheirOwnSamples) {
  const Small both, first(1);
  IpAttentionOptions unfolded = constant_options("original", 1.0f);
  unfolded.unfold_batch = true;
  const Tensor all = both.run(unfolded);
  for (int64_t sample = 0; sample < 2; ++sample) {
    Small one(1);
    one.tokens.cond = contiguous(both.tokens.cond.slice(0, sample, 1));
    one.tokens.uncond = contiguous(both.tokens.uncond.slice(0, sample, 1));
    const auto pick = [&](const Tensor& t) {
      return ops::concat({t.slice(0, sample, 1), t.slice(0, 2 + sample, 1)}, 0);
    };
    one.q = pick(both.q);
    one.out = pick(both.out);
    EXPECT_EQ(max_difference(one.run(unfolded), pick(all)), 0.0) << sample;
  }
  // A batch longer than the images goes on with the last one.
  EXPECT_EQ(max_difference(first.run(unfolded), first.run(constant_options("original", 1.0f))), 0.0);
}

TEST(IpAttention, TwoAdaptersWithOneImageAddTheirWeights) {
  const Small s;
  const IpAttention weak(s.adapter, s.tokens, constant_options("original", 0.3f));
  const IpAttention strong(s.adapter, s.tokens, constant_options("V only", 0.5f));
  const Tensor twice =
      strong.after_cross_attention(s.site, s.step, s.q, weak.after_cross_attention(s.site, s.step, s.q, s.out));
  EXPECT_LE(relative_error(twice, s.run(constant_options("original", 0.8f))), 1e-6);
}

TEST(IpAttention, ConditionalAndUnconditionalHalvesSeeTheirOwnTokens) {
  Small s;
  const Tensor both = s.run(constant_options("original", 1.0f));
  s.tokens.cond = s.tokens.uncond;
  const Tensor none = s.run(constant_options("original", 1.0f));
  // Chunk 0 is the unconditional one and stays, chunk 1 changes.
  EXPECT_EQ(max_difference(contiguous(both.slice(0, 0, 2)), contiguous(none.slice(0, 0, 2))), 0.0);
  EXPECT_GT(max_difference(contiguous(both.slice(0, 2, 2)), contiguous(none.slice(0, 2, 2))), 0.1);
}

TEST(IpAttention, RefusesAModelOfOtherWidths) {
  const Small s;
  const IpAttention hook(s.adapter, s.tokens, constant_options("original", 1.0f));
  AttentionSite other = s.site;
  other.index = 1;  // has 8 channels
  EXPECT_THROW(hook.after_cross_attention(other, s.step, s.q, s.out), Error);
}

TEST(IpEmbeds, CombineAsTheReferenceDoes) {
  const Tensor x = Tensor::of({2, 3}, {3, -1, 0, 4, 5, 0});
  const auto combined = [&](const char* how) { return combine_embeds(x, ip_combine(how)); };
  EXPECT_EQ(max_difference(combined("add"), Tensor::of({1, 3}, {7, 4, 0})), 0.0);
  EXPECT_EQ(max_difference(combined("subtract"), Tensor::of({1, 3}, {-1, -6, 0})), 0.0);
  EXPECT_EQ(max_difference(combined("average"), Tensor::of({1, 3}, {3.5f, 2, 0})), 0.0);
  EXPECT_LE(max_difference(combined("norm average"), Tensor::of({1, 3}, {0.7f, 0.3922323f, 0})), 1e-6);
  EXPECT_EQ(max_difference(combined("max"), Tensor::of({1, 3}, {4, 5, 0})), 0.0);
  EXPECT_EQ(max_difference(combined("min"), Tensor::of({1, 3}, {3, -1, 0})), 0.0);
  EXPECT_EQ(combined("concat").raw(), x.raw());
  EXPECT_THROW(ip_combine("mix"), Error);
}

// --- What fits, and what is refused -----------------------------------------------------------------------------

UNetConfig shape_of(bool sdxl) {
  UNetConfig c;
  c.input_depth =
      sdxl ? std::vector<int>{0, 0, 0, 0, 2, 2, 0, 10, 10} : std::vector<int>{0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0};
  c.output_depth =
      sdxl ? std::vector<int>{10, 10, 10, 2, 2, 2, 0, 0, 0} : std::vector<int>{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  c.middle_depth = sdxl ? 10 : 1;
  c.context_dim = sdxl ? 384 : 128;
  return c;
}

TEST(IpAdapter, NamesModelsThatDoNotFit) {
  memory::Residency residency;
  const IpAdapterHandle sd15 = open_adapter(residency, "ip-adapter_sd15.bin"),
                        sdxl = open_adapter(residency, "ip-adapter_sdxl.bin");
  ModelHandle model;
  model.file = "dream.safetensors";
  UNetModel unet;
  unet.config = shape_of(false);
  model.net = std::make_shared<const sd::SdModel>(sd::kSd1, std::move(unet), nullptr);
  ClipVisionHandle vision;
  vision.file = "vision_h.safetensors";
  vision.projection_dim = 80;
  vision.hidden_size = 96;
  EXPECT_FALSE(ip_adapter_mismatch(sd15, &vision, &model));
  const auto words = [](const std::optional<Error>& misfit) {
    EXPECT_TRUE(misfit && misfit->fault() == Fault::kMismatch && !misfit->advice().empty());
    return misfit ? std::string(misfit->what()) : "";
  };
  const std::string wrong_model = words(ip_adapter_mismatch(sdxl, nullptr, &model));
  for (const char* part : {"ip-adapter_sdxl.bin", "dream.safetensors", "70", "16", "384", "128", "SDXL"})
    EXPECT_NE(wrong_model.find(part), std::string::npos) << part << ": " << wrong_model;
  const std::string wrong_vision = words(ip_adapter_mismatch(sdxl, &vision, nullptr));
  for (const char* part : {"ip-adapter_sdxl.bin", "vision_h.safetensors", "256", "80"})
    EXPECT_NE(wrong_vision.find(part), std::string::npos) << part << ": " << wrong_vision;
  EXPECT_THROW(sdxl.model->get()->tokens(sines({1, 80}, 0)), Error);
}

TEST(IpAdapter, RefusesFaceIdDamageAndStrangers) {
  const auto fault_of = [](const StoredTensors& map) {
    try {
      read_ip_adapter_config(map, "x.bin");
    } catch (const Error& e) {
      EXPECT_EQ(e.file(), "x.bin");
      return e.fault();
    }
    return Fault::kInternal;
  };
  EXPECT_EQ(fault_of({}), Fault::kUnsupported);
  StoredTensors face = small_adapter();
  face.set("ip_adapter.0.to_q_lora.down.weight", sines({4, 8}, 0));
  EXPECT_EQ(fault_of(face), Fault::kUnsupported);
  StoredTensors gap = small_adapter();
  gap.set("ip_adapter.7.to_k_ip.weight", sines({8, 10}, 0));
  EXPECT_EQ(fault_of(gap), Fault::kBadFile);
  StoredTensors odd = small_adapter();
  odd.set("ip_adapter.3.to_v_ip.weight", sines({9, 10}, 0));
  EXPECT_EQ(fault_of(odd), Fault::kBadFile);
  StoredTensors scalar = small_adapter();
  scalar.set("image_proj.proj.weight", Tensor::full(Shape{}, 1.0f));
  EXPECT_EQ(fault_of(scalar), Fault::kBadFile);
  // A norm of the wrong width is found when the model is built.
  StoredTensors norm = small_adapter();
  norm.set("image_proj.norm.weight", sines({11}, 0));
  const auto config = read_ip_adapter_config(norm, "x.bin");
  EXPECT_THROW(IpAdapter(nn::Weights(std::make_shared<const StoredTensors>(norm), DType::kF32, "x.bin"), config),
               Error);
}

TEST(IpWeights, SpreadOverTheLayersAsTheReferenceDoes) {
  const auto rules = [](bool sdxl, const char* type) {
    IpWeightOptions o;
    o.type = type;
    o.weight = 0.8;
    o.composition_weight = 0.5;
    return ip_layer_rules(shape_of(sdxl), o);
  };
  const auto weight = [&](bool sdxl, const char* type, size_t i) { return rules(sdxl, type).at(i).weight; };
  EXPECT_EQ(rules(false, "linear").size(), 16u);
  EXPECT_EQ(rules(true, "linear").size(), 70u);
  EXPECT_FLOAT_EQ(weight(false, "linear", 15), 0.8f);
  EXPECT_FLOAT_EQ(weight(false, "ease in", 1), 0.7525f);
  // The middle block is keyed last but runs in the middle.
  EXPECT_FLOAT_EQ(weight(false, "ease out", 15), 0.8f * (0.05f + 0.95f * 6 / 16));
  EXPECT_FLOAT_EQ(weight(true, "weak middle", 69), 0.16f);
  EXPECT_FLOAT_EQ(weight(true, "weak middle", 0), 0.8f);
  EXPECT_FLOAT_EQ(weight(true, "strong middle", 0), 0.16f);
  // SDXL's transformer 6 (style) is the second of its output blocks: cross-attentions 34 to 43.
  EXPECT_FLOAT_EQ(weight(true, "style transfer", 34), 0.8f);
  EXPECT_EQ(weight(true, "style transfer", 33), 0.0f);
  EXPECT_EQ(weight(true, "style transfer", 44), 0.0f);
  EXPECT_FLOAT_EQ(weight(true, "style and composition", 14), 0.5f);
  EXPECT_TRUE(rules(true, "style transfer precise").at(14).inverted);
  EXPECT_FLOAT_EQ(weight(false, "composition", 4), 0.2f);
  EXPECT_FLOAT_EQ(weight(false, "composition", 5), 0.8f);
  EXPECT_THROW(rules(false, "sideways"), Error);
}

// The whole picture, and what its four tiles say, put together and averaged to the size of one.
TEST(IpEmbeds, TilesAreJoinedAndAveraged) {
  const auto file =
      formats::open_model_file(tiny_models_dir() / "clip_vision/IPAdapter_image_encoder_sd15.safetensors");
  memory::Residency residency;
  const ClipVisionHandle vision = find_clip_vision(residency, *file.tensors, DType::kF32, "encoder");
  Tensor pictures = made_up({2, 60, 70, 3}, 5);
  for (float& v : pictures.values()) v = 0.5f * v + 0.5f;
  const Tensor one = contiguous(pictures.slice(0, 0, 1));
  const Tensor whole = ip_encode_images(vision, one, true);
  const int64_t places = whole.dim(1), width = whole.dim(2), side = 16;
  ASSERT_EQ(places, side * side + 1);
  std::vector<Tensor> tiles;
  for (int64_t y = 0; y < 2; ++y)
    for (int64_t x = 0; x < 2; ++x)
      tiles.push_back(ip_encode_images(vision, contiguous(one.slice(1, 30 * y, 30).slice(2, 35 * x, 35)), true));
  const auto expected = [&](int64_t place, int64_t c) {
    double sum = 0;
    if (place == 0) {
      for (const Tensor& tile : tiles) sum += static_cast<double>(tile.f32()[c]);
      return sum / 4;
    }
    const int64_t row = (place - 1) / side * 2, column = (place - 1) % side * 2;
    for (int64_t r = row; r < row + 2; ++r)
      for (int64_t k = column; k < column + 2; ++k) {
        const Tensor& tile = tiles[static_cast<size_t>(r / side * 2 + k / side)];
        sum += static_cast<double>(tile.f32()[(1 + r % side * side + k % side) * width + c]);
      }
    return sum / 4;
  };
  const Tensor both = ip_encode_with_tiles(vision, one, true, 2, 0.75);
  ASSERT_EQ(both.shape(), (Shape{2, places, width}));
  for (int64_t place = 0; place < places; ++place)
    for (int64_t c = 0; c < width; ++c) {
      const int64_t i = place * width + c;
      ASSERT_NEAR(both.f32()[i], 0.75f * whole.f32()[i], 1e-6);
      ASSERT_NEAR(static_cast<double>(both.f32()[places * width + i]), expected(place, c), 2e-6);
    }
  // Of two pictures the whole and the tiles are mixed.
  const Tensor mixed = ip_encode_with_tiles(vision, pictures, true, 2, 0.75);
  ASSERT_EQ(mixed.shape(), (Shape{2, places, width}));
  for (int64_t i = 0; i < width * places; ++i)
    ASSERT_NEAR(static_cast<double>(mixed.f32()[i]),
                0.75 * static_cast<double>(whole.f32()[i]) + 0.25 * expected(i / width, i % width), 2e-6);
  EXPECT_THROW(ip_encode_with_tiles(vision, one, false, 2, 0.75), Error) << "80 is no square";
  EXPECT_THROW(ip_encode_with_tiles(vision, contiguous(one.slice(1, 0, 2)), true, 3, 0.75), Error);
}

}  // namespace
}  // namespace easel::models
