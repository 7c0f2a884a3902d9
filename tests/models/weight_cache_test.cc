#include "models/weights/weight_cache.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/atomic_file.h"
#include "ops/conv2d.h"
#include "ops/cpu/weight_memory.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/packer.h"
#include "ops/reference.h"

namespace easel::models {
namespace {

using namespace ops;
using namespace ops::testing;

namespace fs = std::filesystem;

class WeightCaches : public TypedOps<BFloat16> {
 protected:
  void SetUp() override {
    TypedOps::SetUp();
    folder_ = fs::temp_directory_path() / ("easel_weight_cache_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    set_weight_cache({folder_});
    weight_ = random({96, 64});
    window_ = random({40, 64, 3, 3}, 0.1f);
    x_ = random({10, 64});
    map_ = random({1, 6, 6, 64});
  }
  void TearDown() override {
    finish_weight_caches();
    set_weight_cache({});
    fs::remove_all(folder_);
    TypedOps::TearDown();
  }

  // What `pack` gives with the cache of a model, or without one where there is none.
  std::vector<Tensor> packed(const std::string& identity,
                             const std::function<std::vector<Tensor>(const Packer&)>& pack) {
    auto cache = WeightCache::open(identity, version_);
    if (!cache) return pack(Packer::pack());
    auto results = pack(Packer::cached(*cache));
    WeightCache::finish(std::move(cache));
    finish_weight_caches();
    return results;
  }
  // Builds a small "model" and returns what it computes. `weight` as if the file held it.
  std::vector<Tensor> build(const std::string& identity, const Tensor& weight) {
    return packed(identity, [&](const Packer& packer) -> std::vector<Tensor> {
      const auto dense = pack_linear(weight, random_f32({96}, 0.0f), kType, true, packer);
      ConvShape up{1, 1};
      up.upsample2x = true;
      const auto conv = pack_conv2d(window_, {}, {1, 1}, kType, packer),
                 twice = pack_conv2d(window_, {}, up, kType, packer);
      return {linear(x_, *dense), conv2d(map_, *conv), conv2d(map_, *twice, {.upsample2x = true})};
    });
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    if (fs::exists(folder_))
      for (const auto& f : fs::directory_iterator(folder_)) all.push_back(f.path());
    return all;
  }
  static void expect_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(max_difference(a[i], b[i]), 0.0);
  }

  fs::path folder_;
  std::string version_ = "1";
  Tensor weight_, window_, x_, map_;
};

TEST_F(WeightCaches, TheSecondTimeNothingIsPacked) {
  const auto first = build("model a", weight_);
  ASSERT_EQ(files().size(), 1u);
  const auto written = fs::last_write_time(files()[0]);
  // With other weights under the same identity the results are those of the cache: it was used.
  expect_equal(build("model a", random({96, 64})), first);
  EXPECT_EQ(fs::last_write_time(files()[0]), written);
}

TEST_F(WeightCaches, AnotherIdentityHasAFileOfItsOwn) {
  const auto first = build("model a", weight_);
  const auto other = build("model b", random({96, 64}));
  EXPECT_EQ(files().size(), 2u);
  EXPECT_GT(max_difference(first[0], other[0]), 0.0);
}

TEST_F(WeightCaches, AnotherVersionTakesItsPlace) {
  build("model a", weight_);
  version_ = "2";
  const Tensor changed = random({96, 64});
  const auto other = build("model a", changed);
  EXPECT_EQ(files().size(), 1u);
  expect_equal(build("model a", weight_), other);
}

TEST_F(WeightCaches, TheLeastRecentlyUsedFileGoesWhenItIsFull) {
  build("model a", weight_);
  const auto bytes = fs::file_size(files()[0]);
  set_weight_cache({folder_, 2 * bytes});
  const auto b = build("model b", random({96, 64}));
  build("model a", weight_);  // used again
  std::ofstream(folder_ / "notes.txt") << "of no concern";
  build("model c", weight_);
  EXPECT_EQ(files().size(), 3u);
  // The weights of b are gone, those of a are still there.
  EXPECT_GT(max_difference(build("model b", weight_)[0], b[0]), 0.0);
}

TEST_F(WeightCaches, LayersSideBySideAreKeptAsOne) {
  const Tensor parts[] = {random({32, 64}), random({16, 64}), random({40, 64})};
  const std::vector<StoredTensor> stored(std::begin(parts), std::end(parts));
  std::vector<Tensor> results;
  for (int run = 0; run < 2; ++run) {
    for (const Tensor& y : packed("joined", [&](const Packer& packer) -> std::vector<Tensor> {
           return {linear(x_, *pack_linear(stored, random_f32({88}, 0.0f), kType, false, packer))};
         }))
      results.push_back(y);
    if (run == 0) results.push_back(linear(x_, *pack_linear(concat(parts, 0), random_f32({88}, 0.0f), kType)));
  }
  EXPECT_EQ(max_difference(results[0], results[1]), 0.0);
  EXPECT_EQ(max_difference(results[0], results[2]), 0.0);
}

TEST_F(WeightCaches, MeasuringTakesNoMemoryAndIsExact) {
  const auto dense = pack_linear(weight_, random_f32({96}, 0.0f), kType, true);
  const auto window = pack_conv2d(window_, {}, {1, 1}, kType);
  const size_t before = cpu::weight_bytes();
  EXPECT_EQ(pack_linear(weight_, random_f32({96}, 0.0f), kType, true, Packer::measure())->bytes, dense->bytes);
  EXPECT_EQ(pack_conv2d(window_, {}, {1, 1}, kType, Packer::measure())->bytes, window->bytes);
  EXPECT_EQ(cpu::weight_bytes(), before);
}

TEST_F(WeightCaches, DamageIsFoundAndMended) {
  const auto first = build("model a", weight_);
  const std::string good = read_file(files()[0]);
  // A flipped bit in weights, index and header; a file cut short anywhere; garbage.
  std::vector<std::string> bad;
  for (const size_t at : {size_t{5000}, good.size() - 9, size_t{20}, size_t{30}, size_t{60}}) {
    bad.push_back(good);
    bad.back()[at] = static_cast<char>(bad.back()[at] ^ 0x10);
  }
  for (const size_t length : {size_t{0}, size_t{100}, size_t{4096}, good.size() / 2, good.size() - 1})
    bad.push_back(good.substr(0, length));
  bad.push_back(good + "x");
  bad.push_back(std::string(9000, '\xff'));
  for (const std::string& content : bad) {
    std::ofstream(files()[0], std::ios::binary | std::ios::trunc) << content;
    expect_equal(build("model a", weight_), first);
    EXPECT_EQ(read_file(files()[0]), good);
  }
}

TEST_F(WeightCaches, AModelThatPacksOtherwiseReplacesIt) {
  build("model a", weight_);
  const auto narrow = [&](const Packer& packer) -> std::vector<Tensor> {
    return {linear(x_, *pack_linear(random({32, 64}), {}, kType, false, packer))};
  };
  const Tensor y = packed("model a", narrow)[0];
  EXPECT_EQ(y.dim(1), 32);
  ASSERT_EQ(files().size(), 1u);
  const Tensor again = packed("model a", narrow)[0];
  EXPECT_EQ(max_difference(again, y), 0.0);
}

TEST_F(WeightCaches, IsOffWithoutAFolder) {
  set_weight_cache({});
  build("model a", weight_);
  EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace easel::models
