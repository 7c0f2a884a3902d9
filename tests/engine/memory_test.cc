// What a run keeps in memory and on disk, and what it allocates.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>

#include "base/atomic_file.h"
#include "engine/engine.h"
#include "models/weights/weight_cache.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "support/tiny_models.h"
#include "tensor/storage.h"

namespace {

std::atomic<bool> g_counting{false};
std::atomic<int> g_allocations{0};

void* counted_or_null(size_t bytes, size_t align) noexcept {
  if (g_counting.load(std::memory_order_relaxed)) g_allocations.fetch_add(1, std::memory_order_relaxed);
  return align > 16 ? std::aligned_alloc(align, (bytes + align - 1) / align * align) : std::malloc(bytes);
}

void* counted(size_t bytes, std::align_val_t align = {}) {
  if (void* p = counted_or_null(bytes, static_cast<size_t>(align))) return p;
  throw std::bad_alloc();
}

}  // namespace

// Not inlined, or the compiler takes the pair of a new and a free for a mistake.
#define NOT_INLINED [[gnu::noinline]]
NOT_INLINED void* operator new(size_t bytes) { return counted(bytes); }
NOT_INLINED void* operator new[](size_t bytes) { return counted(bytes); }
NOT_INLINED void* operator new(size_t bytes, std::align_val_t align) { return counted(bytes, align); }
NOT_INLINED void* operator new[](size_t bytes, std::align_val_t align) { return counted(bytes, align); }
NOT_INLINED void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return counted_or_null(bytes, 0); }
NOT_INLINED void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return counted_or_null(bytes, 0); }
NOT_INLINED void operator delete(void* p) noexcept { std::free(p); }
NOT_INLINED void operator delete[](void* p) noexcept { std::free(p); }
NOT_INLINED void operator delete(void* p, size_t) noexcept { std::free(p); }
NOT_INLINED void operator delete[](void* p, size_t) noexcept { std::free(p); }
NOT_INLINED void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
NOT_INLINED void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
NOT_INLINED void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
NOT_INLINED void operator delete[](void* p, size_t, std::align_val_t) noexcept { std::free(p); }

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

constexpr const char* kCheckpoint = "v1-5-pruned-emaonly.safetensors";

// From a text to a picture: a loader, two texts, an empty latent, a sampler, a VAE.
workflow::Prompt text_to_picture(const Json& sampler_changes = Json::object(), int side = 64) {
  Json sampler = {{"model", {"1", 0}},
                  {"seed", 3},
                  {"steps", 4},
                  {"cfg", 5.0},
                  {"sampler_name", "euler"},
                  {"scheduler", "normal"},
                  {"positive", {"2", 0}},
                  {"negative", {"3", 0}},
                  {"latent_image", {"4", 0}},
                  {"denoise", 1.0}};
  sampler.update(sampler_changes);
  return workflow::parse_prompt(
      {{"1", {{"class_type", "CheckpointLoaderSimple"}, {"inputs", {{"ckpt_name", kCheckpoint}}}}},
       {"2", {{"class_type", "CLIPTextEncode"}, {"inputs", {{"text", "a barn"}, {"clip", {"1", 1}}}}}},
       {"3", {{"class_type", "CLIPTextEncode"}, {"inputs", {{"text", "fog"}, {"clip", {"1", 1}}}}}},
       {"4", {{"class_type", "EmptyLatentImage"}, {"inputs", {{"width", side}, {"height", side}, {"batch_size", 1}}}}},
       {"5", {{"class_type", "KSampler"}, {"inputs", sampler}}},
       {"6", {{"class_type", "VAEDecode"}, {"inputs", {{"samples", {"5", 0}}, {"vae", {"1", 2}}}}}},
       {"7", {{"class_type", "PreviewImage"}, {"inputs", {{"images", {"6", 0}}}}}}});
}

