#include "engine/engine.h"

#include <gtest/gtest.h>

#include "engine/order.h"
#include "toy_nodes.h"

namespace easel::engine {
namespace {

using toys::Recorder;
using toys::ToyNodes;
using Strings = std::vector<std::string>;

constexpr const char* kSums = R"({
  "1": {"class_type": "Number", "inputs": {"value": 1}},
  "2": {"class_type": "Number", "inputs": {"value": 2}},
  "3": {"class_type": "Sum", "inputs": {"b": ["1", 0], "a": ["2", 0], "seed": 5}},
  "4": {"class_type": "Sum", "inputs": {"a": ["3", 0], "b": ["1", 0], "seed": 0}},
  "5": {"class_type": "Show", "inputs": {"value": ["4", 0]}}})";

workflow::Json json(const char* text) { return workflow::parse_json(text); }

class EngineTest : public ::testing::Test {
 protected:
  Engine make(size_t result_budget = 1 << 20) {
    EngineOptions options{.table = toys_.table};
    options.result_budget = result_budget;
    return Engine(std::move(options));
  }
  // Runs a prompt and returns what ran, in order.
  Strings run(Engine& engine, const workflow::Json& prompt) {
    toys_.ran.clear();
    sink_ = Recorder();
    const auto checked = engine.check(workflow::parse_prompt(prompt));
    EXPECT_TRUE(checked.flawless()) << checked.text();
    toys_.ran.clear();  // of foresight
    engine.run(checked, {.cancel = toys_.cancel}, sink_);
    return toys_.ran;
  }
  ToyNodes toys_;
  Recorder sink_;
};

TEST_F(EngineTest, RunsDepthFirstInTheOrderInputsAreDeclared) {
  Engine engine = make();
  EXPECT_EQ(run(engine, json(kSums)), (Strings{"2", "1", "3", "4", "5"}));
  EXPECT_EQ(sink_.log, (Strings{"start 2", "end 2", "start 1", "end 1", "start 3", "end 3", "start 4", "end 4",
                                "start 5", "end 5"}));
}

TEST_F(EngineTest, UnchangedNodesDoNotRunAgain) {
  Engine engine = make();
  run(engine, json(kSums));
  EXPECT_EQ(run(engine, json(kSums)), Strings{});
  EXPECT_EQ(sink_.reused_nodes, (Strings{"2", "1", "3", "4", "5"}));
  EXPECT_EQ(sink_.log, Strings{"end 5"});  // output nodes show again what they showed
}

TEST_F(EngineTest, NodesBeforeAReusedOneShowAgainWhatTheyShowed) {
  Engine engine = make();
  const auto prompt = json(R"({"1": {"class_type": "Number", "inputs": {"value": 7}},
                               "2": {"class_type": "Glimpse", "inputs": {"value": ["1", 0]}},
                               "3": {"class_type": "Show", "inputs": {"value": ["2", 0]}}})");
  run(engine, prompt);
  ASSERT_EQ(sink_.shown.size(), 1U);
  EXPECT_EQ(sink_.shown[0].text, "7");
  EXPECT_EQ(run(engine, prompt), Strings{});
  EXPECT_EQ(sink_.log, (Strings{"end 2", "end 3"}));
  ASSERT_EQ(sink_.shown.size(), 1U);
  EXPECT_EQ(sink_.shown[0].text, "7");
}

TEST_F(EngineTest, ChangedNodesRunAgainAndSayWhy) {
  Engine engine = make();
  run(engine, json(kSums));
  auto prompt = json(kSums);
  prompt["3"]["inputs"]["seed"] = 6;
  EXPECT_EQ(run(engine, prompt), (Strings{"3", "4", "5"}));
  EXPECT_EQ(sink_.why["3"], "input seed changed");
  EXPECT_EQ(sink_.why["4"], "node 3 before it changed");
  // Back to an earlier state, whose results are still there; ids do not matter.
  EXPECT_EQ(run(engine, json(kSums)), Strings{});
  prompt = json(R"({"10": {"class_type": "Number", "inputs": {"value": 1}},
                    "11": {"class_type": "Show", "inputs": {"value": ["10", 0]}}})");
  EXPECT_EQ(run(engine, prompt), Strings{"11"});
}

TEST_F(EngineTest, TheSameInputsUnderAnotherNameAreNotTheSame) {
  Engine engine = make();
  run(engine, json(kSums));
  auto prompt = json(kSums);
  std::swap(prompt["3"]["inputs"]["a"], prompt["3"]["inputs"]["b"]);
  EXPECT_EQ(run(engine, prompt), (Strings{"3", "4", "5"}));
}

TEST_F(EngineTest, NodesThatAlwaysRunTakeTheirFollowersAlong) {
  Engine engine = make();
  const auto prompt = json(R"({"1": {"class_type": "Always", "inputs": {}},
                               "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}}})");
  run(engine, prompt);
  EXPECT_EQ(run(engine, prompt), (Strings{"1", "2"}));
  EXPECT_EQ(sink_.why["1"], "it runs every time");
}

TEST_F(EngineTest, NamesWithVariablesAreSavedEveryTime) {
  Engine engine = make();
  auto prompt = json(kSums);
  prompt["5"]["inputs"]["prefix"] = "%date:hhmmss%";
  run(engine, prompt);
  EXPECT_EQ(run(engine, prompt), Strings{"5"});
}

