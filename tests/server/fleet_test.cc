// A fleet of processes around a real PostgreSQL: front ends and runners that are killed, cut off, stopped in good
// order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "formats/pictures/picture.h"
#include "server/fleet_child.h"
#include "server/jobs/open_job_store.h"
#include "server/network_place.h"
#include "server/postgres_server.h"
#include "server/waiting.h"

namespace easel::server {
namespace {

using testing::Answer;
using testing::FleetChild;
using testing::FleetMachine;
using testing::get;
using testing::Json;
using testing::NetworkPlace;
using testing::post;
using testing::PostgresServer;
using testing::RawSocket;
using testing::seconds_since;
using testing::TempFolder;
using testing::toy_prompt;
using testing::wait_for;

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Fleet {
  explicit Fleet(std::string url = testing::shared_postgres().new_database()) : store(std::move(url)) {
    configure_log(Level::kError, false);
  }
  FleetChild& add(const std::string& kind, FleetMachine machine = {}) {
    auto& all = kind == "front" ? fronts : runners;
    machine.kind = kind;
    machine.name = kind + std::to_string(all.size() + 1);
    if (machine.store.empty()) machine.store = store;
    machine.folder = folder.path() / machine.name;
    return *all.emplace_back(std::make_unique<FleetChild>(std::move(machine)));
  }
  FleetChild& start(const std::string& kind, FleetMachine machine = {}) {
    FleetChild& out = add(kind, std::move(machine));
    out.start();
    return out;
  }
  static Answer hand_in(uint16_t port, const Json& prompt, const std::string& id, const std::string& client = {}) {
    Json body = {{"prompt", prompt}, {"prompt_id", id}};
    if (!client.empty()) body["client_id"] = client;
    return post(port, "/prompt", workflow::dump_json(body));
  }
  // Queues a job once there is a runner that has its model.
  static bool queue(uint16_t port, const Json& prompt, const std::string& id, const std::string& client = {}) {
    return wait_for(20, [&] { return hand_in(port, prompt, id, client).status == 200; });
  }
  static Json history_of(uint16_t port, const std::string& id) {
    const Json all = Json::parse(get(port, "/history/" + id).body);
    return all.contains(id) ? all[id] : Json();
  }
  static bool ends(uint16_t port, const std::string& id, double seconds = 30) {
    return wait_for(seconds, [&] { return !history_of(port, id).is_null(); });
  }

  TempFolder folder;
  const std::string store;
  std::vector<std::unique_ptr<FleetChild>> fronts, runners;
};

// The types of a client's messages about a job, in their order, until its last one; fewer if they do not come.
std::vector<std::string> types_until_idle(RawSocket& socket, const std::string& job, double seconds = 20) {
  std::vector<std::string> out;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    const auto frame = socket.next(0.2);
    if (!frame) continue;
    if (frame->binary) {
      out.push_back("picture");
      continue;
    }
    const Json message = Json::parse(frame->data);
    if (message["data"].value("prompt_id", Json()) != job) continue;
    out.push_back(message["type"]);
    if (message["type"] == "executing" && message["data"]["node"].is_null()) return out;
  }
  return out;
}

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& one : all) out += (out.empty() ? "" : " ") + one;
  return out;
}

// What a client must be told in any case.
std::vector<std::string> essential(std::vector<std::string> types) {
  std::erase_if(types,
                [](const auto& type) { return type == "progress" || type == "progress_state" || type == "picture"; });
  return types;
}

bool is_whole_picture(const std::string& bytes) {
  return formats::decode_raster({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}).warning.empty();
}

TEST(Fleet, AClientOfOneFrontEndIsToldOfAJobThatAnotherAccepted) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t a = fleet.start("front").port(), b = fleet.start("front").port();
  fleet.start("runner");
  RawSocket socket(b, "/ws?clientId=somebody");
  ASSERT_TRUE(Fleet::queue(a, toy_prompt(1, 100), "job", "somebody"));
  const auto types = types_until_idle(socket, "job");
  // As from a single server: executed nodes are those of the toy prompt.
  EXPECT_EQ(joined(essential(types)),
            "execution_start execution_cached executing executing executing executing executing executed "
            "execution_success executing");
  EXPECT_GT(std::count(types.begin(), types.end(), "progress"), 0);
  EXPECT_GT(std::count(types.begin(), types.end(), "picture"), 0) << "no previews";
  for (const uint16_t port : {a, b}) {
    const Json image = Fleet::history_of(port, "job")["outputs"]["5"]["images"][0];
    const Answer picture = get(port, "/view?filename=" + image["filename"].get<std::string>());
    ASSERT_EQ(picture.status, 200) << port;
    EXPECT_TRUE(is_whole_picture(picture.body));
    EXPECT_NE(picture.headers.at("content-disposition").find("toy_00001_.png"), std::string::npos);
  }
}

