#include "models/vision/photo_maker.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models_support.h"
#include "numbers_support.h"

namespace easel::models {
namespace {

using testing::max_difference;

constexpr const char* kFile = "photomaker/photomaker-v1.bin";

std::vector<double> doubles(const StoredTensor& t) {
  const Tensor f = convert(t.decoded(), DType::kF32);
  return {f.values().begin(), f.values().end()};
}

// The module that puts a person into a word, in f64: MLP(layer norm) of the word and the person side by side, plus the
// word; plus an MLP of that; normalised.
class Fused {
 public:
  explicit Fused(const StoredTensors& file) : file_(file) {}

  std::vector<double> operator()(const std::vector<double>& word, const std::vector<double>& person) const {
    std::vector<double> x = word;
    x.insert(x.end(), person.begin(), person.end());
    x = sum(mlp("mlp1", x), word);
    x = sum(mlp("mlp2", x), x);
    return norm("layer_norm", x);
  }

 private:
  std::vector<double> get(const std::string& name) const { return doubles(*file_.find("fuse_module." + name)); }
  static std::vector<double> sum(std::vector<double> a, const std::vector<double>& b) {
    for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
  }
  std::vector<double> norm(const std::string& name, std::vector<double> x) const {
    const auto weight = get(name + ".weight"), bias = get(name + ".bias");
    const auto n = static_cast<double>(x.size());
    double mean = 0, square = 0;
    for (const double v : x) mean += v / n;
    for (const double v : x) square += (v - mean) * (v - mean) / n;
    for (size_t i = 0; i < x.size(); ++i) x[i] = (x[i] - mean) / std::sqrt(square + 1e-5) * weight[i] + bias[i];
    return x;
  }
  std::vector<double> linear(const std::string& name, const std::vector<double>& x) const {
    const auto weight = get(name + ".weight");
    std::vector<double> out = get(name + ".bias");
    for (size_t r = 0; r < out.size(); ++r)
      for (size_t i = 0; i < x.size(); ++i) out[r] += weight[r * x.size() + i] * x[i];
    return out;
  }
  std::vector<double> mlp(const std::string& name, const std::vector<double>& x) const {
    std::vector<double> hidden = linear(name + ".fc1", norm(name + ".layernorm", x));
    for (double& v : hidden) v = 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
    return linear(name + ".fc2", hidden);
  }
  const StoredTensors& file_;
};

struct PhotoMakerTest : ::testing::Test {
  formats::ModelFile file = formats::open_model_file(tiny_models_dir() / kFile);
  memory::Residency residency;
  // Of the tower alone, with one projection.
  Tensor embeds(const char* projection, const Tensor& pixels) {
    StoredTensors tower;
    for (const auto& [name, tensor] : *file.tensors)
      if (name.starts_with("vision_model.")) tower.set(name, tensor);
    tower.set("visual_projection.weight", *file.tensors->find(projection));
    return find_clip_vision(residency, tower, DType::kF32, "tower").model->get()->encode(pixels).image_embeds;
  }
};

TEST_F(PhotoMakerTest, PutsAPersonIntoAWord) {
  const PhotoMakerHandle net = load_photo_maker(residency, *file.tensors, DType::kF32, "photomaker-v1.bin");
  EXPECT_EQ(net.width, 384);
  EXPECT_EQ(net.image_size, 224);
  const auto model = net.model->get();
  EXPECT_EQ(model->bytes(), net.model->estimated_bytes());
  const Tensor pixels = sines({1, 224, 224, 3}, 1), word = sines({1, 1, net.width}, 2);
  std::vector<float> person = to_vector(embeds("visual_projection.weight", pixels));
  EXPECT_EQ(person.size(), 96U);
  for (const float v : to_vector(embeds("visual_projection_2.weight", pixels))) person.push_back(v);
  ASSERT_EQ(person.size(), static_cast<size_t>(net.width));
  const std::vector<float> given = to_vector(word);
  const std::vector<double> expected =
      Fused(*file.tensors)({given.begin(), given.end()}, {person.begin(), person.end()});
  const Tensor out = model->fuse(pixels, word);
  ASSERT_EQ(out.shape(), word.shape());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(static_cast<double>(out.f32()[static_cast<int64_t>(i)]), expected[i], 2e-5) << i;
}

TEST_F(PhotoMakerTest, ReadsTheFileWithTheLoraBesideIt) {
  StoredTensors both;
  for (const auto& [name, tensor] : *file.tensors) both.set("id_encoder." + name, tensor);
  both.set("lora_weights.unet.down_blocks.1.attentions.0.proj.lora.down.weight", Tensor::zeros({4, 8}));
  EXPECT_TRUE(is_photo_maker(both));
  const Tensor pixels = sines({1, 224, 224, 3}, 1), word = sines({1, 1, 384}, 2);
  const auto fused = [&](const StoredTensors& tensors) {
    return load_photo_maker(residency, tensors, DType::kF32, "x").model->get()->fuse(pixels, word);
  };
  EXPECT_EQ(max_difference(fused(both), fused(*file.tensors)), 0.0);
}

TEST_F(PhotoMakerTest, RefusesOtherFiles) {
  const auto fault = [&](const StoredTensors& tensors) {
    try {
      load_photo_maker(residency, tensors, DType::kF32, "x");
    } catch (const Error& e) {
      return std::optional(e.fault());
    }
    return std::optional<Fault>();
  };
  EXPECT_EQ(fault({}), Fault::kUnsupported);
  StoredTensors second = *file.tensors;
  second.set("qformer_perceiver.token_proj.0.weight", Tensor::zeros({4, 4}));
  EXPECT_EQ(fault(second), Fault::kUnsupported);
  for (const char* name : {"visual_projection_2.weight", "visual_projection.weight", "fuse_module.mlp1.fc1.weight",
                           "fuse_module.mlp2.layernorm.bias", "fuse_module.layer_norm.weight",
                           "vision_model.embeddings.position_embedding.weight"}) {
    StoredTensors lacking;
    for (const auto& [other, kept] : *file.tensors)
      if (other != name) lacking.set(other, kept);
    EXPECT_TRUE(fault(lacking)) << name;
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{3}, Shape{5, 3}, Shape{0, 64}, Shape{2, 2, 2}}) {
      StoredTensors bad = *file.tensors;
      bad.set(name, Tensor::zeros(shape));
      const auto found = fault(bad);
      EXPECT_TRUE(found) << name << shape.str();
      EXPECT_NE(found, Fault::kInternal) << name << shape.str();
    }
  }
}

