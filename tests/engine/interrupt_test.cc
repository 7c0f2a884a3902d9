// A run stops on request within a step of a sampler and within other long work, not only between them.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/cancel.h"
#include "base/parallel.h"
#include "engine/engine.h"
#include "nodes/standard_table.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"
#include "workflow/prompt.h"

namespace easel::engine {
namespace {

using workflow::Json;

// Cancels at the first event of type E, and counts the looks at the token on this thread from then to the end.
template <class E>
class CancelsAt final : public EventSink {
 public:
  explicit CancelsAt(CancelToken token) : token_(std::move(token)) {}
  void take(const RunEvent& event) override {
    if (std::holds_alternative<NodeProgress>(event)) ++steps;
    if (!std::holds_alternative<E>(event)) return;
    if (const auto* started = std::get_if<NodeStarted>(&event); started && started->node != "x") return;
    token_.cancel();
    polls_then = cancel_polls();
  }
  int steps = 0;
  uint64_t polls_then = 0;

 private:
  CancelToken token_;
};

class Interrupt : public ::testing::Test {
 protected:
  Interrupt() {
    EngineOptions options{.table = nodes::standard_table(), .folders = library::Folders(testing::tiny_models_dir())};
    options.directories = {folder_.path() / "input", folder_.path() / "output", folder_.path() / "temp"};
    engine_ = std::make_unique<Engine>(std::move(options));
  }
  void SetUp() override { set_thread_count(1); }
  void TearDown() override { set_thread_count(before_); }

  template <class E>
  void expect_stopped(const Json& prompt, CancelsAt<E>& sink, const CancelToken& token) {
    Plan plan = engine_->check(workflow::parse_prompt(prompt));
    if (!plan.flawless()) plan.raise();
    try {
      engine_->run(std::move(plan), {.cancel = token}, sink);
      ADD_FAILURE() << "it ran to its end";
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kCancelled) << e.what();
    }
    EXPECT_GT(sink.polls_then, 0u);
    EXPECT_LE(cancel_polls() - sink.polls_then, 1u) << "the first look after it ends the work";
  }

  testing::TempFolder folder_;
  std::unique_ptr<Engine> engine_;
  const int before_ = thread_count();
};

Json sampled() {
  return {
      {"1", {{"class_type", "CheckpointLoaderSimple"}, {"inputs", {{"ckpt_name", "v1-5-pruned-emaonly.safetensors"}}}}},
      {"2", {{"class_type", "CLIPTextEncode"}, {"inputs", {{"text", "a barn"}, {"clip", {"1", 1}}}}}},
      {"4", {{"class_type", "EmptyLatentImage"}, {"inputs", {{"width", 128}, {"height", 128}, {"batch_size", 1}}}}},
      {"x",
       {{"class_type", "KSampler"},
        {"inputs",
         {{"model", {"1", 0}},
          {"seed", 3},
          {"steps", 2},
          {"cfg", 5.0},
          {"sampler_name", "euler"},
          {"scheduler", "normal"},
          {"positive", {"2", 0}},
          {"negative", {"2", 0}},
          {"latent_image", {"4", 0}},
          {"denoise", 1.0}}}}},
      {"6", {{"class_type", "VAEDecode"}, {"inputs", {{"samples", {"x", 0}}, {"vae", {"1", 2}}}}}},
      {"7", {{"class_type", "PreviewImage"}, {"inputs", {{"images", {"6", 0}}}}}}};
}

TEST_F(Interrupt, WithinTheFirstStep) {
  const CancelToken token;
  CancelsAt<SamplingStarted> sink(token);
  expect_stopped(sampled(), sink, token);
  EXPECT_EQ(sink.steps, 0);
}

// Counts the looks at the token in each step.
class CountsPolls final : public EventSink {
 public:
  void take(const RunEvent& event) override {
    if (std::holds_alternative<SamplingStarted>(event)) last_ = cancel_polls();
    if (!std::holds_alternative<NodeProgress>(event)) return;
    if (last_ > 0) fewest = std::min(fewest, cancel_polls() - last_);
    last_ = cancel_polls();
  }
  uint64_t fewest = UINT64_MAX;

 private:
  uint64_t last_ = 0;
};

TEST_F(Interrupt, AStepLooksOften) {
  CountsPolls sink;
  engine_->run(engine_->check(workflow::parse_prompt(sampled())), {}, sink);
  EXPECT_GE(sink.fewest, 100u) << "several in each layer";
  EXPECT_LT(sink.fewest, UINT64_MAX);
}

TEST_F(Interrupt, WithinAPictureBeingScaledOrSaved) {
  for (const char* method : {"nearest-exact", "bilinear", "area", "bicubic", "lanczos"}) {
    const Json prompt = {
        {"1",
         {{"class_type", "EmptyImage"}, {"inputs", {{"width", 64}, {"height", 64}, {"batch_size", 1}, {"color", 5}}}}},
        {"x",
         {{"class_type", "ImageScale"},
          {"inputs",
           {{"image", {"1", 0}},
            {"upscale_method", method},
            {"width", 1024},
            {"height", 1024},
            {"crop", "disabled"}}}}},
        {"7", {{"class_type", "PreviewImage"}, {"inputs", {{"images", {"x", 0}}}}}}};
    SCOPED_TRACE(method);
    const CancelToken token;
    CancelsAt<NodeStarted> sink(token);
    expect_stopped(prompt, sink, token);
  }
  const Json saved = {{"1",
                       {{"class_type", "EmptyImage"},
                        {"inputs", {{"width", 1024}, {"height", 1024}, {"batch_size", 1}, {"color", 5}}}}},
                      {"x", {{"class_type", "PreviewImage"}, {"inputs", {{"images", {"1", 0}}}}}}};
  const CancelToken token;
  CancelsAt<NodeStarted> sink(token);
  Plan plan = engine_->check(workflow::parse_prompt(saved));
  EXPECT_THROW(engine_->run(std::move(plan), {.cancel = token}, sink), Error);
}

}  // namespace
}  // namespace easel::engine