TEST(Fleet, ARunnerThatReachesOneFrontEndServesTheClientsOfAll) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t a = fleet.start("front").port(), b = fleet.start("front").port();
  fleet.start("runner", {.via = "http://127.0.0.1:" + std::to_string(a)});
  RawSocket socket(b, "/ws?clientId=somebody");
  ASSERT_TRUE(Fleet::queue(b, toy_prompt(1, 100), "job", "somebody"));
  const auto types = types_until_idle(socket, "job");
  EXPECT_EQ(joined(essential(types)),
            "execution_start execution_cached executing executing executing executing executing executed "
            "execution_success executing");
  EXPECT_GT(std::count(types.begin(), types.end(), "progress"), 0);
}

TEST(Fleet, APictureUploadedToOneFrontEndIsFoundByTheOthers) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t a = fleet.start("front").port(), b = fleet.start("front").port();
  const std::vector<uint8_t> pixels(16 * 16 * 3, 90);
  const std::string png = formats::encode_png(pixels, 16, 16, 3, {}, 1);
  ASSERT_EQ(testing::upload(a, "/upload/image", "in.png", png).status, 200);
  const Answer seen = get(b, "/view?filename=in.png&type=input");
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body, png);
}

TEST(Fleet, AContentThatHasChangedIsNotPassedOn) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t a = fleet.start("front").port(), b = fleet.start("front").port();
  const std::vector<uint8_t> pixels(16 * 16 * 3, 90);
  const std::string content = formats::encode_png(pixels, 16, 16, 3, {}, 1);
  ASSERT_EQ(testing::upload(a, "/upload/image", "in.png", content).status, 200);
  const std::string sha256 = artifacts::blob_of(content).sha256;
  const auto file_of = [&](const char* front) {
    return fleet.folder.path() / front / "artifacts" / sha256.substr(0, 2) / sha256;
  };
  write_file(file_of("front1"), "what it is!");
  EXPECT_EQ(get(b, "/view?filename=in.png&type=input").status, 404);
  EXPECT_FALSE(fs::exists(file_of("front2")));
  write_file(file_of("front1"), content);
  EXPECT_EQ(get(b, "/view?filename=in.png&type=input").body, content);
  EXPECT_TRUE(fs::exists(file_of("front2")));
}

// Requests about the whole fleet go to any front end.
TEST(Fleet, PauseAndFreeReachEverybody) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t a = fleet.start("front").port(), b = fleet.start("front").port();
  fleet.start("runner");
  ASSERT_TRUE(Fleet::queue(a, toy_prompt(1), "first"));
  ASSERT_TRUE(Fleet::ends(a, "first"));

  ASSERT_EQ(post(a, "/queue", R"({"pause": true})").status, 200);
  const auto queue_at = [](uint16_t port) { return Json::parse(get(port, "/queue").body); };
  EXPECT_TRUE(queue_at(b)["paused"].get<bool>());
  ASSERT_TRUE(Fleet::queue(b, toy_prompt(1), "second"));
  EXPECT_FALSE(Fleet::ends(a, "second", 1.5)) << "it waits longer than a runner looks away";
  EXPECT_EQ(queue_at(a)["queue_pending"].size(), 1u);
  ASSERT_EQ(post(b, "/queue", R"({"pause": false})").status, 200);
  ASSERT_TRUE(Fleet::ends(a, "second"));
  EXPECT_FALSE(queue_at(a)["paused"].get<bool>());

  // Results are kept until somebody asks for their memory, at whichever front end.
  const auto reused = [&](const std::string& id) {
    const Json entry = Fleet::history_of(a, id);
    for (const Json& message : entry["status"]["messages"])
      if (message[0] == "execution_cached") return message[1]["nodes"].size();
    return size_t{0};
  };
  EXPECT_EQ(reused("first"), 0u);
  EXPECT_EQ(reused("second"), toy_prompt(1).size());
  for (const uint16_t port : {b, a}) {
    int n = 0;
    const auto runs_again = [&] {
      const std::string id = "after-" + std::to_string(port) + "-" + std::to_string(n++);
      return Fleet::queue(b, toy_prompt(1), id) && Fleet::ends(b, id) && reused(id) == 0;
    };
    EXPECT_FALSE(runs_again());
    ASSERT_EQ(post(port, "/free", R"({"free_memory": true})").status, 200);
    EXPECT_TRUE(wait_for(10, runs_again));
  }
}

