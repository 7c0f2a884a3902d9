#include "nn/weights.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "nn/layers.h"
#include "tensor/mapped_file.h"

namespace easel::nn {
namespace {

std::shared_ptr<const StoredTensors> some_tensors() {
  auto map = std::make_shared<StoredTensors>();
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
  auto map = std::make_shared<StoredTensors>();
  map->set("a.weight", Tensor(file.storage(), file.storage()->data(), {256, 64}, {64, 1}, DType::kF32));
  const Weights root(map, DType::kF32, "file");
  std::filesystem::resize_file(path, 4096);
  const Linear layer(root["a"]);
  EXPECT_THROW(root.require_all(), Error);
  std::filesystem::remove(path);
}

// Changes one tensor and notes the names it was shown.
class NotedPatch final : public WeightPatch {
 public:
  NotedPatch(std::string name, float factor, std::vector<std::string>& seen)
      : name_(std::move(name)), factor_(factor), seen_(seen) {}
  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    seen_.push_back(name);
    if (name != name_) return weight;
    const Tensor t = weight.decoded();
    return Tensor::of({2, 2}, {factor_ * t.f32()[0], factor_ * t.f32()[1], factor_ * t.f32()[2], t.f32()[3] + 1});
  }
  std::string key() const override { return name_; }

 private:
  std::string name_;
  float factor_;
  std::vector<std::string>& seen_;
};

TEST(Weights, PatchesSeeNamesFromTheirScopeOnAndFollowEachOther) {
  std::vector<std::string> seen;
  const Weights root(some_tensors(), DType::kF32, "file");
  const auto zero = std::make_shared<const NotedPatch>("a.weight", 0.0f, seen),
             twice = std::make_shared<const NotedPatch>("a.weight", 2.0f, seen);
  const Weights model = root["model"].patched({zero, twice});
  const Linear layer(model["a"]);
  EXPECT_EQ(seen, (std::vector<std::string>{"a.weight", "a.weight", "a.bias", "a.bias"}));
  const Tensor y = layer(Tensor::of({1, 2}, {1, 10}));
  EXPECT_EQ(y.f32()[0], 5);
  EXPECT_EQ(y.f32()[1], 66);  // 10 * (4 + 1 + 1) + 6
  // Neither a probe nor a packer that measures applies any; nor do scopes outside.
  seen.clear();
  const Linear probed(model.probe()["a"]);
  const Linear measured(
      Weights(some_tensors(), DType::kF32, "file", ops::Packer::measure())["model"].patched({zero})["a"]);
  EXPECT_FALSE(probed);
  EXPECT_GT(measured.bytes(), 0u);
  EXPECT_EQ(root["model"]["a"].get("weight").decoded().f32()[3], 4);
  EXPECT_TRUE(seen.empty());
}

// What was read to be packed does not stay in memory beside it, whatever comes after.
TEST(Weights, PagesGoAsSoonAsTheyArePacked) {
  const auto path = std::filesystem::path(::testing::TempDir()) / ("easel-pages-" + std::to_string(::getpid()));
  constexpr int64_t kSide = 512;
  std::ofstream(path, std::ios::binary) << std::string(static_cast<size_t>(kSide * kSide) * 4, '\0');
  const MappedFile file = MappedFile::open(path);
  auto map = std::make_shared<StoredTensors>();
  map->set("a.weight", Tensor(file.storage(), file.storage()->data(), {kSide, kSide}, {kSide, 1}, DType::kF32));
  const auto resident = [&] {
    size_t count = 0;
    // Of this process: the system may keep the file itself in memory.
    std::ifstream maps("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
      if (line.find(path.filename().string()) != std::string::npos) inside = true;
      else if (inside && line.starts_with("Rss:")) {
        count += std::stoul(line.substr(4));
        inside = false;
      }
    }
    return count;  // KiB
  };
  const Weights root(map, DType::kF32, "file");
  float sum = 0;
  for (int64_t i = 0; i < kSide * kSide; i += 1024) sum += map->find("a.weight")->plain()->f32()[i];
  EXPECT_EQ(sum, 0.0f);
  EXPECT_GT(resident(), 512u);
  const Linear layer(root["a"]);
  EXPECT_LT(resident(), 64u);
  EXPECT_GT(root.values("a.weight").numel(), 0);
  EXPECT_LT(resident(), 64u);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace easel::nn