class Runs : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ("easel-memory-" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "models" / "checkpoints");
    fs::copy_file(testing::tiny_models_dir() / "checkpoints" / kCheckpoint, checkpoint());
  }
  void TearDown() override {
    models::finish_weight_caches();
    models::set_weight_cache({});
    fs::remove_all(folder_);
  }
  fs::path checkpoint() const { return folder_ / "models" / "checkpoints" / kCheckpoint; }
  std::unique_ptr<Engine> start(size_t budget = 0, DType compute = DType::kF32,
                                std::function<Computing()> computing = {}) const {
    return std::make_unique<Engine>(EngineOptions{.table = nodes::standard_table(),
                                                  .folders = library::Folders(folder_ / "models"),
                                                  .directories = {folder_, folder_, folder_},
                                                  .compute = compute,
                                                  .computing = std::move(computing),
                                                  .memory_budget = budget});
  }
  static Tensor run(Engine& engine, EventSink& sink, bool last = false,
                    const workflow::Prompt& prompt = text_to_picture()) {
    Plan plan = engine.check(prompt);
    if (!plan.flawless()) plan.raise();
    TensorMap trace;
    engine.run(std::move(plan), {.watch = nodes::trace_into(trace), .last = last}, sink);
    return *trace.find("6.0.IMAGE");
  }
  static bool same(const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && std::equal(a.values().begin(), a.values().end(), b.values().begin());
  }

  fs::path folder_;
};

class WeightCacheRuns : public Runs {
 protected:
  void SetUp() override {
    Runs::SetUp();
    models::set_weight_cache({folder_ / "cache"});
  }
  // In an engine of its own, as a program started anew.
  Tensor fresh_run() const {
    EventSink quiet;
    const Tensor picture = run(*start(), quiet);
    models::finish_weight_caches();
    return picture;
  }
  std::map<fs::path, std::string> files() const {
    std::map<fs::path, std::string> out;
    for (const auto& f : fs::directory_iterator(folder_ / "cache")) out[f.path()] = read_file(f.path());
    return out;
  }
};

TEST_F(WeightCacheRuns, GiveTheSamePictureFromTheCache) {
  const Tensor first = fresh_run();
  const auto kept = files();
  EXPECT_EQ(kept.size(), 3u) << "a text encoder, a UNet, a VAE";
  std::map<fs::path, fs::file_time_type> written;
  for (const auto& [path, content] : kept) written[path] = fs::last_write_time(path);
  EXPECT_TRUE(same(fresh_run(), first));
  for (const auto& [path, time] : written) EXPECT_EQ(fs::last_write_time(path), time) << path;
  // Other precisions have files of their own.
  EventSink quiet;
  run(*start(0, DType::kBF16), quiet);
  models::finish_weight_caches();
  EXPECT_EQ(files().size(), 6u);
}

TEST_F(WeightCacheRuns, DamageIsMended) {
  const Tensor first = fresh_run();
  const auto good = files();
  for (const auto& [path, content] : good) {
    std::string bad = content;
    // More than the padding between two pieces.
    for (size_t at = bad.size() / 2; at < bad.size() / 2 + 8192; ++at) bad[at] = static_cast<char>(bad[at] ^ 1);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bad;
  }
  EXPECT_TRUE(same(fresh_run(), first));
  EXPECT_TRUE(files() == good);
  for (const auto& [path, content] : good) fs::resize_file(path, content.size() / 3);
  EXPECT_TRUE(same(fresh_run(), first));
  EXPECT_TRUE(files() == good);
}

TEST_F(WeightCacheRuns, AFileThatIsCutShortWhileItIsUsedIsAnError) {
  const Tensor first = fresh_run();
  const auto good = files();
  const auto engine = start();
  EventSink quiet;
  EXPECT_TRUE(same(run(*engine, quiet), first));  // from the cache, mapped
  for (const auto& [path, content] : good) fs::resize_file(path, 4096);
  try {
    run(*engine, quiet, false, text_to_picture({{"seed", 4}}));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile) << e.what();
    EXPECT_EQ(e.node_class(), "KSampler") << e.what();
  }
  // Nothing that was read is kept: the models are packed anew.
  const auto changed = text_to_picture({{"seed", 4}});
  const Tensor again = run(*engine, quiet, false, changed);
  EXPECT_FALSE(same(again, first));
  EXPECT_TRUE(same(again, run(*start(), quiet, false, changed)));
  EXPECT_TRUE(same(fresh_run(), first));
}