TEST_F(EngineTest, ResultsBeyondTheBudgetAreMadeAgain) {
  Engine engine = make(20);  // two numbers
  run(engine, json(kSums));
  EXPECT_LE(engine.result_bytes(), 20u);
  auto prompt = json(kSums);
  prompt["5"]["inputs"]["prefix"] = "y";
  EXPECT_EQ(run(engine, prompt), Strings{"5"});  // needs only node 4, which is there
  prompt["4"]["inputs"]["seed"] = 1;
  EXPECT_EQ(run(engine, prompt), (Strings{"1", "4", "5"}));
  EXPECT_EQ(sink_.why["1"], "its result was no longer kept");
  engine.free_results();
  EXPECT_EQ(engine.result_bytes(), 0u);
}

TEST_F(EngineTest, ErrorsNameTheirNode) {
  Engine engine = make();
  const auto prompt = json(R"({"1": {"class_type": "Number", "inputs": {"value": 1}},
                               "2": {"class_type": "Fails", "inputs": {"value": ["1", 0]}},
                               "3": {"class_type": "Show", "inputs": {"value": ["2", 0]}}})");
  try {
    run(engine, prompt);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_EQ(e.node(), "2");
    EXPECT_EQ(e.node_class(), "Fails");
    EXPECT_EQ(e.input(), "value");
  }
  EXPECT_EQ(sink_.log.back(), "start 2");
  // What went well before is not lost.
  EXPECT_THROW(run(engine, prompt), Error);
  EXPECT_EQ(toys_.ran, Strings{"2"});
}

TEST_F(EngineTest, OtherExceptionsBecomeErrorsToo) {
  Engine engine = make();
  try {
    run(engine, json(R"({"1": {"class_type": "Throws", "inputs": {}},
                         "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}}})"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kInternal);
    EXPECT_EQ(e.node(), "1");
  }
}

TEST_F(EngineTest, StopsWithinAStep) {
  Engine engine = make();
  const auto prompt = json(R"({"1": {"class_type": "Stops", "inputs": {}},
                               "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}}})");
  try {
    run(engine, prompt);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kCancelled);
    EXPECT_EQ(e.node(), "1");
  }
  EXPECT_EQ(sink_.log.back(), "step 1 3/10");
}

TEST_F(EngineTest, LongChainsNeedNoStack) {
  Engine engine = make();
  workflow::Json prompt = json(R"({"0": {"class_type": "Number", "inputs": {"value": 1}}})");
  for (int i = 1; i <= 3000; ++i) {
    const std::string before = std::to_string(i - 1);
    prompt.push_back(
        {std::to_string(i), {{"class_type", "Sum"}, {"inputs", {{"a", {before, 0}}, {"b", {"0", 0}}, {"seed", 0}}}}});
  }
  prompt["show"] = {{"class_type", "Show"}, {"inputs", {{"value", {"3000", 0}}}}};
  EXPECT_EQ(run(engine, prompt).size(), 3002u);
}

TEST_F(EngineTest, ModelsThatDoNotFitAreForeseen) {
  Engine engine = make();
  auto prompt = json(R"({"1": {"class_type": "Loader", "inputs": {"model": 3}},
                         "2": {"class_type": "Sampler", "inputs": {"model": ["1", 0], "steps": 4}},
                         "3": {"class_type": "Show", "inputs": {"value": ["2", 0]}},
                         "4": {"class_type": "Number", "inputs": {"value": 1}},
                         "5": {"class_type": "Show", "inputs": {"value": ["4", 0]}}})");
  const auto checked = engine.check(workflow::parse_prompt(prompt));
  EXPECT_TRUE(checked.runnable());  // node 5 is fine
  EXPECT_EQ(checked.outputs, Strings{"5"});
  ASSERT_EQ(checked.faulty.size(), 1u);
  EXPECT_EQ(checked.faulty[0].id, "2");
  EXPECT_EQ(checked.faulty[0].dependent_outputs, Strings{"3"});
  EXPECT_EQ(checked.faulty[0].faults[0].code, workflow::FaultCode::kMismatch);
  EXPECT_EQ(checked.faulty[0].faults[0].input, "model");
  EXPECT_EQ(checked.faulty[0].faults[0].reason, "model 3 is odd. Take 2");
  EXPECT_EQ(checked.faulty[0].faults[0].details, "model - model 3 is odd. Take 2");
  EXPECT_EQ(toys_.ran, Strings{"1"});  // only the loader was run
  prompt["1"]["inputs"]["model"] = 2;
  EXPECT_TRUE(engine.check(workflow::parse_prompt(prompt)).flawless());
  // Also beside other faults.
  prompt["1"]["inputs"]["model"] = 3;
  prompt["4"]["inputs"]["value"] = 5000;
  EXPECT_EQ(engine.check(workflow::parse_prompt(prompt)).faulty.size(), 2u);
  prompt.erase("5");
  EXPECT_EQ(engine.check(workflow::parse_prompt(prompt)).error->code, workflow::FaultCode::kNothingRuns);
}

}  // namespace
}  // namespace easel::engine
