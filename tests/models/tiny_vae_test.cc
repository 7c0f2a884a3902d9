// TAESD against the same network computed in f64, layer by layer, from the values in its files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "memory/resident.h"
#include "models/checkpoint/checkpoint.h"
#include "models/sd/latents.h"
#include "models/vae/vae.h"
#include "models/vae/vae_keys.h"
#include "models_support.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::relative_error;

// Channels last, one picture.
struct Map {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<double> values;
  double& at(int64_t y, int64_t x, int64_t c) { return values[static_cast<size_t>((y * width + x) * channels + c)]; }
  double at(int64_t y, int64_t x, int64_t c) const {
    return values[static_cast<size_t>((y * width + x) * channels + c)];
  }
};

Map blank(int64_t height, int64_t width, int64_t channels) {
  return {height, width, channels, std::vector<double>(static_cast<size_t>(height * width * channels))};
}

Map map_of(const Tensor& t) {
  return {t.dim(1), t.dim(2), t.dim(3), std::vector<double>(t.f32(), t.f32() + t.numel())};
}

Tensor tensor_of(const Map& map) {
  Tensor out = Tensor::zeros({1, map.height, map.width, map.channels});
  for (size_t i = 0; i < map.values.size(); ++i) out.f32()[i] = static_cast<float>(map.values[i]);
  return out;
}

template <class Function>
Map each(Map map, const Function& function) {
  for (double& v : map.values) v = function(v);
  return map;
}

double relu(double v) { return std::max(v, 0.0); }

// A file of TAESD as it is published.
class Half {
 public:
  explicit Half(const StoredTensors& tensors) : tensors_(tensors) {}

  // A 3x3 window, nothing beyond the edge; the bias is optional.
  Map conv(const Map& in, const std::string& name, int64_t stride = 1) const {
    const Tensor w = tensors_.find(name + ".weight")->decoded();
    const StoredTensor* given = tensors_.find(name + ".bias");
    const Tensor bias = given ? given->decoded() : Tensor::zeros({w.dim(0)});
    Map out = blank((in.height - 1) / stride + 1, (in.width - 1) / stride + 1, w.dim(0));
    for (int64_t y = 0; y < out.height; ++y)
      for (int64_t x = 0; x < out.width; ++x)
        for (int64_t o = 0; o < out.channels; ++o) {
          double sum = bias.f32()[o];
          for (int64_t c = 0; c < in.channels; ++c)
            for (int64_t dy = 0; dy < 3; ++dy)
              for (int64_t dx = 0; dx < 3; ++dx) {
                const int64_t from_y = y * stride + dy - 1, from_x = x * stride + dx - 1;
                if (from_y < 0 || from_x < 0 || from_y >= in.height || from_x >= in.width) continue;
                sum += in.at(from_y, from_x, c) * w.f32()[((o * in.channels + c) * 3 + dy) * 3 + dx];
              }
          out.at(y, x, o) = sum;
        }
    return out;
  }

  Map block(const Map& in, int number) const {
    const std::string name = std::to_string(number) + ".conv.";
    Map h = each(conv(in, name + "0"), relu);
    h = conv(each(conv(h, name + "2"), relu), name + "4");
    for (size_t i = 0; i < h.values.size(); ++i) h.values[i] = relu(h.values[i] + in.values[i]);
    return h;
  }

 private:
  const StoredTensors& tensors_;
};

Map doubled(const Map& in) {
  Map out = blank(2 * in.height, 2 * in.width, in.channels);
  for (int64_t y = 0; y < out.height; ++y)
    for (int64_t x = 0; x < out.width; ++x)
      for (int64_t c = 0; c < out.channels; ++c) out.at(y, x, c) = in.at(y / 2, x / 2, c);
  return out;
}

// A latent in the model's scale to a picture, 0..1 where it can be shown.
Map decoded(const Half& half, const Map& latent) {
  Map h = each(latent, [](double v) { return 3 * std::tanh(v / 3); });
  h = each(half.conv(h, "1"), relu);
  int at = 3;
  for (const int conv : {7, 12, 17}) {
    for (; at < conv - 1; ++at) h = half.block(h, at);
    h = half.conv(doubled(h), std::to_string(conv));
    at = conv + 1;
  }
  return half.conv(half.block(h, 18), "19");
}

// A picture in 0..1 to a latent in the model's scale.
Map encoded(const Half& half, const Map& picture) {
  Map h = half.block(half.conv(picture, "0"), 1);
  for (const int conv : {2, 6, 10}) {
    h = half.conv(h, std::to_string(conv), 2);
    for (int i = 1; i <= 3; ++i) h = half.block(h, conv + i);
  }
  return half.conv(h, "14");
}

struct Published {
  std::shared_ptr<const formats::ModelFile> encoder, decoder;
};
Published published(const char* name) {
  const auto folder = tiny_models_dir() / "vae_approx";
  const auto open = [&](const char* half) {
    return std::make_shared<const formats::ModelFile>(
        formats::open_model_file(folder / (std::string(name) + half + ".safetensors")));
  };
  return {open("_encoder"), open("_decoder")};
}

