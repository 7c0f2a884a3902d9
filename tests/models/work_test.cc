// How much work the models do: exactly the products their files ask for, in no more calls of the ops, over no more
// memory and with no more multiplications than now. A lost fusion, an extra copy, a projection done in every step or a
// slower method of convolution fails here, on any machine and however busy it is.
#include <map>

#include "models/text/clip_keys.h"
#include "models/text/clip_text.h"
#include "models/unet/unet.h"
#include "models/vae/vae.h"
#include "models/vision/clip_vision.h"
#include "models_support.h"
#include "ops/counters.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

using ops::OpKind;

// Of one kind of op, by OpKind.
struct Work {
  uint64_t linear = 0, conv = 0, attention = 0;
};

template <class Run>
std::array<ops::OpCounters, ops::kOpKinds> count(const Run& run) {
  ops::reset_op_counters();
  ops::enable_op_counters(true);
  run();
  ops::enable_op_counters(false);
  return ops::op_counters();
}

// Half a percent above what the level that pads most takes.
constexpr uint64_t kF32KiB = 86500, kBf16KiB = 50200, kInt8KiB = 39850, kDecodeKiB = 94400, kEncodeKiB = 55200,
                   kVisionKiB = 58250, kTextKiB = 12380;

using Counts = std::array<ops::OpCounters, ops::kOpKinds>;
const ops::OpCounters& of(const Counts& counts, OpKind kind) { return counts[static_cast<size_t>(kind)]; }

void expect_flops(const Counts& counts, const Work& work) {
  EXPECT_EQ(of(counts, OpKind::kLinear).flops, work.linear);
  EXPECT_EQ(of(counts, OpKind::kConv).flops, work.conv);
  EXPECT_EQ(of(counts, OpKind::kAttention).flops, work.attention);
}

// Upper bounds: calls by kind in the order of OpKind, and the bytes of all in KiB.
void expect_at_most(const Counts& counts, const std::array<uint64_t, ops::kOpKinds>& calls, uint64_t kib) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    EXPECT_LE(counts[i].calls, calls[i]) << ops::op_kind_name(counts[i].kind);
    bytes += counts[i].bytes;
  }
  EXPECT_LE(bytes >> 10, kib);
}

uint64_t numel(const StoredTensor& t) { return static_cast<uint64_t>(t.numel()); }

// Side of the map an SD 1.x block works on, for a latent of `side`, by the number of its scope. Upsampling and
// downsampling convolutions are counted at the size they give.
int64_t side_of(const std::string& key, int64_t side) {
  int n = 0;
  if (sscanf(key.c_str(), "input_blocks.%d.", &n) == 1) return side >> (n / 3);
  if (key.starts_with("middle_block")) return side >> 3;
  if (sscanf(key.c_str(), "output_blocks.%d.", &n) == 1)
    return side >> (key.find(".conv.") != std::string::npos ? 2 - n / 3 : 3 - n / 3);
  return side;
}

// What one evaluation must multiply, from nothing but the names and shapes in the file.
Work unet_work(const nn::Weights& w, const StoredTensors& tensors, uint64_t n, int64_t side, uint64_t tokens) {
  Work work;
  const std::string prefix = w.full("");
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(prefix) || tensor.rank() < 2) continue;
    const std::string key = name.substr(prefix.size());
    const auto map = static_cast<uint64_t>(side_of(key, side) * side_of(key, side));
    const uint64_t product = 2 * numel(tensor) * n;
    if (tensor.rank() == 4 && tensor.dim(2) == 3) work.conv += product * map;
    else if (key.find("attn2.to_k") != std::string::npos || key.find("attn2.to_v") != std::string::npos) continue;
    else if (key.find("emb") != std::string::npos) work.linear += product;
    else work.linear += product * map;
    if (key.find("to_q.weight") == std::string::npos) continue;
    const uint64_t keys = key.find("attn1") != std::string::npos ? map : tokens;
    work.attention += 4 * n * map * keys * static_cast<uint64_t>(tensor.dim(0));
  }
  return work;
}

constexpr const char* kSd15 = "checkpoints/v1-5-pruned-emaonly.safetensors";

class UNetWork : public ::testing::TestWithParam<DType> {};

TEST_P(UNetWork, OneStepOfSd15) {
  const auto tensors = formats::open_model_file(tiny_models_dir() / kSd15).tensors;
  const nn::Weights w = nn::Weights(tensors, GetParam(), kSd15)["model"]["diffusion_model"];
  const UNet unet(w);
  UNetInputs in;
  in.x = made_up({2, 16, 16, 4}, 1);
  in.timesteps = {500.0f, 500.0f};
  in.context = unet.project(made_up({2, 77, unet.config().context_dim}, 2));
  const Counts counts = count([&] { unet.forward(in); });
  expect_flops(counts, unet_work(w, *tensors, 2, 16, 77));
  // 6 products in each of 16 transformer blocks and 2 around it, 22 embeddings, 14 widenings, 2 for the time.
  const std::array<uint64_t, ops::kOpKinds> calls{166, 52, 32, 109, 1, 12};
  expect_at_most(counts, calls, GetParam() == DType::kF32 ? kF32KiB : GetParam() == DType::kBF16 ? kBf16KiB : kInt8KiB);
  // Winograd's and folded convolutions take 4/9, and most are of those.
  EXPECT_LE(of(counts, OpKind::kConv).executed, of(counts, OpKind::kConv).flops * 6 / 10);
  EXPECT_EQ(of(counts, OpKind::kLinear).executed, of(counts, OpKind::kLinear).flops);
}

