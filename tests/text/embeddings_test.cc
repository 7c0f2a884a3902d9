#include "text/embeddings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/tensors/safetensors.h"
#include "formats/tensors/torch_writer.h"

namespace easel::text {
namespace {

namespace fs = std::filesystem;

class EmbeddingFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("easel_embeddings_" + std::to_string(getpid()));
    fs::create_directories(folder_ / "inner");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write_torch(const std::string& name, const std::vector<std::string>& path, const Tensor& t) {
    formats::TorchWriter writer(folder_ / name, {{path, t.dtype(), t.shape()}});
    writer.write(t.raw(), t.nbytes());
    writer.commit();
  }

  fs::path folder_;
};

TEST_F(EmbeddingFiles, AllLayouts) {
  const Tensor rows = Tensor::of({2, 3}, {1, 2, 3, 4, 5, 6}), row = Tensor::of({3}, {7, 8, 9});
  write_torch("a1111.pt", {"string_to_param", "*"}, rows);
  write_torch("diffusers.bin", {"<concept>"}, row);
  TensorMap xl, bundle;
  xl.set("clip_g", Tensor::full({1, 5}, 1));
  xl.set("clip_l", convert(rows, DType::kF16));
  formats::write_safetensors(folder_ / "xl.safetensors", xl);
  bundle.set("lora_unet.weight", Tensor::zeros({4, 4}));
  bundle.set("bundle_emb.x.clip_l", row);
  bundle.set("bundle_emb.y.clip_l", rows);
  formats::write_safetensors(folder_ / "bundle.safetensors", bundle);

  const auto shape = [&](const char* name, TokenizerStyle style = {}) {
    return read_embedding(folder_ / name, style).shape();
  };
  EXPECT_EQ(shape("a1111.pt"), Shape({2, 3}));
  EXPECT_EQ(shape("diffusers.bin"), Shape({1, 3}));
  EXPECT_EQ(shape("xl.safetensors"), Shape({2, 3}));
  EXPECT_EQ(shape("xl.safetensors", {.embedding_key = "clip_g"}), Shape({1, 5}));
  EXPECT_EQ(shape("xl.safetensors", {.embedding_key = "clip_h"}), Shape({1, 5}));  // the first, as the reference
  EXPECT_EQ(shape("bundle.safetensors"), Shape({3, 3}));
  EXPECT_EQ(read_embedding(folder_ / "xl.safetensors", {}).f32()[5], 6.0f);
}

// A .pt file may hold a list of dictionaries, for several encoders; the width tells which are meant.
TEST_F(EmbeddingFiles, ListsAreChosenByWidth) {
  const Tensor narrow = Tensor::of({1, 3}, {1, 2, 3}), wide = Tensor::full({2, 5}, 4),
               more = Tensor::of({3}, {7, 8, 9});
  formats::TorchWriter writer(folder_ / "list.pt", {{{"0", "a"}, DType::kF32, narrow.shape()},
                                                    {{"1", "a"}, DType::kF32, wide.shape()},
                                                    {{"1", "b"}, DType::kF32, more.shape()}});
  for (const Tensor& t : {narrow, wide, more}) writer.write(t.raw(), t.nbytes());
  writer.commit();
  EXPECT_EQ(read_embedding(folder_ / "list.pt", {.embedding_width = 3}).shape(), Shape({2, 3}));
  EXPECT_EQ(read_embedding(folder_ / "list.pt", {.embedding_width = 3}).f32()[3], 7.0f);
  EXPECT_EQ(read_embedding(folder_ / "list.pt", {.embedding_width = 5}).shape(), Shape({2, 5}));
  EXPECT_THROW(read_embedding(folder_ / "list.pt", {.embedding_width = 4}), Error);
}

TEST_F(EmbeddingFiles, NamesStayInsideTheFolder) {
  TensorMap one;
  one.set("emb_params", Tensor::full({1, 3}, 2));
  formats::write_safetensors(folder_ / "inner" / "style.safetensors", one);
  formats::write_safetensors(folder_ / "outside.safetensors", one);
  const EmbeddingFolders found({folder_, folder_ / "missing"});
  EXPECT_EQ(found.locate("style"), folder_ / "inner" / "style.safetensors");
  EXPECT_EQ(found.locate("inner/style.safetensors"), folder_ / "inner" / "style.safetensors");
  EXPECT_EQ(found.find("style", {}).shape(), Shape({1, 3}));
  EXPECT_FALSE(found.find("nothing", {}).defined());

  const EmbeddingFolders inner({folder_ / "inner"});
  for (const char* name : {"../outside", "x/../../outside", "", ".", "..", "/etc/passwd"})
    EXPECT_TRUE(inner.locate(name).empty()) << name;
  EXPECT_TRUE(inner.locate((folder_ / "outside").string()).empty());
  EXPECT_TRUE(inner.locate(std::string("style\0x", 7)).empty());
  EXPECT_EQ(inner.locate("x/../style"), folder_ / "inner" / "style.safetensors");
}

TEST_F(EmbeddingFiles, SimilarNamesAreSuggested) {
  TensorMap one;
  one.set("emb_params", Tensor::full({1, 3}, 2));
  formats::write_safetensors(folder_ / "inner" / "BadHands_v4.safetensors", one);
  const EmbeddingFolders folders({folder_});
  for (const char* name : {"badhands_v4", "BadHands_v4.", "inner\\BadHands_v4", "BadHands_v4)"}) {
    std::vector<std::string> warnings;
    tokenize("embedding:" + std::string(name), {.embedding_width = 3}, &folders, &warnings);
    ASSERT_EQ(warnings.size(), 1u) << name;
    EXPECT_NE(warnings[0].find("did you mean 'BadHands_v4'"), std::string::npos) << warnings[0];
  }
  EXPECT_NE(folders.near("BadHand_v4").find("BadHands_v4"), std::string::npos);
  EXPECT_EQ(folders.near("something else"), "");
  EXPECT_EQ(folders.named_in("a embedding:  BadHands_v4, b").size(), 1u);
}

TEST_F(EmbeddingFiles, BrokenFilesAreNamed) {
  write_file(folder_ / "bad.pt", "this is no model file");
  TensorMap none;
  none.set("steps", Tensor::zeros({}, DType::kI64));
  formats::write_safetensors(folder_ / "none.safetensors", none);
  const EmbeddingFolders folders({folder_});
  for (const char* name : {"bad", "none"}) {
    try {
      tokenize("embedding:" + std::string(name), {}, &folders);
      FAIL() << name;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kBadFile);
      EXPECT_NE(e.file().find(name), std::string::npos);
    }
  }
}