Vae vae_of(const Published& files, bool sdxl, DType compute) {
  return Vae(
      nn::Weights(tiny_vae_tensors(files.encoder->tensors.get(), *files.decoder->tensors, sdxl), compute, "taesd"));
}

TEST(TinyVae, IsWhatItsLayersComputeInF64) {
  for (const bool sdxl : {false, true}) {
    const double scale = sdxl ? 0.13025 : 0.18215;
    const Published files = published(sdxl ? "taesdxl" : "taesd");
    const Vae vae = vae_of(files, sdxl, DType::kF32), narrow = vae_of(files, sdxl, DType::kBF16);
    EXPECT_TRUE(vae.config().tiny);
    EXPECT_EQ(vae.config().downscale, 8);
    EXPECT_EQ(vae.config().latent_channels, 4);

    // Large enough that the bound of 3 is felt.
    const Tensor latent = made_up({1, 3, 5, 4}, 4);
    const Map seen = each(map_of(latent), [&](double v) { return 40 * v * scale; });
    Tensor large = clone(latent);
    for (int64_t i = 0; i < large.numel(); ++i) large.f32()[i] *= 40;
    const Map picture = decoded(Half(*files.decoder->tensors), seen);
    const Tensor shown = tensor_of(each(picture, [](double v) { return std::clamp(v, 0.0, 1.0); }));
    EXPECT_LE(relative_error(vae.decode(large), shown), 1e-5) << sdxl;
    EXPECT_LE(relative_error(narrow.decode(large), shown), 3e-2) << sdxl;

    Tensor pixels = clone(made_up({1, 24, 32, 3}, 5));
    for (int64_t i = 0; i < pixels.numel(); ++i) pixels.f32()[i] = pixels.f32()[i] * 0.5f + 0.5f;
    const Map mean = each(encoded(Half(*files.encoder->tensors), map_of(pixels)), [&](double v) { return v / scale; });
    EXPECT_LE(relative_error(vae.encode(pixels), tensor_of(mean)), 1e-5) << sdxl;
    EXPECT_LE(relative_error(narrow.encode(pixels), tensor_of(mean)), 3e-2) << sdxl;
  }
}

TEST(TinyVae, ItsHalvesAreKnownByTheirLayersAndBelongTogether) {
  const Published files = published("taesdxl");
  EXPECT_EQ(tiny_half(*files.encoder->tensors), TinyHalf::kEncoder);
  EXPECT_EQ(tiny_half(*files.decoder->tensors), TinyHalf::kDecoder);
  memory::Residency residency;
  const VaeHandle whole = load_tiny_vae(files.encoder.get(), *files.decoder, true, residency, DType::kF32);
  EXPECT_EQ(whole.latents, &sd::kSdxlLatents);
  // Asked for again, it is the same model.
  EXPECT_EQ(load_tiny_vae(files.encoder.get(), *files.decoder, true, residency, DType::kF32).vae, whole.vae);

  const VaeHandle alone = load_tiny_vae(nullptr, *files.decoder, true, residency, DType::kF32);
  EXPECT_EQ(alone.vae->get()->decode(Tensor::zeros({1, 1, 1, 4})).shape(), (Shape{1, 8, 8, 3}));
  try {
    alone.vae->get()->encode(Tensor::zeros({1, 8, 8, 3}));
    FAIL() << "it has no encoder";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_NE(std::string(e.what()).find("no encoder"), std::string::npos) << e.what();
  }
  EXPECT_THROW(load_tiny_vae(files.decoder.get(), *files.encoder, true, residency, DType::kF32), Error);
}

// ComfyUI keeps both halves in one file when it saves such a VAE.
TEST(TinyVae, BothHalvesMayLieInOneFile) {
  const Published files = published("taesd");
  const auto both = tiny_vae_tensors(files.encoder->tensors.get(), *files.decoder->tensors, false);
  const auto found = vae_tensors(*both);
  ASSERT_TRUE(found);
  const Vae vae(nn::Weights(found, DType::kF32, "both")), apart = vae_of(files, false, DType::kF32);
  const Tensor latent = made_up({1, 2, 2, 4}, 6);
  EXPECT_EQ(testing::max_difference(vae.decode(latent), apart.decode(latent)), 0);
}

TEST(TinyVae, DamagedFilesAreRefusedByTheTensorsName) {
  const Published files = published("taesd");
  const auto all = tiny_vae_tensors(files.encoder->tensors.get(), *files.decoder->tensors, false);
  const auto without = [&](const std::string& name) {
    auto out = std::make_shared<StoredTensors>();
    for (const auto& [key, tensor] : *all)
      if (key != name) out->set(key, tensor);
    return out;
  };
  for (const std::string name : {"taesd_decoder.7.weight", "taesd_encoder.3.conv.2.bias", "taesd_decoder.19.weight"})
    try {
      Vae::check(nn::Weights(without(name), DType::kF32, "cut.safetensors"));
      FAIL() << name;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kBadFile);
      EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace easel::models
