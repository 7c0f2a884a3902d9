// What a worker does with jobs that are too large for the memory budget.
#include <gtest/gtest.h>

#include <chrono>

#include "engine/engine.h"
#include "nodes/standard_table.h"
#include "server/jobs/run/engine_runner.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/jobs/worker.h"
#include "server/test_server.h"
#include "server/waiting.h"
#include "support/temp_folder.h"

namespace easel::server {
namespace {

using testing::Json;

// 40 times ImageBatch(x, x).
Json doubled_forty_times() {
  Json prompt = {
      {"0",
       {{"class_type", "EmptyImage"}, {"inputs", {{"width", 512}, {"height", 512}, {"batch_size", 1}, {"color", 0}}}}}};
  for (int i = 1; i <= 40; ++i) {
    const Json before = Json::array({std::to_string(i - 1), 0});
    prompt[std::to_string(i)] = {{"class_type", "ImageBatch"}, {"inputs", {{"image1", before}, {"image2", before}}}};
  }
  prompt["out"] = {{"class_type", "PreviewImage"}, {"inputs", {{"images", {"40", 0}}}}};
  return prompt;
}

struct Engines {
  Engines() {
    configure_log(Level::kError, false);
    engine::EngineOptions options{.table = nodes::standard_table()};
    options.directories = {folder.path() / "input", folder.path() / "output", folder.path() / "temp"};
    options.memory_budget = size_t{1} << 30;
    engine = std::make_unique<engine::Engine>(std::move(options));
  }
  easel::testing::TempFolder folder;
  std::unique_ptr<engine::Engine> engine;
};

TEST(TooLarge, IsRefusedWhenItIsPosted) {
  Engines engines;
  EngineRunner runner(*engines.engine);
  ServerOptions options = testing::options_in(engines.folder.path());
  Server server(std::move(options), nodes::standard_table(), engines.engine->choices(), engines.engine->folders(),
                runner);
  server.start();
  const auto answer = testing::post(server.port(), "/prompt", Json{{"prompt", doubled_forty_times()}}.dump());
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("memory budget of 1024 MiB"), std::string::npos) << answer.body;
  const Json body = Json::parse(answer.body);
  ASSERT_EQ(body["node_errors"].size(), 1u) << answer.body;
  EXPECT_EQ(body["node_errors"].begin().value()["class_type"], "ImageBatch");
  const auto alive = testing::get(server.port(), "/prompt");
  EXPECT_EQ(alive.status, 200);
  EXPECT_EQ(Json::parse(alive.body)["exec_info"]["queue_remaining"], 0);
}

TEST(TooLarge, IsNotRunAgainWhenTheServerDiedOfItOnce) {
  Engines engines;
  EngineRunner runner(*engines.engine);
  const auto store = open_sqlite_job_store(":memory:");
  Job job;
  job.id = "a";
  job.prompt = workflow::dump_json(doubled_forty_times());
  job.extra_data = "{}";
  job.targets = R"(["out"])";
  store->add(job, false, false);
  WorkerOptions options;
  // A process of the worker's name took it and died, before sizes were foreseen or with a larger budget.
  ASSERT_TRUE(store->claim(options.name, std::chrono::hours(1)));
  EventHub hub;
  Delivery delivery{std::chrono::hours(1)};
  Metrics metrics;
  Worker worker(*store, hub, delivery, runner, metrics, options);
  worker.recover();
  worker.start();
  EXPECT_TRUE(testing::wait_for(20, [&] { return is_final(store->get("a")->state); }));
  worker.stop();
  const Job ended = *store->get("a");
  EXPECT_EQ(ended.state, JobState::kFailed);
  EXPECT_NE(ended.failure.find("memory budget of 1024 MiB"), std::string::npos) << ended.failure;
}

}  // namespace
}  // namespace easel::server
