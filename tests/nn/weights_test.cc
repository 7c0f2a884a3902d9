#include "nn/weights.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "nn/layers.h"
#include "tensor/mapped_file.h"

namespace easel::nn {
namespace {

std::shared_ptr<const TensorMap> some_tensors() {
  auto map = std::make_shared<TensorMap>();
  map->set("model.a.weight", Tensor::of({2, 2}, {1, 2, 3, 4}));
  map->set("model.a.bias", Tensor::of({2}, {5, 6}));
  map->set("model.list.10.weight", Tensor::zeros({1}));
  map->set("model.list.2.weight", Tensor::zeros({1}));
  map->set("other", Tensor::zeros({1}));
  return map;
}

TEST(Weights, AreATreeOfScopes) {
  const Weights root(some_tensors(), DType::kF32, "file");
  const Weights model = root["model"];
  EXPECT_TRUE(model.has("a.weight"));
  EXPECT_TRUE(root["model.a"].has("bias"));
  EXPECT_FALSE(model.has("other"));
  EXPECT_EQ(model.full("a.bias"), "model.a.bias");
  EXPECT_EQ(model.children(), (std::vector<std::string>{"a", "list"}));
  EXPECT_EQ(model["list"].children(), (std::vector<std::string>{"10", "2"}));
  EXPECT_EQ(*model["a"].shape("weight"), (Shape{2, 2}));
  EXPECT_FALSE(model["a"].shape("nothing"));
}

TEST(Weights, MissingOnesAreCountedOverTheWholeModel) {
  const Weights root(some_tensors(), DType::kF32, "file.safetensors");
  EXPECT_TRUE(root["model"]["a"].get("weight").defined());
  EXPECT_FALSE(root["model"]["b"].get("weight").defined());
  EXPECT_FALSE(root["model"]["c"].optional("weight").defined());
  EXPECT_FALSE(root["model"]["d"].get("weight").defined());
  try {
    root.require_all();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile);
    EXPECT_EQ(e.message(), "2 tensors are missing, the first is 'model.b.weight'");
    EXPECT_EQ(e.file(), "file.safetensors");
  }
  EXPECT_THROW(root["model"]["a"].values("weight", Shape{2, 3}), Error);
  EXPECT_EQ(root["model"].unused(),
            (std::vector<std::string>{"model.a.bias", "model.list.10.weight", "model.list.2.weight"}));
}

TEST(Weights, ProbesPackNothing) {
  const Weights probe = Weights(some_tensors(), DType::kF32, "file").probe();
  const Linear layer(probe["model"]["a"]), absent(probe["model"]["b"]);
  EXPECT_FALSE(layer);
  EXPECT_THROW(probe.require_all(), Error);
  EXPECT_EQ(probe["model"]["a"].unused(), std::vector<std::string>());
}

TEST(Weights, OfAFileThatWasCutShortAreNoModel) {
  const auto path = std::filesystem::path(::testing::TempDir()) / ("easel-weights-" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary) << std::string(64 * 64 * 4 * 4, '\0');
  const MappedFile file = MappedFile::open(path);
  auto map = std::make_shared<TensorMap>();
  map->set("a.weight", Tensor(file.storage(), file.storage()->data(), {256, 64}, {64, 1}, DType::kF32));
  const Weights root(map, DType::kF32, "file");
  std::filesystem::resize_file(path, 4096);
  const Linear layer(root["a"]);
  EXPECT_THROW(root.require_all(), Error);
  std::filesystem::remove(path);
}

TEST(Weights, PatchesSeeFullNames) {
  std::vector<std::string> names;
  const Weights root(some_tensors(), DType::kF32, "file", ops::Packer::pack(),
                     [&](const std::string& name, const Tensor& t) {
                       names.push_back(name);
                       return name == "model.a.weight" ? Tensor::of({2, 2}, {0, 0, 0, 1}) : t;
                     });
  const Linear layer(root["model"]["a"]);
  EXPECT_EQ(names, (std::vector<std::string>{"model.a.weight", "model.a.bias"}));
  const Tensor y = layer(Tensor::of({1, 2}, {1, 10}));
  EXPECT_EQ(y.f32()[0], 5);
  EXPECT_EQ(y.f32()[1], 16);
}

}  // namespace
}  // namespace easel::nn