TEST_F(WeightCacheRuns, AnotherFileOfThatNameIsPackedAnew) {
  const Tensor first = fresh_run();
  // The same names and sizes, other values.
  std::string content = read_file(checkpoint());
  for (size_t i = content.size() / 2; i < content.size() / 2 + 20000; i += 2) content[i] ^= 1;
  write_file(checkpoint(), content);
  const Tensor second = fresh_run();
  EXPECT_FALSE(same(second, first));
  EXPECT_EQ(files().size(), 3u);
  models::set_weight_cache({});
  EXPECT_TRUE(same(fresh_run(), second));
}

// How much of models was in memory when nodes began.
struct ModelBytes final : EventSink {
  explicit ModelBytes(const Engine& e) : engine(e) {}
  void take(const RunEvent& event) override {
    if (const auto* e = std::get_if<NodeStarted>(&event)) at[e->class_type] = engine.model_bytes();
    if (std::holds_alternative<SamplingStarted>(event)) at["sampling"] = engine.model_bytes();
  }
  const Engine& engine;
  std::map<std::string, size_t> at;
};

// Cuts a file short when a node begins.
struct Cut final : EventSink {
  Cut(std::string n, fs::path f) : node(std::move(n)), file(std::move(f)) {}
  void take(const RunEvent& event) override {
    if (const auto* e = std::get_if<NodeStarted>(&event); e && e->class_type == node) fs::resize_file(file, 4096);
  }
  std::string node;
  fs::path file;
};

// Once a file has been looked at, neither a check nor a run of what depends on it opens it again.
TEST_F(Runs, KnownFilesAreNotReadAgain) {
  EventSink quiet;
  const workflow::Prompt other_seed = text_to_picture({{"seed", 4}});
  const Tensor expected = run(*start(), quiet, false, other_seed);
  const auto engine = start();
  run(*engine, quiet);
  const auto time = fs::last_write_time(checkpoint());
  std::fstream(checkpoint(), std::ios::in | std::ios::out | std::ios::binary)
      .write("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  fs::last_write_time(checkpoint(), time);
  EXPECT_FALSE(start()->check(text_to_picture()).flawless()) << "whoever opens it sees that it is damaged";
  EXPECT_TRUE(engine->check(text_to_picture()).flawless());
  EXPECT_TRUE(same(run(*engine, quiet, false, other_seed), expected));
}

TEST_F(Runs, AModelFileThatIsCutShortInMidRunIsAnError) {
  EventSink quiet;
  const Tensor expected = run(*start(), quiet);
  const std::string content = read_file(checkpoint());
  const auto engine = start();
  for (const char* node : {"CLIPTextEncode", "KSampler", "VAEDecode"}) {
    Cut cut(node, checkpoint());
    try {
      run(*engine, cut, false, text_to_picture({{"steps", 2}}));
      ADD_FAILURE() << node;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kBadFile) << e.what();
      EXPECT_EQ(e.node_class(), node) << e.what();
      EXPECT_NE(e.file().find(kCheckpoint), std::string::npos) << e.what();
    }
    write_file(checkpoint(), content);
  }
  EXPECT_TRUE(same(run(*engine, quiet), expected));
}

TEST_F(Runs, ModelsGoWhenTheLastRunNeedsThemNoMore) {
  const auto once = start(), again = start();
  ModelBytes last(*once), kept(*again);
  const Tensor a = run(*once, last, true), b = run(*again, kept, false);
  EXPECT_TRUE(same(a, b));
  EXPECT_EQ(last.at["KSampler"], 0u) << "the text encoder is still there";
  EXPECT_GT(last.at["sampling"], 0u);
  EXPECT_EQ(last.at["VAEDecode"], 0u) << "the UNet is still there";
  EXPECT_EQ(once->model_bytes(), 0u);
  EXPECT_EQ(once->result_bytes(), 0u);
  EXPECT_GT(kept.at["KSampler"], 0u);
  EXPECT_GT(again->model_bytes(), last.at["sampling"]);
}