TEST(Fleet, AnInterruptReachesTheRunner) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t a = fleet.start("front").port(), b = fleet.start("front").port();
  fleet.start("runner", {.step = milliseconds(100)});
  ASSERT_TRUE(Fleet::queue(a, toy_prompt(1, 100), "job"));
  ASSERT_TRUE(wait_for(10, [&] { return Json::parse(get(a, "/queue").body)["queue_running"].size() == 1; }));
  ASSERT_EQ(post(b, "/interrupt", R"({"prompt_id": "job"})").status, 200);
  ASSERT_TRUE(Fleet::ends(a, "job", 8));
  EXPECT_EQ(Fleet::history_of(b, "job")["status"]["messages"].back()[0], "execution_interrupted");
}

TEST(Fleet, ARunnerThatStopsGivesItsJobBack) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t port = fleet.start("front").port();
  FleetChild& first = fleet.start("runner", {.lease = milliseconds(600000), .step = milliseconds(100)});
  ASSERT_TRUE(Fleet::queue(port, toy_prompt(1, 100), "job"));
  ASSERT_TRUE(wait_for(10, [&] { return Json::parse(get(port, "/queue").body)["queue_running"].size() == 1; }));
  EXPECT_EQ(first.end(SIGTERM), 0) << first.log();
  EXPECT_EQ(Json::parse(get(port, "/queue").body)["queue_pending"].size(), 1u);
  EXPECT_EQ(Json::parse(get(port, "/fleet").body)["runners"].size(), 0u);
  fleet.start("runner");
  ASSERT_TRUE(Fleet::ends(port, "job"));
  EXPECT_EQ(Fleet::history_of(port, "job")["status"]["status_str"], "success");
}

// Nobody looks into the store on his own here, but for once an hour: what happens, happens because somebody was told.
TEST(Fleet, AnIdleRunnerIsToldOfAJob) {
  EASEL_NEEDS_POSTGRES();
  constexpr int kJobs = 20;
  Fleet fleet;
  const auto hour = std::chrono::hours(1);
  const uint16_t a = fleet.start("front", {.look_again = hour}).port();
  const uint16_t b = fleet.start("front", {.look_again = hour}).port();
  fleet.start("runner", {.look_again = hour});
  RawSocket socket(b, "/ws?clientId=somebody");
  ASSERT_TRUE(Fleet::queue(a, toy_prompt(0, 1), "first", "somebody"));
  ASSERT_FALSE(types_until_idle(socket, "first").empty());
  std::vector<double> milliseconds_to_start;
  for (int i = 1; i <= kJobs; ++i) {
    std::this_thread::sleep_for(milliseconds(100));  // the runner has nothing to do
    const std::string id = "job-" + std::to_string(i);
    const auto posted = Clock::now();
    ASSERT_EQ(Fleet::hand_in(a, toy_prompt(i, 1), id, "somebody").status, 200);
    bool started = false;
    while (!started && seconds_since(posted) < 20) {
      const auto frame = socket.next(0.2);
      started = frame && !frame->binary && Json::parse(frame->data)["type"] == "execution_start";
    }
    ASSERT_TRUE(started) << id;
    milliseconds_to_start.push_back(1e3 * seconds_since(posted));
    EXPECT_TRUE(joined(types_until_idle(socket, id)).ends_with("execution_success executing"));
  }
  std::sort(milliseconds_to_start.begin(), milliseconds_to_start.end());
  printf("from POST to execution_start at a client of another front end: median %.1f ms, worst %.1f ms\n",
         milliseconds_to_start[kJobs / 2], milliseconds_to_start.back());
}