// The prompt: the trigger goes, what stands behind it moves up, and the token before its place changes.
TEST_F(PhotoMakerTest, FindsTheWordByItsTrigger) {
  const auto checkpoint = formats::open_model_file(tiny_models_dir() / "checkpoints/sd_xl_base_1.0.safetensors");
  const ClipHandle clip{load_text_encoder(residency, *checkpoint.tensors, DType::kF32, "xl"), nullptr, std::nullopt};
  const PhotoMakerHandle net = load_photo_maker(residency, *file.tensors, DType::kF32, "photomaker-v1.bin");
  EXPECT_FALSE(photo_maker_mismatch(net, clip));
  Tensor images = sines({2, 30, 40, 3}, 3);
  for (float& v : images.values()) v = v * 0.5f + 0.5f;
  std::vector<std::string> warnings;
  const EncodedText with = encode_with_person(net, clip, images, "photo of man photomaker (here:1.3)", &warnings);
  const EncodedText plain = encode_prompt(clip, "photo of man (here:1.3)");
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(max_difference(with.pooled, plain.pooled), 0.0);
  constexpr int64_t kMan = 3;  // behind the start mark, "photo" and "of"
  for (int64_t i = 0; i < 77; ++i) {
    const Tensor a = contiguous(with.cond.slice(1, i, 1)), b = contiguous(plain.cond.slice(1, i, 1));
    if (i != kMan) {
      EXPECT_EQ(max_difference(a, b), 0.0) << i;
      continue;
    }
    const Tensor pixels = image::clip_preprocess(contiguous(images.slice(0, 0, 1)));
    EXPECT_EQ(max_difference(a, net.model->get()->fuse(pixels, b)), 0.0);
    EXPECT_GT(max_difference(a, b), 1e-2);
  }

  // Not a word of its own: the prompt as it is, and a warning.
  const EncodedText without = encode_with_person(net, clip, images, "a man, photomaker, here", &warnings);
  EXPECT_EQ(warnings.size(), 1U);
  EXPECT_EQ(max_difference(without.cond, encode_prompt(clip, "a man, photomaker, here").cond), 0.0);
  // Longer than a chunk.
  std::string longer = "man photomaker";
  for (int i = 0; i < 80; ++i) longer += " word";
  EXPECT_THROW(encode_with_person(net, clip, images, longer, nullptr), Error);
  // Several encodings for parts of the sampling, of which only one would be made.
  ClipHandle scheduled = clip;
  scheduled.schedule.resize(2);
  for (const char* text : {"man photomaker", "man"})
    EXPECT_THROW(encode_with_person(net, scheduled, images, text, nullptr), Error);
  // Another encoder.
  const auto sd15 = formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors");
  const ClipHandle small{load_text_encoder(residency, *sd15.tensors, DType::kF32, "sd15"), nullptr, std::nullopt};
  EXPECT_TRUE(photo_maker_mismatch(net, small));
  EXPECT_THROW(encode_with_person(net, small, images, "man photomaker", nullptr), Error);
}

}  // namespace
}  // namespace easel::models
