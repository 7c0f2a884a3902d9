#include "models/text/text_encoder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "models_support.h"
#include "numbers_support.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::relative_error;

std::shared_ptr<const StoredTensors> open_tiny(const std::string& file) {
  return formats::open_model_file(tiny_models_dir() / file).tensors;
}

struct Loaded {
  explicit Loaded(const std::string& file, DType compute = DType::kF32)
      : tensors(open_tiny(file)), residency(std::make_unique<memory::Residency>()) {
    clip.encoder = load_text_encoder(*residency, *tensors, compute, file);
  }
  std::shared_ptr<const StoredTensors> tensors;
  std::unique_ptr<memory::Residency> residency;
  ClipHandle clip;
};

struct Case {
  const char* name;
  const char* file;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class TextGoldens : public ::testing::TestWithParam<Case> {};

TEST_P(TextGoldens, MatchTheReference) {
  EASEL_NEEDS_SHARED();
  const auto units = nlohmann::json::parse(read_file(testing::shared_dir() / "goldens/tiny/units.json"));
  const TensorMap golden = load_golden("text.safetensors");
  const Loaded model(GetParam().file), narrow(GetParam().file, DType::kBF16);
  int compared = 0;
  for (size_t i = 0; i < units["prompts"].size(); ++i) {
    const std::string key = std::string("text.") + GetParam().name + "." + std::to_string(i);
    const std::string prompt = units["prompts"][i];
    const EncodedText text = encode_prompt(model.clip, prompt);
    ASSERT_NE(golden.find(key + ".cond"), nullptr);
    EXPECT_LE(relative_error(text.cond, *golden.find(key + ".cond")), 1e-5) << key;
    EXPECT_LE(relative_error(text.pooled, *golden.find(key + ".pooled")), 1e-5) << key;
    if (i % 4 == 0) {
      const EncodedText rough = encode_prompt(narrow.clip, prompt);
      EXPECT_LE(relative_error(rough.cond, *golden.find(key + ".cond")), 1.5e-2) << key;
      EXPECT_LE(relative_error(rough.pooled, *golden.find(key + ".pooled")), 1.5e-2) << key;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 9);
}

INSTANTIATE_TEST_SUITE_P(Families, TextGoldens,
                         ::testing::Values(Case{"sd15", "checkpoints/v1-5-pruned-emaonly.safetensors"},
                                           Case{"unclip_h", "checkpoints/sd21-unclip-h.ckpt"},
                                           Case{"sdxl", "checkpoints/sd_xl_base_1.0.safetensors"},
                                           Case{"refiner", "checkpoints/sd_xl_refiner_1.0.safetensors"}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(TextEncoder, ClipSkipMatchesTheReference) {
  EASEL_NEEDS_SHARED();
  Loaded model("checkpoints/v1-5-pruned-emaonly.safetensors");
  model.clip.stop_at_layer = -2;
  const auto text = encode_prompt(model.clip, "a serious guy in the park");
  EXPECT_LE(relative_error(text.cond, load_golden("text.safetensors", "text.sd15.clip_skip2.cond")), 1e-5);
}

// --- Towers made here, of width 64 -------------------------

// A tower of any depth in the transformers layout.
StoredTensors small_tower(int64_t layers, const std::string& prefix = "") {
  StoredTensors map;
  double phase = 0;
  const auto add = [&](const std::string& name, const Shape& shape) {
    map.set(prefix + name, sines(shape, phase += 0.37));
  };
  add("text_model.embeddings.token_embedding.weight", {49408, 64});
  add("text_model.embeddings.position_embedding.weight", {77, 64});
  for (int64_t i = 0; i < layers; ++i) {
    const std::string layer = "text_model.encoder.layers." + std::to_string(i) + ".";
    for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"}) {
      add(layer + name + ".weight", {64, 64});
      add(layer + name + ".bias", {64});
    }
    for (const char* name : {"layer_norm1", "layer_norm2"}) {
      add(layer + name + ".weight", {64});
      add(layer + name + ".bias", {64});
    }
    add(layer + "mlp.fc1.weight", {96, 64});
    add(layer + "mlp.fc1.bias", {96});
    add(layer + "mlp.fc2.weight", {64, 96});
    add(layer + "mlp.fc2.bias", {64});
  }
  add("text_model.final_layer_norm.weight", {64});
  add("text_model.final_layer_norm.bias", {64});
  return map;
}

struct Small {
  explicit Small(StoredTensors map) {
    clip.encoder = load_text_encoder(residency, map, DType::kF32, "small.safetensors");
  }
  memory::Residency residency;
  ClipHandle clip;
};

// The vectors of a textual-inversion file under the name "x", whatever width they have.
class OneEmbedding final : public text::EmbeddingSource {
 public:
  explicit OneEmbedding(Tensor rows) : rows_(std::move(rows)) {}
  Tensor find(std::string_view name, const text::TokenizerStyle&) const override {
    return name == "x" ? rows_ : Tensor();
  }

 private:
  Tensor rows_;
};

TEST(TextEncoder, EveryKnownPlaceAndLayoutGivesTheSame) {
  const Tensor expected = encode_prompt(Small(small_tower(2)).clip, "a cat").cond;
  for (const char* prefix :
       {"cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", "clip_l.transformer."})
    EXPECT_EQ(testing::max_difference(encode_prompt(Small(small_tower(2, prefix)).clip, "a cat").cond, expected), 0.0)
        << prefix;

  // Early SD1 files lack "text_model."
  StoredTensors early;
  for (const auto& [name, tensor] : small_tower(2))
    early.set("cond_stage_model.transformer." + name.substr(11), tensor);
  EXPECT_EQ(testing::max_difference(encode_prompt(Small(early).clip, "a cat").cond, expected), 0.0);

  // OpenCLIP fuses query, key and value and has other names.
  StoredTensors open;
  const StoredTensors source = small_tower(2);
  const std::pair<const char*, const char*> parts[] = {{"layer_norm1", "ln_1"},
                                                       {"layer_norm2", "ln_2"},
                                                       {"mlp.fc1", "mlp.c_fc"},
                                                       {"mlp.fc2", "mlp.c_proj"},
                                                       {"self_attn.out_proj", "attn.out_proj"}};
  for (const std::string i : {"0", "1"})
    for (const std::string leaf : {"weight", "bias"}) {
      const std::string from = "text_model.encoder.layers." + i + ".", to = "transformer.resblocks." + i + ".";
      for (const auto& [old_name, new_name] : parts)
        open.set(to + new_name + "." + leaf, *source.find(from + old_name + "." + leaf));
      std::vector<Tensor> fused;
      for (const char* part : {"q", "k", "v"})
        fused.push_back(source.find(from + "self_attn." + part + "_proj." + leaf)->tensor());
      open.set(to + "attn.in_proj_" + leaf, ops::concat(fused, 0));
    }
  open.set("token_embedding.weight", *source.find("text_model.embeddings.token_embedding.weight"));
  open.set("positional_embedding", *source.find("text_model.embeddings.position_embedding.weight"));
  open.set("ln_final.weight", *source.find("text_model.final_layer_norm.weight"));
  open.set("ln_final.bias", *source.find("text_model.final_layer_norm.bias"));
  EXPECT_EQ(testing::max_difference(encode_prompt(Small(open).clip, "a cat").cond, expected), 0.0);
}

TEST(TextEncoder, AProjectionIsTransposedWhereItsNameLacksWeight) {
  StoredTensors straight = small_tower(2), turned = small_tower(2);
  const Tensor projection = sines({64, 64}, 9);
  straight.set("text_projection.weight", projection);
  turned.set("text_projection", contiguous(projection.permute({1, 0})));
  const Tensor a = encode_prompt(Small(straight).clip, "cat").pooled,
               b = encode_prompt(Small(turned).clip, "cat").pooled;
  EXPECT_EQ(testing::max_difference(a, b), 0.0);
  EXPECT_GT(testing::max_difference(a, encode_prompt(Small(small_tower(2)).clip, "cat").pooled), 0.1);
}

TEST(TextEncoder, WeightsMoveTokensAwayFromTheEmptyPrompt) {
  const Small model(small_tower(2));
  const auto& encoder = *model.clip.encoder;
  const PromptTokens plain = encoder.tokenize("big cat", nullptr, nullptr),
                     heavy = encoder.tokenize("big (cat:1.5)", nullptr, nullptr);
  const Tensor z = encoder.encode(plain, {}).cond, e = encode_prompt(model.clip, "").cond,
               w = encoder.encode(heavy, {}).cond;
  for (size_t i = 0; i < heavy.l[0].size(); ++i)
    for (int64_t c = 0; c < 64; ++c) {
      const auto at = static_cast<int64_t>(i) * 64 + c;
      const float weight = heavy.l[0][i].weight;
      EXPECT_FLOAT_EQ(w.f32()[at], weight == 1.0f ? z.f32()[at] : (z.f32()[at] - e.f32()[at]) * weight + e.f32()[at]);
    }
  EXPECT_GT(testing::max_difference(w, z), 1e-3);
}

TEST(TextEncoder, LongPromptsAreChunksSideBySideAndShareTheFirstPooled) {
  const Small model(small_tower(2));
  std::string words;
  for (int i = 0; i < 100; ++i) words += "cat ";
  const EncodedText text = encode_prompt(model.clip, words);
  EXPECT_EQ(text.cond.shape(), (Shape{1, 154, 64}));
  // 75 words fill the first chunk: alone it is the same text.
  const EncodedText first = encode_prompt(model.clip, words.substr(0, 75 * 4));
  EXPECT_EQ(testing::max_difference(contiguous(text.cond.slice(1, 0, 77)), first.cond), 0.0);
  EXPECT_EQ(testing::max_difference(text.pooled, first.pooled), 0.0);
}

TEST(TextEncoder, EmbeddingsTakeTheirPlaceAndOthersAreLeftOut) {
  Small model(small_tower(2));
  // The vector of the word "cat" is the word "cat".
  const int32_t cat = model.clip.encoder->tokenize("cat", nullptr, nullptr).l[0][1].id;
  const Tensor row =
      ops::embedding(*small_tower(2).find("text_model.embeddings.token_embedding.weight"), {&cat, 1}, DType::kF32);
  model.clip.embeddings = std::make_shared<OneEmbedding>(row);
  const EncodedText by_name = encode_prompt(model.clip, "a embedding:x sat"),
                    by_word = encode_prompt(model.clip, "a cat sat");
  EXPECT_EQ(testing::max_difference(by_name.cond, by_word.cond), 0.0);
  EXPECT_EQ(testing::max_difference(by_name.pooled, by_word.pooled), 0.0);
  model.clip.embeddings = std::make_shared<OneEmbedding>(sines({1, 32}, 0));
  std::vector<std::string> warnings;
  EXPECT_EQ(testing::max_difference(encode_prompt(model.clip, "a embedding:x sat", &warnings).cond,
                                    encode_prompt(model.clip, "a sat").cond),
            0.0);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(TextEncoder, TheSameTextIsEncodedOnce) {
  const Small model(small_tower(2));
  const EncodedText first = encode_prompt(model.clip, "a cat"), again = encode_prompt(model.clip, "a cat");
  EXPECT_EQ(first.cond.raw(), again.cond.raw());
  ClipHandle skipped = model.clip;
  skipped.stop_at_layer = -2;
  EXPECT_GT(testing::max_difference(encode_prompt(skipped, "a cat").cond, first.cond), 0.01);
  // More than there are layers means the last one.
  skipped.stop_at_layer = -24;
  EXPECT_EQ(testing::max_difference(encode_prompt(skipped, "a cat").cond, first.cond), 0.0);
}

class Twice final : public nn::WeightPatch {
 public:
  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    if (name != "text_model.encoder.layers.1.mlp.fc2.weight") return weight;
    return ops::affine(weight.decoded(), 2.0f);
  }
  std::string key() const override { return "twice"; }
};

TEST(TextEncoder, PatchesReplaceTensorsByTheirCanonicalNames) {
  Small model(small_tower(2, "cond_stage_model.transformer."));
  const TextEncoder::TowerPatches twice{{TextTowerKind::kL, std::make_shared<const Twice>()}};
  ClipHandle once = model.clip, two = model.clip;
  once.encoder = model.clip.encoder->patched(model.residency, twice);
  two.encoder = once.encoder->patched(model.residency, twice);
  StoredTensors by_hand = small_tower(2);
  const std::string key = "text_model.encoder.layers.1.mlp.fc2.weight";
  // What patches change is rounded once, at the end, to the half precision that the reference keeps.
  by_hand.set(key, convert(ops::affine(by_hand.find(key)->tensor(), 4.0f), DType::kF16));
  const Tensor expected = encode_prompt(Small(by_hand).clip, "a cat").cond;
  EXPECT_EQ(testing::max_difference(encode_prompt(two, "a cat").cond, expected), 0.0);
  EXPECT_GT(testing::max_difference(encode_prompt(once, "a cat").cond, expected), 1e-4);
}

TEST(TextEncoder, RefusesWhatIsDamagedOrDoesNotGoTogether) {
  memory::Residency residency;
  EXPECT_EQ(load_text_encoder(residency, StoredTensors(), DType::kF32, "x"), nullptr);
  StoredTensors both = small_tower(2, "clip_l.transformer.");
  for (const auto& [name, tensor] : small_tower(24, "clip_h.transformer.")) both.set(name, tensor);
  EXPECT_THROW(load_text_encoder(residency, both, DType::kF32, "x"), Error);

  StoredTensors missing;
  for (const auto& [name, tensor] : small_tower(2))
    if (name != "text_model.encoder.layers.1.layer_norm2.bias") missing.set(name, tensor);
  try {
    encode_prompt(Small(missing).clip, "x");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile);
    EXPECT_NE(e.message().find("text_model.encoder.layers.1.layer_norm2.bias"), std::string::npos);
  }
  for (const Shape& shape : {Shape{64, 63}, Shape{64}, Shape{}}) {
    StoredTensors odd = small_tower(2);
    odd.set("text_model.encoder.layers.0.self_attn.k_proj.weight", Tensor::zeros(shape));
    EXPECT_THROW(encode_prompt(Small(odd).clip, "x"), Error) << shape.str();
  }
  for (const char* name :
       {"text_model.embeddings.token_embedding.weight", "text_model.embeddings.position_embedding.weight"}) {
    StoredTensors odd = small_tower(2);
    odd.set(name, Tensor::zeros({5, 7, 64}));
    EXPECT_THROW(Small{odd}, Error) << name;
  }
}

}  // namespace
}  // namespace easel::models