INSTANTIATE_TEST_SUITE_P(Precisions, UNetWork, ::testing::Values(DType::kF32, DType::kBF16, DType::kI8),
                         [](const auto& type) { return std::string(dtype_name(type.param)); });

// A decoder's part is at 1, 2, 4 and 8 times the latent's size; an upsampling convolution at the size it gives.
TEST(VaeWork, DecodeAndEncode) {
  const char* const file = "vae/vae-ft-mse-840000-ema-pruned.safetensors";
  const auto tensors = formats::open_model_file(tiny_models_dir() / file).tensors;
  const Vae vae(nn::Weights(tensors, DType::kBF16, file));
  constexpr int64_t kSide = 16;
  std::map<std::string, Work> works;
  for (const auto& [name, tensor] : *tensors) {
    if (tensor.rank() != 4) continue;
    const bool decoder = name.starts_with("decoder.") || name.starts_with("post_quant_conv.");
    int level = 0;
    int64_t side = kSide;
    if (sscanf(name.c_str(), "decoder.up.%d.", &level) == 1)
      side = kSide << (3 - level + (name.find("upsample") != std::string::npos ? 1 : 0));
    else if (name.starts_with("decoder.conv_out")) side = kSide * 8;
    else if (sscanf(name.c_str(), "encoder.down.%d.", &level) == 1)
      side = kSide * 8 >> (level + (name.find("downsample") != std::string::npos ? 1 : 0));
    else if (name.starts_with("encoder.conv_in")) side = kSide * 8;
    Work& work = works[decoder ? "decode" : "encode"];
    const auto map = static_cast<uint64_t>(side * side);
    (tensor.dim(2) == 3 ? work.conv : work.linear) += 2 * numel(tensor) * map;
    if (name.find("attn_1.q.weight") != std::string::npos)
      work.attention += 4 * map * map * static_cast<uint64_t>(tensor.dim(0));
  }
  const Tensor latent = made_up({1, kSide, kSide, 4}, 1), picture = made_up({1, 8 * kSide, 8 * kSide, 3}, 2);
  const Counts decode = count([&] { vae.decode(latent); }), encode = count([&] { vae.encode(picture); });
  expect_flops(decode, works["decode"]);
  expect_flops(encode, works["encode"]);
  expect_at_most(decode, {5, 33, 1, 30, 1, 0}, kDecodeKiB);
  expect_at_most(encode, {5, 25, 1, 22, 1, 0}, kEncodeKiB);
  EXPECT_LE(of(decode, OpKind::kConv).executed, of(decode, OpKind::kConv).flops / 2);
}

// Every matrix once for each token: 256 patches and the class token, or 77 tokens that see those before them.
TEST(ClipWork, VisionAndText) {
  const char* const file = "clip_vision/IPAdapter_image_encoder_sd15.safetensors";
  const auto tensors = formats::open_model_file(tiny_models_dir() / file).tensors;
  const ClipVisionModel vision(nn::Weights(tensors, DType::kBF16, file));
  Work work;
  for (const auto& [name, tensor] : *tensors) {
    if (tensor.rank() < 2 || name.find("embedding.weight") != std::string::npos) {
      if (tensor.rank() != 4) continue;
    }
    const uint64_t rows = tensor.rank() == 4 ? 256 : name == "visual_projection.weight" ? 1 : 257;
    work.linear += 2 * numel(tensor) * rows;
    if (name.find("q_proj") != std::string::npos)
      work.attention += 4 * 257 * 257 * static_cast<uint64_t>(tensor.dim(0));
  }
  const Tensor pixels = made_up({1, 224, 224, 3}, 3);
  const Counts counts = count([&] { vision.encode(pixels); });
  expect_flops(counts, work);
  expect_at_most(counts, {130, 0, 32, 66, 1, 1}, kVisionKiB);

  const auto checkpoint = formats::open_model_file(tiny_models_dir() / kSd15).tensors;
  const auto towers = find_text_towers(*checkpoint);
  ASSERT_EQ(towers.size(), 1u);
  const ClipTextModel text(nn::Weights(towers[0].tensors, DType::kBF16, kSd15));
  Work text_work;
  for (const auto& [name, tensor] : *towers[0].tensors) {
    if (tensor.rank() != 2 || name.find("embedding") != std::string::npos) continue;
    text_work.linear += 2 * numel(tensor) * 77;
    if (name.find("q_proj") != std::string::npos)
      text_work.attention += 2 * 77 * 77 * static_cast<uint64_t>(tensor.dim(0));
  }
  text::Chunk chunk(text::kChunkLength);
  for (size_t i = 0; i < chunk.size(); ++i) chunk[i].id = static_cast<int32_t>(320 + i);
  const Counts encoded = count([&] { text.encode(chunk, {}); });
  expect_flops(encoded, text_work);
  expect_at_most(encoded, {48, 0, 12, 25, 1, 1}, kTextKiB);
}

}  // namespace
}  // namespace easel::models
