// Servers that are killed, and servers with many clients.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "formats/pictures/picture.h"
#include "server/child_server.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/waiting.h"

namespace easel::server {
namespace {

using testing::ChildServer;
using testing::get;
using testing::Json;
using testing::post;
using testing::RawSocket;
using testing::seconds_since;
using testing::TempFolder;
using testing::toy_prompt;
using testing::wait_for;

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Whether the server has the job: it said so, or says that it has had it. False when it does not answer.
bool hand_in(uint16_t port, const std::string& id, int64_t seed) {
  try {
    const auto answer =
        post(port, "/prompt", workflow::dump_json(Json{{"prompt", toy_prompt(seed, 2)}, {"prompt_id", id}}));
    return answer.status == 200 || (answer.status == 400 && answer.body.find("exists already") != std::string::npos);
  } catch (const std::runtime_error&) {
    return false;  // it was killed just now
  }
}

bool wait_until_idle(uint16_t port, double seconds) {
  return wait_for(seconds, [&] { return Json::parse(get(port, "/prompt").body)["exec_info"]["queue_remaining"] == 0; });
}

TEST(Process, NothingIsLostWhenItIsKilledFiftyTimes) {
  constexpr int kJobs = 200, kKills = 50;
  TempFolder folder;
  ChildServer child(folder.path());
  child.start();
  std::mt19937 random(7);
  int kills = 0;
  auto next_kill = Clock::now();
  std::atomic<uint16_t> port{child.port()};
  const auto pictures = [&] {
    return std::distance(fs::directory_iterator(folder.path() / "output"), fs::directory_iterator());
  };
  // One kill about every other job that ended, at a random moment: while a job runs, is accepted, ends.
  const auto kill_when_due = [&] {
    if (kills == kKills || Clock::now() < next_kill) return;
    child.end(SIGKILL);
    ++kills;
    child.start();
    port = child.port();
    while (pictures() < kills * 2 && seconds_since(next_kill) < 5)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    next_kill = Clock::now() + std::chrono::microseconds(random() % 30000);
  };
  std::thread client([&] {
    for (int i = 0; i < kJobs; ++i)
      while (!hand_in(port, "job-" + std::to_string(i), i)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  while (kills < kKills) {
    kill_when_due();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  client.join();
  ASSERT_TRUE(wait_until_idle(child.port(), 60));
  const Json history = Json::parse(get(child.port(), "/history").body);
  EXPECT_EQ(history.size(), static_cast<size_t>(kJobs));
  int succeeded = 0, set_aside = 0;
  double last = -1;
  for (const auto& item : history.items()) {
    const Json& entry = item.value();
    if (entry["status"]["completed"] == true) {
      ++succeeded;
      EXPECT_GT(entry["prompt"][0].get<double>(), last) << "ended out of order";
      last = entry["prompt"][0];
      for (const Json& image : entry["outputs"]["5"]["images"]) {
        const auto picture = get(child.port(), "/view?filename=" + image["filename"].get<std::string>());
        ASSERT_EQ(picture.status, 200);
        const auto* bytes = reinterpret_cast<const uint8_t*>(picture.body.data());
        EXPECT_EQ(formats::decode_raster({bytes, picture.body.size()}).warning, "");
      }
    } else {
      ++set_aside;
      EXPECT_NE(entry["status"]["messages"][0][1]["exception_message"].get<std::string>().find("set aside"),
                std::string::npos);
    }
  }
  EXPECT_EQ(succeeded + set_aside, kJobs);
  EXPECT_LT(set_aside, kKills / 2);
  // Whatever lies there under a picture's name is a whole picture, and nothing half-written is left.
  for (const auto& file : fs::directory_iterator(folder.path() / "output")) {
    EXPECT_EQ(file.path().extension(), ".png") << file.path();
    const std::string content = read_file(file.path());
    EXPECT_EQ(formats::decode_raster({reinterpret_cast<const uint8_t*>(content.data()), content.size()}).warning, "");
  }
  printf("killed %d times: %d jobs done, %d set aside\n", kills, succeeded, set_aside);
  EXPECT_EQ(child.end(SIGTERM), 0);
}

// 200 clients, 20 of which do not read, and 1,000 jobs.
TEST(Process, ManyClientsAndJobs) {
  constexpr int kClients = 200, kSilent = 20, kJobs = 1000;
  TempFolder folder;
  ChildServer child(folder.path());
  child.start();
  const uint64_t before = child.resident();
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < kClients; ++i) {
    // The silent ones, and some that read, ask for everything.
    const bool all = i < kSilent || i >= kClients - 10;
    sockets.push_back(std::make_unique<RawSocket>(
        child.port(), "/ws?clientId=c" + std::to_string(i) + (all ? "&watch=all" : ""), i < kSilent ? 4096 : 0));
  }
  std::atomic<int> handed_in{0};
  std::thread client([&] {
    for (int i = 0; i < kJobs; ++i) {
      const Json body = {{"prompt", toy_prompt(i % 100, 2)},
                         {"client_id", "c" + std::to_string(i % kClients)},
                         {"prompt_id", "job-" + std::to_string(i)}};
      if (post(child.port(), "/prompt", workflow::dump_json(body)).status == 200) ++handed_in;
    }
  });
  // How many ends (success and executing null) each client has seen.
  std::vector<int> ends(kClients, 0);
  std::vector<bool> open(kClients, true);
  const auto wanted = [&](int i) { return i >= kClients - 10 ? 2 * kJobs : 2 * (kJobs / kClients); };
  const auto start = Clock::now();
  uint64_t peak = 0;
  int missing = kClients - kSilent;
  while (missing > 0 && seconds_since(start) < 300) {
    missing = 0;
    std::vector<pollfd> polled;
    for (int i = kSilent; i < kClients; ++i)
      polled.push_back({sockets[static_cast<size_t>(i)]->connection().fd(), POLLIN, 0});
    ::poll(polled.data(), polled.size(), 100);
    for (int i = kSilent; i < kClients; ++i) {
      const auto at = static_cast<size_t>(i);
      if (polled[at - kSilent].revents != 0 && open[at]) {
        if (!sockets[at]->connection().fill(0)) open[at] = false;
        while (const auto message = sockets[at]->buffered()) {
          if (message->binary) continue;
          const Json m = Json::parse(message->data);
          ends[at] += m["type"] == "execution_success";
          ends[at] += m["type"] == "executing" && m["data"]["node"].is_null();
        }
      }
      missing += ends[at] < wanted(i);
    }
    peak = std::max(peak, child.resident());
  }
  client.join();
  EXPECT_EQ(handed_in, kJobs);
  for (int i = kSilent; i < kClients; ++i) {
    EXPECT_TRUE(open[static_cast<size_t>(i)]) << i;
    EXPECT_EQ(ends[static_cast<size_t>(i)], wanted(i)) << "client " << i;
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr uint64_t kGrowth = 1000;  // MiB; freed memory is kept back on purpose
#else
  constexpr uint64_t kGrowth = 100;
#endif
  EXPECT_LT(peak - before, kGrowth << 20);
  EXPECT_EQ(get(child.port(), "/healthz").status, 200);
  printf("%d clients, %d jobs: %.1f s, memory %.1f MiB at first, %.1f MiB at most\n", kClients, kJobs,
         seconds_since(start), static_cast<double>(before) / 1048576, static_cast<double>(peak) / 1048576);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A job whose results are all there costs little more than what makes it safe: two transactions that reach the disk.
TEST(Process, OverheadOfAJobThatIsAllReused) {
  TempFolder folder;
  ChildServer child(folder.path());
  child.start();
  const std::string body = workflow::dump_json(Json{{"prompt", toy_prompt(1)}});
  testing::RawConnection connection(child.port());
  const auto store = open_sqlite_job_store((folder.path() / "bare.sqlite").string());
  std::vector<double> served, bare;
  for (int i = 0; i < 101; ++i) {
    auto start = Clock::now();
    connection.send(testing::request_text("POST", "/prompt?wait=1", body));
    ASSERT_EQ(connection.read_answer().status, 200);
    if (i > 0) served.push_back(seconds_since(start));
    start = Clock::now();
    Job job;
    job.id = std::to_string(i);
    job.prompt = body;
    store->add(job, false, false);
    store->finish(store->claim("w", std::chrono::minutes(1))->token, {});
    if (i > 0) bare.push_back(seconds_since(start));
  }
  printf("a job that is all reused: %.2f ms at the median, %.2f ms for the slowest of 100; the store alone: %.2f ms\n",
         median(served) * 1e3, *std::max_element(served.begin(), served.end()) * 1e3, median(bare) * 1e3);
  EXPECT_LT(median(served), 8 * median(bare));
}

TEST(Process, IdlesWithoutWork) {
  TempFolder folder;
  ChildServer child(folder.path());
  child.start();
  RawSocket socket(child.port());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double before = child.cpu_seconds();
  const Clock::time_point start = Clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const double used = child.cpu_seconds() - before;
  EXPECT_LE(used, 0.01 * seconds_since(start));  // a share, which a busy machine makes smaller, not larger
}

}  // namespace
}  // namespace easel::server