// The same as the next with a network that is there no more: nobody says that a connection is at its end.
TEST(Fleet, ARunnerCutOffFromTheNetworkCannotEndAJobAnyMore) {
  EASEL_NEEDS_POSTGRES();
  NetworkPlace place;
  if (!place.reason().empty()) GTEST_SKIP() << place.reason();
  PostgresServer database("listen_addresses = '127.0.0.1," + place.outside() + "'");
  database.allow(place.inside() + "/32");
  const std::string here = database.new_database();
  std::string there = here;
  there.replace(there.find("127.0.0.1"), 9, place.outside());
  Fleet fleet(here);
  const uint16_t port = fleet.start("front", {.address = "0.0.0.0"}).port();
  FleetChild& first = fleet.add("runner", {.store = there,
                                           .via = "http://" + place.outside() + ":" + std::to_string(port),
                                           .lease = milliseconds(1500),
                                           .step = milliseconds(20)});
  place.run([&] { first.begin(); });
  ASSERT_TRUE(wait_for(30, [&] { return first.ready(); })) << first.log();
  ASSERT_TRUE(Fleet::queue(port, toy_prompt(1, 50), "job"));
  ASSERT_TRUE(wait_for(10, [&] { return Json::parse(get(port, "/queue").body)["queue_running"].size() == 1; }));
  place.cut(true);
  fleet.start("runner");
  ASSERT_TRUE(Fleet::ends(port, "job"));
  const Json result = Fleet::history_of(port, "job");
  EXPECT_EQ(result["status"]["status_str"], "success");
  EXPECT_EQ(open_job_store(fleet.store)->get("job")->worker, "runner2");
  place.cut(false);
  ASSERT_TRUE(wait_for(60, [&] { return first.log().find("another worker") != std::string::npos; })) << first.log();
  EXPECT_EQ(Fleet::history_of(port, "job"), result);
  EXPECT_EQ(Json::parse(get(port, "/history").body).size(), 1u);
  // It is of use again.
  EXPECT_EQ(fleet.runners[1]->end(SIGTERM), 0);
  ASSERT_TRUE(Fleet::queue(port, toy_prompt(2, 2), "next"));
  ASSERT_TRUE(Fleet::ends(port, "next", 60)) << first.log();
  EXPECT_EQ(open_job_store(fleet.store)->get("next")->worker, "runner1");
}

// It stands still for longer than its lease, as a machine that is cut off: the job is run elsewhere, and its own result
// comes too late.
TEST(Fleet, ALateResultIsRefused) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t port = fleet.start("front").port();
  FleetChild& first = fleet.start("runner", {.lease = milliseconds(1500), .step = milliseconds(20)});
  ASSERT_TRUE(Fleet::queue(port, toy_prompt(1, 50), "job"));
  ASSERT_TRUE(wait_for(10, [&] { return Json::parse(get(port, "/queue").body)["queue_running"].size() == 1; }));
  first.signal(SIGSTOP);
  fleet.start("runner");
  ASSERT_TRUE(Fleet::ends(port, "job"));
  const Json result = Fleet::history_of(port, "job");
  EXPECT_EQ(result["status"]["status_str"], "success");
  EXPECT_EQ(open_job_store(fleet.store)->get("job")->worker, "runner2");
  first.signal(SIGCONT);
  // It notices, and is of use again: the next job may be anybody's.
  ASSERT_TRUE(wait_for(15, [&] { return first.log().find("another worker") != std::string::npos; })) << first.log();
  EXPECT_EQ(Fleet::history_of(port, "job"), result);
  const auto history = Json::parse(get(port, "/history").body);
  EXPECT_EQ(history.size(), 1u);
}

