// Planned once, run once: what a check finds out is not found out again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/atomic_file.h"
#include "engine/engine.h"
#include "toy_nodes.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using toys::Recorder;
using toys::ToyNodes;
using Strings = std::vector<std::string>;

// An engine with toy nodes and a folder with a file that one of them opens.
class PlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ("easel-plan-" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "vae");
    write("2");
    engine_ = std::make_unique<Engine>(EngineOptions{.table = toys_.table, .folders = library::Folders(folder_)});
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Each version of the file has a time of its own, which a coarse clock would not give it.
  void write(const std::string& text) {
    const fs::path file = folder_ / "vae" / "a.safetensors";
    write_file(file, text);
    fs::last_write_time(file, fs::file_time_type::clock::now() + std::chrono::seconds(++versions_));
  }
  static workflow::Prompt prompt(int steps = 1, const std::string& seed = "0") {
    return workflow::parse_prompt(workflow::parse_json(
        R"({"1": {"class_type": "OpenFile", "inputs": {"file": "a.safetensors"}},
            "2": {"class_type": "Sampler", "inputs": {"model": ["1", 0], "steps": )" +
        std::to_string(steps) + R"(}},
            "3": {"class_type": "Sum", "inputs": {"a": ["2", 0], "b": ["2", 0], "seed": )" +
        seed + R"(}},
            "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}}})"));
  }
  // What ran since the last time.
  Strings ran() { return std::exchange(toys_.ran, {}); }

  fs::path folder_;
  ToyNodes toys_;
  std::unique_ptr<Engine> engine_;
  Recorder sink_;
  int versions_ = 0;
};

TEST_F(PlanTest, ALoaderRunsOnce) {
  Plan plan = engine_->check(prompt());
  ASSERT_TRUE(plan.flawless()) << plan.text();
  EXPECT_EQ(plan.order, (Strings{"1", "2", "3", "4"}));
  EXPECT_TRUE(plan.nodes.at("1").foreseen->ran);
  EXPECT_EQ(ran(), Strings{"1"});
  engine_->run(std::move(plan), {}, sink_);
  EXPECT_EQ(ran(), (Strings{"2", "3", "4"}));
  // It says in its turn what it said before, as if it ran now.
  EXPECT_EQ(sink_.log, (Strings{"start 1", "warn 1 it holds 2", "detail 1 it was opened", "end 1", "start 2", "end 2",
                                "start 3", "end 3", "start 4", "end 4"}));
  EXPECT_EQ(sink_.why["1"], "it has not run before");
}

TEST_F(PlanTest, NoticesThatWereShownAreNotSaidAgain) {
  Plan plan = engine_->check(prompt());
  ASSERT_EQ(plan.notices.size(), 1u);
  EXPECT_EQ(plan.notices[0].text, "it holds 2");
  engine_->run(std::move(plan), {.notices_told = true}, sink_);
  EXPECT_EQ(std::count(sink_.log.begin(), sink_.log.end(), "warn 1 it holds 2"), 0);
  EXPECT_EQ(std::count(sink_.log.begin(), sink_.log.end(), "detail 1 it was opened"), 1);
}

TEST_F(PlanTest, KnownNodesAreNotCheckedAgain) {
  engine_->run(engine_->check(prompt()), {}, sink_);
  ran();
  // The same prompt, and one of which only the end is new.
  Plan same = engine_->check(prompt());
  EXPECT_EQ(same.notices.size(), 1u);
  EXPECT_TRUE(engine_->check(prompt(1, "5")).flawless());
  EXPECT_EQ(ran(), Strings{});
  engine_->run(std::move(same), {}, sink_);
  EXPECT_EQ(ran(), Strings{});
  // Another engine knows nothing, and neither does this one when it forgets.
  engine_->free_results();
  engine_->check(prompt());
  EXPECT_EQ(ran(), Strings{"1"});
}

TEST_F(PlanTest, ChangedNodesArePlannedAgain) {
  Plan plan = engine_->check(prompt());
  ran();
  write("4");
  engine_->run(plan, {}, sink_);
  EXPECT_EQ(ran(), (Strings{"1", "2", "3", "4"}));
  EXPECT_EQ(sink_.log[1], "warn 1 it holds 4");
  // An older plan of what has run meanwhile: nothing is new.
  engine_->run(plan, {}, sink_);
  EXPECT_EQ(ran(), Strings{});
}

TEST_F(PlanTest, ModelsThatNoLongerFitAreFoundBeforeAnythingIsComputed) {
  Plan plan = engine_->check(prompt());
  write("3");  // an odd model
  ran();
  try {
    engine_->run(std::move(plan), {}, sink_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_EQ(e.node(), "2");
    EXPECT_EQ(e.node_class(), "Sampler");
    EXPECT_EQ(e.message(), "model 3 is odd");
  }
  EXPECT_EQ(ran(), Strings{"1"});
  EXPECT_EQ(sink_.log, Strings{});
}

TEST_F(PlanTest, AFileThatIsGoneIsAnErrorOfItsNode) {
  Plan plan = engine_->check(prompt());
  fs::remove(folder_ / "vae" / "a.safetensors");
  try {
    engine_->run(std::move(plan), {}, sink_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMissing);
    EXPECT_EQ(e.node(), "1");
  }
}

// What was unknown because something before it failed is not taken for all there is to know.
TEST_F(PlanTest, AFailureIsNotRemembered) {
  write("3");
  toys_.files_fail = true;
  Plan plan = engine_->check(prompt());
  ASSERT_EQ(plan.faulty.size(), 1u);
  EXPECT_EQ(plan.faulty[0].id, "1");
  toys_.files_fail = false;
  plan = engine_->check(prompt());
  ASSERT_EQ(plan.faulty.size(), 1u);
  EXPECT_EQ(plan.faulty[0].id, "2");  // the file is there now, and its model is odd
}

// The last run lets go of everything, so that models leave memory when they are no longer needed.
TEST_F(PlanTest, TheLastRunKeepsNothing) {
  engine_->run(engine_->check(prompt()), {.last = true}, sink_);
  ran();
  engine_->check(prompt());
  EXPECT_EQ(ran(), Strings{"1"});
}

TEST_F(PlanTest, OneNodeByItself) {
  const workflow::PromptNode loader = *prompt().find("1");
  EXPECT_EQ(engine_->foresee(loader).at(0).as<toys::ToyModel>().number, 2);
  EXPECT_TRUE(engine_->check(prompt()).flawless());
  EXPECT_EQ(ran(), Strings{"1"});  // the check knew it
  fs::remove(folder_ / "vae" / "a.safetensors");
  EXPECT_THROW(engine_->foresee(loader), Error);
}

}  // namespace
}  // namespace easel::engine