TEST_F(Runs, ABudgetIsKeptByLettingModelsGo) {
  const auto free = start();
  ModelBytes all(*free);
  const Tensor expected = run(*free, all);
  const size_t unet = all.at["sampling"] - all.at["KSampler"], decoder = free->model_bytes() - all.at["sampling"];
  // Room for the largest model and its work, not for all.
  const size_t room = unet + decoder + (size_t{1} << 20);
  const auto tight = start(kProgramMemory + room);
  ModelBytes some(*tight);
  const Tensor got = run(*tight, some);
  ASSERT_EQ(got.shape(), expected.shape());
  for (const auto& [moment, bytes] : some.at) EXPECT_LE(bytes, room) << moment;
  for (int64_t i = 0; i < got.numel(); ++i) ASSERT_NEAR(got.f32()[i], expected.f32()[i], 2e-3) << i;
}

// A graphics card's memory holds models and what they compute in, the machine's everything else.
TEST_F(Runs, TheBudgetOfADeviceWithMemoryOfItsOwnIsForModelsOnly) {
  const auto free = start();
  ModelBytes all(*free);
  const Tensor expected = run(*free, all);
  const size_t room = free->model_bytes() + (size_t{64} << 20);
  EXPECT_FALSE(start(room)->check(text_to_picture()).flawless()) << "the program itself takes 256 MiB";
  const auto card = start(room, DType::kF32, [] { return Computing{"cpu", 0, true}; });
  ModelBytes some(*card);
  EXPECT_TRUE(same(run(*card, some), expected));
  Json graph = to_json(text_to_picture());
  graph["8"] = {{"class_type", "EmptyImage"},
                {"inputs", {{"width", 8192}, {"height", 8192}, {"batch_size", 1}, {"color", 0}}}};
  graph["9"] = {{"class_type", "PreviewImage"}, {"inputs", {{"images", {"8", 0}}}}};
  EXPECT_TRUE(card->check(workflow::parse_prompt(graph)).flawless()) << "a picture of 768 MiB";
  EXPECT_FALSE(start(kProgramMemory + room)->check(workflow::parse_prompt(graph)).flawless());
  EXPECT_FALSE(card->check(text_to_picture(Json::object(), 8192)).flawless()) << "what a model computes in";
}

TEST_F(Runs, RunsThatDoNotFitIntoMemoryAreRefusedBeforeAnythingIsLoaded) {
  const auto engine = start(kProgramMemory + (size_t{1} << 20));
  const auto checked = engine->check(text_to_picture());
  EXPECT_EQ(engine->model_bytes(), 0u);
  ASSERT_FALSE(checked.flawless());
  try {
    checked.raise();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory);
    EXPECT_NE(std::string(e.what()).find("UNet of v1-5-pruned-emaonly.safetensors"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("Allow "), std::string::npos) << e.what();
  }
  // A picture too large for a model that would fit.
  const auto roomy = start(kProgramMemory + (size_t{400} << 20));
  EXPECT_TRUE(roomy->check(text_to_picture()).flawless());
  EXPECT_FALSE(roomy->check(text_to_picture(Json::object(), 8192)).flawless());
}

// The same with a picture, by way of an IP-Adapter, and a ControlNet if wanted.
workflow::Prompt with_adapter() {
  Json graph = to_json(text_to_picture());
  const auto node = [](const char* type, Json inputs) { return Json{{"class_type", type}, {"inputs", inputs}}; };
  graph["8"] = node("EmptyImage", {{"width", 64}, {"height", 64}, {"batch_size", 1}, {"color", 0x8090a0}});
  graph["9"] = node("CLIPVisionLoader", {{"clip_name", "IPAdapter_image_encoder_sd15.safetensors"}});
  graph["10"] = node("IPAdapterModelLoader", {{"ipadapter_file", "ip-adapter-plus_sd15.safetensors"}});
  graph["11"] = node("IPAdapterApply", {{"ipadapter", {"10", 0}},
                                        {"clip_vision", {"9", 0}},
                                        {"image", {"8", 0}},
                                        {"model", {"1", 0}},
                                        {"weight", 1.0},
                                        {"noise", 0.0},
                                        {"weight_type", "original"}});
  graph["5"]["inputs"]["model"] = {"11", 0};
  return workflow::parse_prompt(graph);
}

