#include "library/model_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"

namespace easel::library {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, float value) {
  TensorMap map;
  map.set("x", Tensor::full({64}, value));
  formats::write_safetensors(path, map);
}

TEST(ModelFiles, AreOpenedOnceWhileTheyAreUsedAndStayTheSame) {
  const fs::path path = fs::path(::testing::TempDir()) / ("easel-model-files-" + std::to_string(::getpid()));
  write(path, 1.0f);
  ModelFiles files;
  auto first = files.open(path);
  EXPECT_EQ(files.open(path), first);
  EXPECT_EQ(first->version, file_version(path));
  EXPECT_EQ(first->name(), path.filename().string());

  write(path, 2.0f);  // another file takes its name
  const auto second = files.open(path);
  EXPECT_NE(second, first);
  EXPECT_EQ(second->tensors->find("x")->decoded().f32()[0], 2.0f);
  EXPECT_EQ(first->tensors->find("x")->decoded().f32()[0], 1.0f);
  EXPECT_EQ(files.open(path), second);

  std::weak_ptr<const formats::ModelFile> unused = first;
  first.reset();
  EXPECT_TRUE(unused.expired());  // nothing is kept that nobody uses
  fs::remove(path);
  EXPECT_THROW(files.open(path), Error);
}

}  // namespace
}  // namespace easel::library
