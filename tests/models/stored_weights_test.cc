// Weights in an encoding whose values share scales: decoded wherever a model reads them, and nowhere else.
#include <gtest/gtest.h>

#include "models/checkpoint/checkpoint.h"
#include "models/patch/lora.h"
#include "models/unet/unet_source.h"
#include "models/vision/clip_vision.h"
#include "models_support.h"
#include "nn/layers.h"
#include "numbers_support.h"
#include "support/block_encoding.h"

namespace easel::models {
namespace {

using testing::in_blocks;
using testing::relative_error;
using testing::TestBlocks;

void expect_equal(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_EQ(to_vector(a), to_vector(b));
}

// A file as it is, and the same with every matrix that divides into blocks in that encoding; the first holds what the
// second decodes to.
struct TwoFiles {
  formats::ModelFile plain, blocks;
  int64_t in_blocks = 0;
};

TwoFiles two_files(const std::string& name) {
  TwoFiles out;
  out.plain = out.blocks = formats::open_model_file(tiny_models_dir() / name);
  StoredTensors plain, blocks;
  for (const auto& [key, tensor] : *out.plain.tensors) {
    const bool divides = tensor.rank() == 2 && tensor.is_float() && tensor.dim(1) % TestBlocks::kValues == 0;
    const StoredTensor stored = divides ? in_blocks(tensor.decoded()) : tensor;
    blocks.set(key, stored);
    plain.set(key, stored.tensor());
    if (divides) ++out.in_blocks;
  }
  out.plain.tensors = std::make_shared<const StoredTensors>(std::move(plain));
  out.blocks.tensors = std::make_shared<const StoredTensors>(std::move(blocks));
  return out;
}

TEST(StoredWeights, LinearLayersDecodeTheirRows) {
  auto map = std::make_shared<StoredTensors>(), decoded = std::make_shared<StoredTensors>();
  for (const auto& [name, rows] : std::vector<std::pair<std::string, int64_t>>{{"a", 96}, {"b", 40}, {"c", 6}}) {
    const StoredTensor blocks = in_blocks(made_up({rows, 64}, static_cast<uint32_t>(rows)));
    map->set(name + ".weight", blocks);
    map->set(name + ".bias", made_up({rows}, 7));
    decoded->set(name + ".weight", blocks.tensor());
    decoded->set(name + ".bias", made_up({rows}, 7));
  }
  for (const DType compute : {DType::kF32, DType::kBF16, DType::kI8}) {
    const nn::Weights w = nn::Weights(map, compute, "x").quantised(),
                      d = nn::Weights(decoded, compute, "x").quantised();
    const Tensor x = convert(made_up({5, 64}, 3), ops::value_type(compute));
    for (const char* name : {"a", "b", "c"}) expect_equal(nn::Linear(w[name])(x), nn::Linear(d[name])(x));
    expect_equal(nn::Linear(w["a"], /*geglu=*/true)(x), nn::Linear(d["a"], true)(x));
    expect_equal(nn::Linear({w["a"], w["b"], w["c"]})(x), nn::Linear({d["a"], d["b"], d["c"]})(x));
    EXPECT_EQ(nn::Linear(nn::Weights(map, compute, "x", ops::Packer::measure())["a"]).bytes(),
              nn::Linear(nn::Weights(map, compute, "x")["a"]).bytes());
  }
}

TEST(StoredWeights, AWholeCheckpointLoadsFromThem) {
  memory::Residency residency;
  const TwoFiles files = two_files("checkpoints/sd21-unclip-h.ckpt");
  EXPECT_GT(files.in_blocks, 100);
  const Checkpoint plain = load_checkpoint(files.plain, residency, DType::kF32),
                   blocks = load_checkpoint(files.blocks, residency, DType::kF32);
  EXPECT_NE(unet_of(plain.model).weights, unet_of(blocks.model).weights);
  EXPECT_EQ(plain.unused, blocks.unused);
  // The token table, the tower's layers, its fused q, k and v, its projection, which the file has transposed.
  const EncodedText a = encode_prompt({plain.text, nullptr, std::nullopt}, "a lighthouse"),
                    b = encode_prompt({blocks.text, nullptr, std::nullopt}, "a lighthouse");
  expect_equal(a.cond, b.cond);
  expect_equal(a.pooled, b.pooled);
  EXPECT_EQ(unet_of(plain.model).weights->get()->bytes(), unet_of(blocks.model).weights->get()->bytes());
  EXPECT_EQ(plain.clip_vision->model->get()->bytes(), blocks.clip_vision->model->get()->bytes());
}

TEST(StoredWeights, LorasPatchDecodedRows) {
  memory::Residency residency;
  const TwoFiles files = two_files("checkpoints/v1-5-pruned-emaonly.safetensors");
  const std::string name = "input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight";
  const std::string text_name = "text_model.encoder.layers.0.mlp.fc1.weight";
  const auto patched = [&](const formats::ModelFile& file) {
    const Checkpoint c = load_checkpoint(file, residency, DType::kF32);
    const Shape unet = unet_of(c.model).source->weights().get(name).shape(),
                text = c.text->tensor(TextTowerKind::kL, text_name).shape();
    StoredTensors tensors;
    const auto add = [&](const std::string& module, const Shape& shape) {
      tensors.set(module + ".lora_up.weight", in_blocks(made_up({shape[0], 8}, 1)));
      tensors.set(module + ".lora_down.weight", in_blocks(made_up({8, shape[1]}, 2)));
    };
    add("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", unet);
    add("lora_te_text_model_encoder_layers_0_mlp_fc1", text);
    formats::ModelFile lora;
    lora.path = "x.safetensors";
    lora.tensors = std::make_shared<const StoredTensors>(std::move(tensors));
    return apply_lora(Lora::read(lora), c.model, {c.text, nullptr, std::nullopt}, 0.5f, 0.5f, residency);
  };
  const LoraResult plain = patched(files.plain), blocks = patched(files.blocks);
  EXPECT_TRUE(blocks.unused.empty());
  expect_equal(unet_of(blocks.model).source->weights().get(name).tensor(),
               unet_of(plain.model).source->weights().get(name).tensor());
  expect_equal(blocks.clip.encoder->tensor(TextTowerKind::kL, text_name).tensor(),
               plain.clip.encoder->tensor(TextTowerKind::kL, text_name).tensor());
  const Tensor before = files.blocks.tensors->find("model.diffusion_model." + name)->decoded();
  EXPECT_GT(relative_error(unet_of(blocks.model).source->weights().get(name).decoded(), before), 0.01);
  expect_equal(encode_prompt(blocks.clip, "a boat").cond, encode_prompt(plain.clip, "a boat").cond);
}

}  // namespace
}  // namespace easel::models