TEST_F(Runs, AnAdapterIsNotThereBesideItsModelWhenThereIsNoRoom) {
  for (const char* folder : {"clip_vision", "ipadapter"})
    fs::create_directory_symlink(testing::tiny_models_dir() / folder, folder_ / "models" / folder);
  const auto free = start();
  ModelBytes all(*free);
  const Tensor expected = run(*free, all, true, with_adapter());
  const size_t both = all.at["sampling"];
  const auto tight = start(kProgramMemory + both);
  ModelBytes some(*tight);
  const Tensor got = run(*tight, some, true, with_adapter());
  EXPECT_LT(some.at["sampling"], both);
  for (int64_t i = 0; i < got.numel(); ++i) ASSERT_NEAR(got.f32()[i], expected.f32()[i], 2e-3) << i;
}

TEST_F(Runs, AControlNetCountsBesideItsModelBeforeAnythingIsLoaded) {
  fs::create_directory_symlink(testing::tiny_models_dir() / "controlnet", folder_ / "models" / "controlnet");
  Json graph = to_json(text_to_picture());
  graph["8"] = {{"class_type", "EmptyImage"},
                {"inputs", {{"width", 64}, {"height", 64}, {"batch_size", 1}, {"color", 0}}}};
  graph["9"] = {{"class_type", "ControlNetLoader"},
                {"inputs", {{"control_net_name", "control_v11p_sd15_canny_fp16.safetensors"}}}};
  graph["10"] = {
      {"class_type", "ControlNetApply"},
      {"inputs", {{"conditioning", {"2", 0}}, {"control_net", {"9", 0}}, {"image", {"8", 0}}, {"strength", 1.0}}}};
  graph["5"]["inputs"]["positive"] = {"10", 0};
  const auto controlled = workflow::parse_prompt(graph);
  // The least budget, in MiB, with which a prompt passes.
  const auto least = [&](const workflow::Prompt& prompt) {
    size_t mebibytes = 1;
    while (!start(kProgramMemory + (mebibytes << 20))->check(prompt).flawless()) ++mebibytes;
    return mebibytes;
  };
  EXPECT_GT(least(controlled), least(text_to_picture()) + 8);
}

// Counts what is allocated from the report of one step to that of the next. The report comes before the sampler moves
// on, so that the end of the first step counts with the second.
struct StepAllocations final : EventSink {
  void take(const RunEvent& event) override {
    const auto* progress = std::get_if<NodeProgress>(&event);
    if (!progress) return;
    g_counting = false;
    const NodeProgress& p = *progress;
    if (p.max < 4) return;  // of the VAE
    const PoolStats pool = pool_stats();
    if (p.value > 2) {
      counts.push_back(g_allocations);
      fresh.push_back(pool.fresh_blocks - blocks);
    }
    blocks = pool.fresh_blocks;
    g_allocations = 0;
    g_counting = p.value < p.max;
  }
  uint64_t blocks = 0;
  std::vector<int> counts;
  std::vector<uint64_t> fresh;
};

// (Samplers with random steps of their own keep a tree of the noise they have drawn, which grows.)
TEST_F(Runs, AStepAfterTheFirstAllocatesNothing) {
  for (const char* sampler : {"euler", "dpmpp_2m"}) {
    const auto engine = start();
    StepAllocations sink;
    sink.counts.reserve(16), sink.fresh.reserve(16);
    run(*engine, sink, true, text_to_picture({{"sampler_name", sampler}, {"steps", 6}}));
    ASSERT_EQ(sink.counts.size(), 4u);
    for (size_t i = 0; i < sink.counts.size(); ++i) {
      EXPECT_EQ(sink.fresh[i], 0u) << sampler << ": memory for tensors in step " << i + 3;
      EXPECT_EQ(sink.counts[i], 0) << sampler << ": the heap in step " << i + 3;
    }
  }
}

}  // namespace
}  // namespace easel::engine