TEST(Fleet, AJobWaitsForARunnerThatHasItsModel) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t port = fleet.start("front").port();
  FleetChild& has = fleet.start("runner");
  fleet.start("runner", {.models = "other.safetensors"});
  ASSERT_TRUE(Fleet::queue(port, toy_prompt(1), "first"));
  ASSERT_TRUE(Fleet::ends(port, "first"));
  EXPECT_EQ(has.end(SIGTERM), 0);
  ASSERT_TRUE(Fleet::queue(port, toy_prompt(2), "second"));
  const auto said = [&] { return Json::parse(get(port, "/queue").body).value("obstacles", Json::object()); };
  ASSERT_TRUE(wait_for(10, [&] { return said().contains("second"); }));
  EXPECT_EQ(said()["second"], "no runner has sd15.safetensors");
  EXPECT_EQ(Json::parse(get(port, "/fleet").body)["waiting"]["second"], "no runner has sd15.safetensors");
  has.start();
  EXPECT_TRUE(Fleet::ends(port, "second"));
}

TEST(Fleet, ShowsItsRunners) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t port = fleet.start("front").port();
  fleet.start("runner");
  ASSERT_TRUE(Fleet::queue(port, toy_prompt(1, 50), "job"));
  ASSERT_TRUE(Fleet::ends(port, "job"));
  Json runner;
  ASSERT_TRUE(wait_for(10, [&] {
    runner = Json::parse(get(port, "/fleet?models=1").body)["runners"][0];
    return runner["state"] == "idle" && runner["steps_per_second"] > 0 && runner["models"][0]["identity"] != "";
  })) << runner.dump();
  EXPECT_EQ(runner["name"], "runner1");
  EXPECT_EQ(runner["models"][0]["name"], "sd15.safetensors");
  // sha256sum of "weights of sd15.safetensors"
  EXPECT_EQ(runner["models"][0]["identity"], "sha256:" + artifacts::blob_of("weights of sd15.safetensors").sha256);
  EXPECT_EQ(runner["resident"][0]["name"], "sd15.safetensors");
  const std::string metrics = get(port, "/metrics").body;
  EXPECT_NE(metrics.find("easel_runner_up{runner=\"runner1\"} 1"), std::string::npos);
  EXPECT_NE(metrics.find("easel_store_seconds_count{call=\"look\"}"), std::string::npos);
}

TEST(Fleet, WithoutItsTokenNobodyGetsIn) {
  EASEL_NEEDS_POSTGRES();
  Fleet fleet;
  const uint16_t port = fleet.start("front").port();
  const std::string blob = "/fleet/blobs/" + artifacts::blob_of("x").sha256;
  EXPECT_EQ(get(port, blob).status, 401);
  EXPECT_EQ(post(port, "/fleet/events", "").status, 401);
  EXPECT_EQ(get(port, blob + "?token=" + testing::kFleetToken).status, 401);
  EXPECT_EQ(get(port, "/fleet").status, 200);
  const std::string bearer = std::string("Authorization: Bearer ") + testing::kFleetToken + "\r\n";
  const auto with_token = [&](const std::string& method, const std::string& target, const std::string& body) {
    return testing::http(port, method, target, body, bearer);
  };
  EXPECT_EQ(with_token("PUT", blob, "y").status, 400) << "not what its name says";
  EXPECT_EQ(with_token("PUT", "/fleet/blobs/..%2f..%2fetc", "y").status, 400);
  EXPECT_EQ(with_token("GET", blob, "").status, 404);
  EXPECT_EQ(with_token("PUT", blob, "x").status, 201);
  EXPECT_EQ(with_token("GET", blob, "").body, "x");
  EXPECT_EQ(with_token("POST", "/fleet/events", "nonsense").status, 400);
}

