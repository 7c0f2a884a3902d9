#include "text/prompt.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "support/shared.h"

namespace easel::text {
namespace {

using Ids = std::vector<int32_t>;

// The ids and weights of a chunk up to and including the first end mark.
std::vector<std::pair<int32_t, float>> head(const Chunk& chunk) {
  std::vector<std::pair<int32_t, float>> out;
  for (const Token& t : chunk) {
    out.emplace_back(t.id, t.weight);
    if (t.id == 49407) break;
  }
  return out;
}

Ids ids(const Chunk& chunk) {
  Ids out;
  for (const Token& t : chunk) out.push_back(t.id);
  return out;
}

std::string weights(std::string_view prompt) {
  std::string out;
  for (const WeightedText& w : parse_weights(prompt)) {
    char number[32];
    std::snprintf(number, sizeof number, "%.4g", w.weight);
    out += "[" + w.text + "=" + number + "]";
  }
  return out;
}

TEST(Weights, Syntax) {
  EXPECT_EQ(weights(""), "");
  EXPECT_EQ(weights("plain"), "[plain=1]");
  EXPECT_EQ(weights("a (b:1.2) c"), "[a =1][b=1.2][ c=1]");
  EXPECT_EQ(weights("a (red (ball:1.3)) ((very))"), "[a =1][red =1.1][ball=1.3][ =1][very=1.21]");
  EXPECT_EQ(weights(R"(\(x\) (y\):2))"), "[(x) =1][y)=2]");
  EXPECT_EQ(weights("(a:-0.2)(b: 1_0 )(c:+.5)(d:5e-1)"), "[a=-0.2][b=10][c=0.5][d=0.5]");
}

TEST(Weights, UnpairedBracketsAreText) {
  EXPECT_EQ(weights("(((unbalanced"), "[(((unbalanced=1]");
  EXPECT_EQ(weights("a:1.2) (b"), "[a:1.2) (b=1]");
  EXPECT_EQ(weights("((a)"), "[(a=1.1]");
  EXPECT_EQ(weights("a) (b) (c)"), "[a) (b) (c)=1]");
  EXPECT_EQ(weights("()"), "");
}

TEST(Weights, OnlyFiniteNumbersAreWeights) {
  EXPECT_EQ(weights("(bread:nan)"), "[bread:nan=1.1]");
  EXPECT_EQ(weights("(a:1e999)(b:1e-999)"), "[a:1e999=1.1][b=0]");
  EXPECT_EQ(weights("(a:)(:2)(a:+-1)(a:1__0)(a:0x10)"), "[a:=1.1][:2=1.1][a:+-1=1.1][a:1__0=1.1][a:0x10=1.1]");
  EXPECT_EQ(weights("(a:\uff11.\uff12)"), "[a=1.2]");
}

TEST(Weights, DeepNestingIsRefused) {
  EXPECT_NO_THROW(parse_weights(std::string(1000000, '(')));
  EXPECT_THROW(parse_weights(std::string(500000, '(') + "a" + std::string(500000, ')')), Error);
}

TEST(Chunks, PaddedTo77) {
  const auto chunks = tokenize("(wearing a hat:1.2)", {});
  ASSERT_EQ(chunks.size(), 1u);
  ASSERT_EQ(chunks[0].size(), 77u);
  EXPECT_EQ(head(chunks[0]), (std::vector<std::pair<int32_t, float>>{
                                 {49406, 1.0f}, {3309, 1.2f}, {320, 1.2f}, {3801, 1.2f}, {49407, 1.0f}}));
  EXPECT_EQ(chunks[0].back().id, 49407);
  EXPECT_EQ(tokenize("hat", {.pad_token = 0})[0].back().id, 0);
  EXPECT_EQ(tokenize("", {}).size(), 1u);
}

TEST(Chunks, ShortWordsMoveLongWordsAreCut) {
  std::string prompt;
  for (int i = 0; i < 74; ++i) prompt += "a ";
  const auto moved = tokenize(prompt + "x_y", {.pad_token = 0});
  ASSERT_EQ(moved.size(), 2u);
  EXPECT_EQ(moved[0][75].id, 49407);
  EXPECT_EQ(moved[0][76].id, 0);
  EXPECT_EQ(moved[1][1].id, moved[1][0].id == 49406 ? tokenize("x_y", {})[0][1].id : -1);
  const auto cut = tokenize(prompt + "1234567890", {});
  ASSERT_EQ(cut.size(), 2u);
  EXPECT_EQ(cut[0][75].id, tokenize("1", {})[0][1].id);
  EXPECT_EQ(cut[0][76].id, 49407);
  EXPECT_EQ(cut[1][1].id, tokenize("2", {})[0][1].id);
}

class Shelf : public EmbeddingSource {
 public:
  Tensor find(std::string_view name, const TokenizerStyle&) const override {
    const auto it = items.find(name);
    return it == items.end() ? Tensor() : it->second;
  }
  std::map<std::string, Tensor, std::less<>> items;
};

TEST(Embeddings, StandInForTokens) {
  Shelf shelf;
  shelf.items["style"] = Tensor::of({2, 3}, {1, 2, 3, 4, 5, 6});
  std::vector<std::string> warnings;
  const auto chunk = tokenize("a (embedding:style, cat:0.5)", {.embedding_width = 3}, &shelf, &warnings).at(0);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(ids(chunk)[2], -1);
  ASSERT_TRUE(chunk[3].embedding);
  EXPECT_EQ(chunk[3].embedding->shape(), Shape({3}));
  EXPECT_EQ(chunk[3].embedding->f32()[0], 4.0f);
  EXPECT_EQ(chunk[3].weight, 0.5f);
  EXPECT_EQ(chunk[4].id, 267);  // the comma behind the name
  EXPECT_EQ(chunk[5].id, 2368);
}

TEST(Embeddings, TheNameMayStandApart) {
  Shelf shelf;
  shelf.items["style"] = Tensor::of({1, 3}, {1, 2, 3});
  std::vector<std::string> warnings;
  const auto apart = tokenize("a embedding:  style, cat", {.embedding_width = 3}, &shelf, &warnings).at(0);
  const auto together = tokenize("a embedding:style, cat", {.embedding_width = 3}, &shelf, &warnings).at(0);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(ids(apart), ids(together));
  EXPECT_EQ(ids(apart)[2], -1);
  // Nothing follows, or only on the next line.
  for (const char* text : {"a embedding:", "a embedding:  ", "a embedding:\nstyle"}) {
    warnings.clear();
    tokenize(text, {.embedding_width = 3}, &shelf, &warnings);
    EXPECT_EQ(warnings.size(), 1u) << text;
  }
}

TEST(ForeignSyntax, IsToldWithWhatToDo) {
  EXPECT_TRUE(foreign_syntax("a break, BREAKFAST and <b> (lora:1.2)").empty());
  const auto lora = foreign_syntax("a barn <lora:paint/old:0.8> at night");
  ASSERT_EQ(lora.size(), 1u);
  EXPECT_NE(lora[0].find("\"<lora:paint/old:0.8>\""), std::string::npos) << lora[0];
  EXPECT_NE(lora[0].find("LoraLoader"), std::string::npos);
  const auto both = foreign_syntax("a\nBREAK b BREAK <lyco:x:1");
  ASSERT_EQ(both.size(), 2u);
  EXPECT_NE(both[1].find("ConditioningConcat"), std::string::npos);
  EXPECT_EQ(foreign_syntax("<hypernet:x>").size(), 1u);
  EXPECT_EQ(foreign_syntax("BREAK").size(), 1u);
}

TEST(Embeddings, MissingEmbeddingsAreLeftOutWithAWarning) {
  const Shelf shelf;
  std::vector<std::string> warnings;
  const auto chunk = tokenize("a embedding:nothing cat", {}, &shelf, &warnings).at(0);
  EXPECT_EQ(ids(chunk)[2], 2368);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("nothing"), std::string::npos);
  EXPECT_NE(ids(tokenize("embedding:x", {}).at(0))[1], 49407);  // no source: plain text
}

TEST(Embeddings, MisfitsAreDroppedButWeightsStay) {
  Shelf shelf;
  shelf.items["wide"] = Tensor::zeros({1, 4});
  std::vector<std::string> warnings;
  const auto chunk =
      tokenize("(embedding:wide:1.5) cat dog", {.pad_token = 0, .embedding_width = 3}, &shelf, &warnings).at(0);
  ASSERT_EQ(chunk.size(), 77u);
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_EQ(chunk[1].id, 2368);
  EXPECT_EQ(chunk[1].weight, 1.5f);
  EXPECT_EQ(chunk[76].id, 0);
}

struct GoldenModel {
  const char *name, *encoder;
  TokenizerStyle style;
};

void expect_equal_to(const std::filesystem::path& file) {
  const nlohmann::json units = nlohmann::json::parse(std::ifstream(file));
  const GoldenModel models[] = {{"sd15", "l", {}},
                                {"unclip_h", "h", {.pad_token = 0, .embedding_key = "clip_h"}},
                                {"sdxl", "l", {}},
                                {"sdxl", "g", {.pad_token = 0, .embedding_key = "clip_g"}}};
  for (const GoldenModel& model : models) {
    for (size_t i = 0; i < units["prompts"].size(); ++i) {
      const auto prompt = units["prompts"][i].get<std::string>();
      const auto& want = units["tokens"][model.name][i][model.encoder];
      const auto got = tokenize(prompt, model.style);
      ASSERT_EQ(got.size(), want.size()) << prompt;
      for (size_t c = 0; c < got.size(); ++c) {
        ASSERT_EQ(got[c].size(), want[c].size()) << prompt;
        for (size_t t = 0; t < got[c].size(); ++t) {
          ASSERT_EQ(got[c][t].id, want[c][t][0].get<int32_t>()) << model.name << " " << prompt << " token " << t;
          ASSERT_EQ(got[c][t].weight, want[c][t][1].get<float>()) << model.name << " " << prompt << " token " << t;
        }
      }
    }
  }
}

// EASEL_UNITS may name another file of that form.
TEST(Chunks, EqualToTheReference) {
  EASEL_NEEDS_SHARED();
  const char* other = std::getenv("EASEL_UNITS");
  expect_equal_to(other ? other : testing::shared_dir() / "goldens" / "tiny" / "units.json");
}

}  // namespace
}  // namespace easel::text