// Each mark began a word as long as the rest of the text: minutes for a megabyte.
TEST_F(EmbeddingFiles, MarksWithoutEndTakeNoTime) {
  TensorMap one;
  one.set("emb_params", Tensor::full({1, 3}, 2));
  formats::write_safetensors(folder_ / "style.safetensors", one);
  const EmbeddingFolders folders({folder_});
  std::string text = "embedding:style ";
  for (int i = 0; i < 400000; ++i) text += kEmbeddingMark;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(folders.named_in(text), std::vector<fs::path>{folder_ / "style.safetensors"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  try {
    tokenize(text, {}, &folders);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kInvalid);
    EXPECT_NE(std::string(e.what()).find("more than 1000 embeddings"), std::string::npos) << e.what();
  }
  EXPECT_NO_THROW(tokenize(text, {}));  // ordinary text

  std::vector<std::string> warnings;
  tokenize("embedding:" + std::string(100000, 'x'), {}, &folders, &warnings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_LT(warnings[0].size(), 300u);
}

TEST_F(EmbeddingFiles, LinksThatLeadBackUpEnd) {
  fs::create_directory_symlink(folder_, folder_ / "inner" / "up");
  const EmbeddingFolders folders({folder_});
  EXPECT_TRUE(folders.locate("nothing").empty());
}

}  // namespace
}  // namespace easel::text
