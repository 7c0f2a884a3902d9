#include "server/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "server/jobs/run/preview_jpeg.h"
#include "server/test_server.h"
#include "server/waiting.h"

namespace easel::server {
namespace {

using testing::get;
using testing::Json;
using testing::post;
using testing::RawSocket;
using testing::TestServer;
using testing::toy_prompt;
using testing::wait_for;

// Messages up to and including executing {node: null} of the job; binary ones as their event number.
std::vector<Json> messages_of(RawSocket& socket, const std::string& id) {
  std::vector<Json> out;
  while (auto message = socket.next()) {
    if (message->binary) {
      out.push_back({{"type", "binary"}, {"data", static_cast<int>(message->data[3])}});
      continue;
    }
    out.push_back(Json::parse(message->data));
    if (out.back()["type"] == "executing" && out.back()["data"]["node"].is_null() &&
        out.back()["data"]["prompt_id"] == id)
      break;
  }
  return out;
}

std::string types_of(const std::vector<Json>& messages, const std::set<std::string>& only) {
  std::string out;
  for (const Json& m : messages) {
    const std::string type = m["type"];
    if (!only.contains(type)) continue;
    out += (out.empty() ? "" : " ") + type;
    if (type == "executing" && !m["data"]["node"].is_null()) out += ":" + m["data"]["node"].get<std::string>();
  }
  return out;
}

TEST(Server, RunsAJobAndTellsItsClientInOrder) {
  TestServer s;
  RawSocket socket(s.port);
  const Json greeting = Json::parse(socket.next()->data);
  EXPECT_EQ(greeting["type"], "status");
  EXPECT_EQ(greeting["data"]["sid"], "test");
  EXPECT_EQ(greeting["data"]["status"]["exec_info"]["queue_remaining"], 0);
  const std::string id = s.queue(toy_prompt(1), "test");
  const auto messages = messages_of(socket, id);
  EXPECT_EQ(types_of(messages, {"execution_start", "execution_cached", "executing", "executed", "execution_success"}),
            "execution_start execution_cached executing:1 executing:2 executing:3 executing:4 executing:5 executed "
            "execution_success executing");
  EXPECT_EQ(types_of({messages.end() - 3, messages.end()}, {"execution_success", "status", "executing"}),
            "execution_success status executing");
  EXPECT_EQ(types_of(messages, {"progress"}), "progress progress progress");
  for (const Json& m : messages) {
    if (m["type"] != "status" && m["type"] != "binary") {
      EXPECT_EQ(m["data"]["prompt_id"], id) << m;
    }
    if (m["type"] == "execution_success") {
      EXPECT_TRUE(m["data"]["timestamp"].is_number_integer());
    }
    if (m["type"] == "progress") {
      EXPECT_EQ(m["data"]["max"], 3);
    }
    if (m["type"] == "progress_state") {
      for (const auto& node : m["data"]["nodes"].items())
        for (const char* key :
             {"value", "max", "state", "node_id", "prompt_id", "display_node_id", "parent_node_id", "real_node_id"})
          EXPECT_TRUE(node.value().contains(key)) << m;
    }
  }
  EXPECT_NE(types_of(messages, {"binary"}), "");
}

TEST(Server, HistoryIsThereBeforeTheEndIsTold) {
  TestServer s;
  RawSocket socket(s.port);
  const std::string id = s.queue(toy_prompt(1), "test");
  for (;;) {
    const auto message = socket.next();
    ASSERT_TRUE(message);
    if (message->binary || Json::parse(message->data)["type"] != "execution_success") continue;
    const Json history = Json::parse(get(s.port, "/history/" + id).body);
    ASSERT_TRUE(history.contains(id));
    const Json& entry = history[id];
    EXPECT_EQ(entry["status"]["status_str"], "success");
    EXPECT_EQ(entry["status"]["completed"], true);
    EXPECT_EQ(entry["status"]["messages"][0][0], "execution_start");
    EXPECT_EQ(entry["outputs"]["5"]["images"][0]["filename"], "toy_00001_.png");
    EXPECT_EQ(entry["meta"]["5"]["real_node_id"], "5");
    EXPECT_EQ(entry["prompt"][1], id);
    EXPECT_EQ(entry["prompt"][4], Json::array({"5"}));
    const Json queue = Json::parse(get(s.port, "/queue").body);
    EXPECT_TRUE(queue["queue_running"].empty());
    break;
  }
}

TEST(Server, ReusedJobEndsAfterItsAnswer) {
  TestServer s;
  s.queue(toy_prompt(1));
  ASSERT_TRUE(s.wait_until_idle());
  RawSocket socket(s.port);
  socket.next();
  const auto start = std::chrono::steady_clock::now();
  const std::string id = s.queue(toy_prompt(1), "test");
  const auto messages = messages_of(socket, id);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_EQ(types_of(messages, {"execution_cached", "executing", "executed", "execution_success"}),
            "execution_cached executed execution_success executing");
  EXPECT_GE(seconds, 0.008);
}

TEST(Server, PreviewsWithMetadataOnceNegotiated) {
  TestServer s;
  RawSocket socket(s.port);
  socket.send_text(R"({"type":"feature_flags","data":{"supports_preview_metadata":true}})");
  socket.next();
  const Json flags = Json::parse(socket.next()->data);
  EXPECT_EQ(flags["type"], "feature_flags");
  EXPECT_EQ(flags["data"]["supports_preview_metadata"], true);
  const std::string id = s.queue(toy_prompt(1), "test");
  while (auto message = socket.next()) {
    if (!message->binary) continue;
    EXPECT_EQ(message->data[3], 4);
    const auto length = static_cast<size_t>(static_cast<unsigned char>(message->data[6])) << 8 |
                        static_cast<unsigned char>(message->data[7]);
    const Json metadata = Json::parse(message->data.substr(8, length));
    EXPECT_EQ(metadata["prompt_id"], id);
    EXPECT_EQ(metadata["node_id"], "3");
    EXPECT_EQ(message->data.substr(8 + length, 3), "\xFF\xD8\xFF");
    return;
  }
  FAIL() << "no preview came";
}

TEST(Server, FailuresAreToldAndKept) {
  TestServer s;
  RawSocket socket(s.port);
  for (const char* text : {"fail", "throw"}) {
    const std::string id = s.queue(toy_prompt(1, 3, text), "test");
    const auto messages = messages_of(socket, id);
    const Json* error = nullptr;
    for (const Json& m : messages)
      if (m["type"] == "execution_error") error = &m;
    ASSERT_TRUE(error);
    for (const char* key : {"prompt_id", "node_id", "node_type", "executed", "exception_message", "exception_type",
                            "traceback", "current_inputs", "current_outputs", "timestamp"})
      EXPECT_TRUE((*error)["data"].contains(key)) << key;
    EXPECT_EQ((*error)["data"]["node_id"], "2");
    EXPECT_EQ((*error)["data"]["node_type"], "Text");
    const Json entry = Json::parse(get(s.port, "/history/" + id).body)[id];
    EXPECT_EQ(entry["status"]["status_str"], "error");
    EXPECT_EQ(entry["status"]["completed"], false);
  }
}

TEST(Server, InterruptsTheRunningJobOnly) {
  TestServer s({}, std::chrono::milliseconds(50));
  RawSocket socket(s.port);
  const std::string id = s.queue(toy_prompt(1, 100), "test"), next = s.queue(toy_prompt(2), "test");
  EXPECT_EQ(post(s.port, "/interrupt", R"({"prompt_id":"another"})").body, "{}");
  while (auto message = socket.next())
    if (!message->binary && Json::parse(message->data)["type"] == "progress") break;
  // A client that comes now is told what runs.
  RawSocket late(s.port);
  late.next();
  EXPECT_EQ(Json::parse(late.next()->data)["data"]["node"], "3");
  EXPECT_EQ(post(s.port, "/interrupt", "").status, 200);
  EXPECT_NE(types_of(messages_of(socket, id), {"execution_interrupted"}), "");
  EXPECT_EQ(types_of(messages_of(socket, next), {"execution_success"}), "execution_success");
  EXPECT_EQ(Json::parse(get(s.port, "/history/" + id).body)[id]["status"]["status_str"], "error");
}

TEST(Server, WaitsAnswersWithHistoryOrPicture) {
  TestServer s;
  const std::string body = workflow::dump_json(Json{{"prompt", toy_prompt(1)}, {"prompt_id", "mine"}});
  const auto history = post(s.port, "/prompt?wait=1", body);
  EXPECT_EQ(history.status, 200);
  EXPECT_EQ(Json::parse(history.body)["mine"]["status"]["completed"], true);
  const auto picture = testing::http(s.port, "POST", "/api/prompt",
                                     workflow::dump_json(Json{{"prompt", toy_prompt(1)}}), "Accept: image/png\r\n");
  EXPECT_EQ(picture.status, 200);
  EXPECT_EQ(picture.headers.at("content-type"), "image/png");
  EXPECT_TRUE(picture.body.starts_with("\x89PNG"));
  const auto failed = post(s.port, "/prompt?wait=1", workflow::dump_json(Json{{"prompt", toy_prompt(1, 1, "fail")}}));
  EXPECT_EQ(failed.status, 500);
  const auto twice = post(s.port, "/prompt?wait=1", body);
  EXPECT_EQ(twice.status, 400);
}

TEST(Server, ValidationErrorsInComfysShape) {
  TestServer s;
  const auto refused = [&](const std::string& body) {
    const auto answer = post(s.port, "/prompt", body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    return Json::parse(answer.body);
  };
  EXPECT_EQ(refused("{}")["error"]["type"], "no_prompt");
  EXPECT_EQ(refused(R"({"prompt":{}})")["error"]["type"], "prompt_no_outputs");
  EXPECT_EQ(refused(R"({"prompt":{"1":{"class_type":"Nope","inputs":{}}}})")["error"]["type"], "invalid_prompt");
  Json prompt = toy_prompt(1);
  prompt["3"]["inputs"]["steps"] = 0;
  prompt["3"]["inputs"].erase("cfg");
  const Json answer = refused(workflow::dump_json(Json{{"prompt", prompt}}));
  EXPECT_EQ(answer["error"]["type"], "prompt_outputs_failed_validation");
  EXPECT_EQ(answer["node_errors"]["3"]["class_type"], "Sample");
  EXPECT_EQ(answer["node_errors"]["3"]["dependent_outputs"], Json::array({"5"}));
  EXPECT_EQ(answer["node_errors"]["3"]["errors"].size(), 2u);
  EXPECT_EQ(Json::parse(get(s.port, "/prompt").body)["exec_info"]["queue_remaining"], 0);
}

TEST(Server, KeepsWhatClientsSentAlong) {
  TestServer s([](ServerOptions& o) { o.start_paused = true; });
  const Json graph = {{"nodes", Json::array()}, {"extra", {{"ds", {{"scale", 1.5}}}}}};
  const Json body = {{"prompt", toy_prompt(1)},
                     {"client_id", "me"},
                     {"extra_data", {{"extra_pnginfo", {{"workflow", graph}}}, {"api_key_comfy_org", "secret"}}}};
  ASSERT_EQ(post(s.port, "/prompt", workflow::dump_json(body)).status, 200);
  const Json item = Json::parse(get(s.port, "/queue").body)["queue_pending"][0];
  EXPECT_EQ(item[3]["extra_pnginfo"]["workflow"], graph);
  EXPECT_EQ(item[3]["client_id"], "me");
  EXPECT_FALSE(item[3].contains("api_key_comfy_org"));
  EXPECT_EQ(item[2]["3"]["inputs"]["steps"], 3);
}

// What a POST found out goes to the run, in the same process; a job of an earlier process is planned anew by the
// runner.
TEST(Server, AJobIsRunByThePlanOfItsPost) {
  testing::TempFolder folder;
  workflow::testing::ToyTable table;
  workflow::testing::ToyChoices choices;
  library::Folders models;
  testing::FakeRunner runner(folder.path() / "output");
  configure_log(Level::kError, false);
  const auto serve = [&](bool paused) {
    auto options = testing::options_in(folder.path());
    options.start_paused = paused;
    auto server = std::make_unique<Server>(std::move(options), table, choices, models, runner);
    server->start();
    return server;
  };
  const auto queue = [](const Server& server, int64_t seed) {
    const auto answer =
        post(server.port(), "/prompt", workflow::dump_json(Json{{"prompt", toy_prompt(seed)}, {"prompt_id", "a"}}));
    return answer.status;
  };
  {
    const auto server = serve(true);
    EXPECT_EQ(queue(*server, 1), 200);
    EXPECT_EQ(queue(*server, 2), 400);  // its id is taken
    EXPECT_EQ(runner.checks, 2);
  }
  const auto server = serve(true);
  post(server->port(), "/queue", R"({"pause":false})");
  EXPECT_TRUE(wait_for(20, [&] { return runner.runs == 1; }));
  EXPECT_EQ(runner.planned, 0);
  const auto waited = post(server->port(), "/prompt?wait=1", workflow::dump_json(Json{{"prompt", toy_prompt(3)}}));
  EXPECT_EQ(waited.status, 200);
  EXPECT_EQ(runner.runs, 2);
  EXPECT_EQ(runner.planned, 1);
  EXPECT_EQ(runner.checks, 3);
}

TEST(Server, QueueIsReorderedPausedAndCleared) {
  TestServer s([](ServerOptions& o) { o.start_paused = true; });
  const std::string a = s.queue(toy_prompt(1)), b = s.queue(toy_prompt(2)), c = s.queue(toy_prompt(3));
  const auto order = [&] {
    std::string out;
    const Json queue = Json::parse(get(s.port, "/queue").body);
    for (const Json& item : queue["queue_pending"])
      out += item[1] == a ? "a" : item[1] == b ? "b" : item[1] == c ? "c" : "?";
    return out;
  };
  EXPECT_EQ(order(), "abc");
  EXPECT_EQ(post(s.port, "/queue", R"({"move":{"id":")" + c + R"(","before":")" + a + R"("}})").status, 200);
  EXPECT_EQ(order(), "cab");
  EXPECT_EQ(post(s.port, "/queue", R"({"move":{"id":"nobody"}})").status, 404);
  EXPECT_EQ(post(s.port, "/queue", R"({"delete":[")" + a + R"("]})").body, "{}");
  EXPECT_EQ(order(), "cb");
  const auto front = post(s.port, "/prompt", workflow::dump_json(Json{{"prompt", toy_prompt(4)}, {"front", true}}));
  EXPECT_LT(Json::parse(front.body)["number"], 0);
  EXPECT_EQ(order(), "?cb");
  EXPECT_EQ(s.runner.runs, 0);
  post(s.port, "/queue", R"({"pause":false})");
  ASSERT_TRUE(s.wait_until_idle());
  EXPECT_EQ(s.runner.runs, 3);
  post(s.port, "/queue", R"({"pause":true})");
  s.queue(toy_prompt(5));
  post(s.port, "/queue", R"({"clear":true})");
  EXPECT_EQ(order(), "");
  EXPECT_EQ(Json::parse(get(s.port, "/history").body).size(), 3u);
  EXPECT_EQ(Json::parse(get(s.port, "/history?max_items=2").body).size(), 2u);
  EXPECT_EQ(Json::parse(get(s.port, "/history?max_items=1&offset=0").body).begin().key(),
            [&] { return Json::parse(get(s.port, "/history").body).begin().key(); }());
  post(s.port, "/history", R"({"clear":true})");
  EXPECT_EQ(get(s.port, "/history").body, "{}");
}

// Events and a preview for each step, told to two clients, in processor time: waiting for a busy machine is not
// counted. Drawing the preview is what it is made of.
TEST(Server, AStepCostsLittleMoreThanItsPreview) {
  constexpr int kSteps = 20;
  // Above the interval of previews; steps of published models take longer.
  TestServer s({}, std::chrono::milliseconds(110));
  RawSocket one(s.port, "/ws?clientId=test"), other(s.port, "/ws?watch=all");
  const auto processor_seconds = [] {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  };
  const engine::Preview picture{8, 8, std::vector<uint8_t>(8 * 8 * 3, 128)};
  double before = processor_seconds();
  for (int i = 0; i < kSteps; ++i) EXPECT_FALSE(preview_jpeg(picture).empty());
  const double preview = (processor_seconds() - before) / kSteps;
  before = processor_seconds();
  const std::string id = s.queue(toy_prompt(1, kSteps), "test");
  const auto messages = messages_of(one, id);
  const double each = (processor_seconds() - before) / kSteps;
  EXPECT_GE(std::count_if(messages.begin(), messages.end(), [](const Json& m) { return m["type"] == "binary"; }),
            kSteps - 2);
  printf("the server's part of a step: %.2f ms, %.2f ms of it to draw the preview\n", each * 1e3, preview * 1e3);
  EXPECT_LT(each, 4 * preview);
}

TEST(Server, KeepsHistoryAndTempFilesWithinTheirLimits) {
  TestServer s([](ServerOptions& o) {
    o.keep_history = 3;
    o.keep_temp_hours = 1;
  });
  namespace fs = std::filesystem;
  const fs::path temp = s.folder.path() / "temp";
  for (const char* name : {"old.png", "new.png"}) std::ofstream(temp / name) << "preview";
  fs::last_write_time(temp / "old.png", fs::file_time_type::clock::now() - std::chrono::hours(2));
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(s.queue(toy_prompt(i)));
  ASSERT_TRUE(s.wait_until_idle());
  Json history;
  EXPECT_TRUE(wait_for(20, [&] {  // house is kept a moment after the job's end
    history = Json::parse(get(s.port, "/history").body);
    return history.size() == 3 && !fs::exists(temp / "old.png");
  }));
  EXPECT_EQ(history.size(), 3u);
  EXPECT_TRUE(history.contains(ids[5]));
  EXPECT_FALSE(history.contains(ids[2]));
  EXPECT_FALSE(fs::exists(temp / "old.png"));
  EXPECT_TRUE(fs::exists(temp / "new.png"));
  // The pictures themselves stay.
  EXPECT_EQ(std::distance(fs::directory_iterator(s.folder.path() / "output"), fs::directory_iterator()), 6);
}

TEST(Server, StopPutsTheRunningJobBack) {
  testing::TempFolder folder;
  workflow::testing::ToyTable table;
  workflow::testing::ToyChoices choices;
  library::Folders models;
  testing::FakeRunner runner(folder.path() / "output", std::chrono::milliseconds(50));
  configure_log(Level::kError, false);
  std::string id, second;
  {
    Server server(testing::options_in(folder.path()), table, choices, models, runner);
    server.start();
    id = Json::parse(
        post(server.port(), "/prompt", workflow::dump_json(Json{{"prompt", toy_prompt(1, 100)}})).body)["prompt_id"];
    second = Json::parse(
        post(server.port(), "/prompt", workflow::dump_json(Json{{"prompt", toy_prompt(2)}})).body)["prompt_id"];
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    server.stop();
    EXPECT_EQ(runner.runs, 0) << "it waited for the job's end";
  }
  auto options = testing::options_in(folder.path());
  options.start_paused = true;
  Server server(std::move(options), table, choices, models, runner);
  server.start();
  const Json queue = Json::parse(get(server.port(), "/queue").body);
  ASSERT_EQ(queue["queue_pending"].size(), 2u);
  EXPECT_EQ(queue["queue_pending"][0][1], id);
  EXPECT_EQ(queue["queue_pending"][1][1], second);
  EXPECT_EQ(get(server.port(), "/history").body, "{}");
}

TEST(Server, ASecondOneTouchesNothingOfTheFirst) {
  TestServer s({}, std::chrono::milliseconds(20));
  const std::string id = s.queue(toy_prompt(1, 20));
  const auto preview = s.folder.path() / "temp" / "shown.png";
  write_file(preview, "preview");
  // With the same user folder, and with the same address.
  for (const bool same_folder : {true, false}) {
    ServerOptions o = testing::options_in(s.folder.path());
    if (!same_folder) {
      o.user = s.folder.path() / "other";
      o.http.port = s.port;
    }
    try {
      Server(o, s.table, s.choices, s.models, s.runner).start();
      ADD_FAILURE() << "started";
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kUsage);
      EXPECT_NE(std::string(e.what()).find(same_folder ? "--user-dir" : "--port"), std::string::npos) << e.what();
    }
  }
  EXPECT_TRUE(std::filesystem::exists(preview));
  ASSERT_TRUE(s.wait_until_idle());
  EXPECT_EQ(s.runner.runs, 1);
  EXPECT_EQ(Json::parse(get(s.port, "/history/" + id).body)[id]["status"]["completed"], true);
}

TEST(Server, StatusIsRepeatedWhileSomebodyListens) {
  TestServer s([](ServerOptions& o) { o.status_seconds = 0.1; });
  RawSocket socket(s.port);
  int n = 0;
  for (int i = 0; i < 4; ++i) n += Json::parse(socket.next()->data)["type"] == "status";
  EXPECT_EQ(n, 4);
}

TEST(Server, WatchersSeeEverybodysJobs) {
  TestServer s;
  RawSocket mine(s.port, "/ws?clientId=a"), other(s.port, "/ws?clientId=b"),
      watcher(s.port, "/ws?clientId=w&watch=all");
  const std::string id = s.queue(toy_prompt(1), "a"), nobodys = s.queue(toy_prompt(2));
  EXPECT_EQ(types_of(messages_of(mine, id), {"execution_success"}), "execution_success");
  EXPECT_EQ(types_of(messages_of(watcher, id), {"execution_success"}), "execution_success");
  EXPECT_EQ(types_of(messages_of(watcher, nobodys), {"execution_success"}), "execution_success");
  std::string seen;
  while (auto m = other.next(0.2))
    if (!m->binary) seen += Json::parse(m->data)["type"].get<std::string>() + " ";
  EXPECT_EQ(seen.find("exec"), std::string::npos) << seen;
}

TEST(Server, FreeReachesTheRunner) {
  TestServer s;
  EXPECT_EQ(post(s.port, "/free", R"({"unload_models":true,"free_memory":true})").body, "{}");
  EXPECT_TRUE(wait_for(20, [&] { return s.runner.freed == 3; })) << s.runner.freed;
}

TEST(Server, InformationRoutes) {
  TestServer s;
  for (const char* prefix : {"", "/api"}) {
    const auto json = [&](const std::string& path) {
      const auto answer = get(s.port, prefix + path);
      EXPECT_EQ(answer.status, 200) << path;
      EXPECT_EQ(answer.headers.at("content-type"), "application/json") << path;
      return Json::parse(answer.body);
    };
    EXPECT_EQ(json("/object_info")["Sample"]["input"]["required"]["steps"][0], "INT");
    EXPECT_EQ(json("/object_info/Sample").size(), 1u);
    EXPECT_EQ(json("/object_info/Nope").size(), 0u);
    EXPECT_EQ(json("/system_stats")["devices"][0]["type"], "cpu");
    EXPECT_TRUE(json("/models").is_array());
    EXPECT_EQ(json("/models/checkpoints").size(), 0u);
    EXPECT_EQ(get(s.port, std::string(prefix) + "/models/nothing").status, 404);
    EXPECT_TRUE(json("/embeddings").is_array());
    EXPECT_EQ(json("/extensions").size(), 0u);
    EXPECT_EQ(json("/features")["supports_preview_metadata"], true);
    EXPECT_EQ(json("/users")["storage"], "server");
    EXPECT_EQ(get(s.port, std::string(prefix) + "/manager/version").status, 404);
  }
  EXPECT_EQ(get(s.port, "/healthz").status, 200);
  EXPECT_EQ(get(s.port, "/readyz").status, 200);
  const auto page = get(s.port, "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.headers.at("content-security-policy").find("default-src 'self'"), std::string::npos);
  EXPECT_EQ(testing::http(s.port, "GET", "/", {}, "If-None-Match: " + page.headers.at("etag") + "\r\n").status, 304);
}

TEST(Server, MetricsTellWhatHappened) {
  TestServer s;
  s.queue(toy_prompt(1));
  s.queue(toy_prompt(1));
  ASSERT_TRUE(s.wait_until_idle());
  const std::string text = get(s.port, "/metrics").body;
  for (const char* line :
       {"easel_queue_length 0", "easel_jobs_total{state=\"success\"} 2", "easel_nodes_total{result=\"executed\"} 5",
        "easel_nodes_total{result=\"reused\"} 5", "easel_steps_total 3", "easel_job_seconds_count{stage=\"running\"} 2",
        "easel_stage_seconds_count{stage=\"save\"} 1", "easel_http_requests_total{status=\"200\"}",
        "process_resident_memory_bytes ", "# TYPE easel_stage_seconds histogram"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST(Server, SettingsAndUserData) {
  TestServer s;
  EXPECT_EQ(post(s.port, "/settings", R"({"a":1})").status, 200);
  EXPECT_EQ(post(s.port, "/settings/b", "[2]").status, 200);
  EXPECT_EQ(get(s.port, "/settings").body, R"({"a":1,"b":[2]})");
  EXPECT_EQ(get(s.port, "/settings/b").body, "[2]");
  EXPECT_EQ(get(s.port, "/settings/c").body, "null");
  EXPECT_EQ(get(s.port, "/userdata/x.json").status, 404);
  EXPECT_EQ(post(s.port, "/userdata/workflows%2Fx.json", "{}").body, "\"workflows/x.json\"");
  EXPECT_EQ(post(s.port, "/userdata/workflows%2Fx.json?overwrite=false", "1").status, 409);
  EXPECT_EQ(get(s.port, "/userdata/workflows%2Fx.json").body, "{}");
  EXPECT_EQ(get(s.port, "/userdata?dir=workflows").body, "[\"x.json\"]");
  EXPECT_EQ(get(s.port, "/userdata?dir=workflows&recurse=true&split=true").body, "[[\"x.json\",\"x.json\"]]");
  EXPECT_EQ(post(s.port, "/userdata/workflows%2Fx.json/move/y.json", "").body, "\"y.json\"");
  EXPECT_EQ(testing::http(s.port, "DELETE", "/userdata/y.json").status, 204);
  EXPECT_EQ(get(s.port, "/userdata/y.json").status, 404);
}

}  // namespace
}  // namespace easel::server