// Jobs of several clients while front ends, runners and the database are killed at random. EASEL_FLEET_JOBS and
// EASEL_FLEET_KILLS ask for more of both.
TEST(Fleet, NothingIsLostWhateverIsKilled) {
  EASEL_NEEDS_POSTGRES();
  const auto number = [](const char* variable, int otherwise) {
    const char* value = std::getenv(variable);
    return value ? std::atoi(value) : otherwise;
  };
  const int jobs = number("EASEL_FLEET_JOBS", 150), kills = number("EASEL_FLEET_KILLS", 10);
  constexpr int kFronts = 3, kRunners = 6, kClients = 3, kRestarts = 3;
  PostgresServer database;
  Fleet fleet(database.new_database());
  for (int i = 0; i < kFronts; ++i) fleet.start("front");
  for (int i = 0; i < kRunners; ++i) fleet.start("runner");
  ASSERT_TRUE(Fleet::queue(fleet.fronts[0]->port(), toy_prompt(0, 1), "first"));

  std::atomic<int> handed_in{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client)
    clients.emplace_back([&, client] {
      std::mt19937 random(static_cast<unsigned>(client));
      for (int i = client; i < jobs; i += kClients) {
        const std::string id = "job-" + std::to_string(i);
        for (;;) {
          try {
            const auto answer = Fleet::hand_in(fleet.fronts[random() % kFronts]->port(), toy_prompt(i, 2), id,
                                               "client-" + std::to_string(client));
            if (answer.status == 200 || answer.body.find("exists already") != std::string::npos) break;
          } catch (const std::runtime_error&) {
            // That one was killed just now.
          }
          std::this_thread::sleep_for(milliseconds(5));
        }
        ++handed_in;
      }
    });

  std::mt19937 random(11);
  int killed = 0, restarted = 0;
  std::vector<std::pair<Clock::time_point, FleetChild*>> back;
  // Spread over the time that the jobs take.
  while (killed < kills || restarted < kRestarts || !back.empty()) {
    std::this_thread::sleep_for(milliseconds(100 + random() % 200));
    for (auto it = back.begin(); it != back.end();) {
      const bool due = Clock::now() >= it->first;
      if (due) it->second->begin();
      it = due ? back.erase(it) : std::next(it);
    }
    if (killed < kills) {
      const size_t which = random() % (kFronts + kRunners);
      FleetChild& victim = which < kFronts ? *fleet.fronts[which] : *fleet.runners[which - kFronts];
      if (std::any_of(back.begin(), back.end(), [&](const auto& one) { return one.second == &victim; })) continue;
      victim.end(SIGKILL);
      ++killed;
      back.emplace_back(Clock::now() + milliseconds(random() % 1500), &victim);
    }
    if (restarted < kRestarts && killed * kRestarts >= kills * restarted) {
      database.stop(restarted % 2 == 0 ? PostgresServer::Stop::kFast : PostgresServer::Stop::kImmediate);
      database.start();
      ++restarted;
    }
  }
  for (std::thread& client : clients) client.join();
  const auto store = open_job_store(fleet.store);
  ASSERT_TRUE(wait_for(120, [&] { return store->queue_length() == 0; })) << store->queue_length() << " jobs left";
  EXPECT_EQ(handed_in, jobs);

  const auto history = store->history({});
  std::map<std::string, int> ends;
  std::map<std::string, double> last;  // by client: the number of its job that was started last
  int succeeded = 0, set_aside = 0;
  uint16_t port = 0;
  ASSERT_TRUE(wait_for(30, [&] { return fleet.fronts[0]->ready(); }));
  port = fleet.fronts[0]->port();
  ASSERT_TRUE(wait_for(30, [&] {
    try {
      return get(port, "/readyz").status == 200;
    } catch (const std::runtime_error&) {
      return false;
    }
  }));
  for (const Job& job : history) {
    ++ends[job.id];
    if (job.state == JobState::kSuccess) {
      ++succeeded;
      const Json outputs = Json::parse(job.outputs);
      ASSERT_EQ(outputs["5"]["images"].size(), 1u) << job.outputs;
      const auto picture = get(port, "/view?filename=" + outputs["5"]["images"][0]["filename"].get<std::string>());
      ASSERT_EQ(picture.status, 200) << job.id << ": " << picture.body;
      EXPECT_TRUE(is_whole_picture(picture.body)) << job.id;
    } else {
      ++set_aside;
      EXPECT_NE(job.failure.find("set aside"), std::string::npos) << job.failure;
    }
  }
  for (int i = 0; i < jobs; ++i) EXPECT_EQ(ends["job-" + std::to_string(i)], 1) << i;
  EXPECT_EQ(history.size(), static_cast<size_t>(jobs) + 1);
  // Numbers were given in the order in which each client handed its jobs in.
  for (int i = 0; i + kClients < jobs; ++i)
    EXPECT_LT(store->get("job-" + std::to_string(i))->number,
              store->get("job-" + std::to_string(i + kClients))->number);
  printf("%d kills, %d restarts of the database: %d jobs done, %d set aside\n", killed, restarted, succeeded,
         set_aside);
}

}  // namespace
}  // namespace easel::server
