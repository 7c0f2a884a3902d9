// `easel serve` and `easel queue` as they are started and used by people.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <random>
#include <set>
#include <sstream>

#include "base/error.h"
#include "command.h"
#include "formats/pictures/picture.h"
#include "server/http/http_client.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using testing::Workplace;
using workflow::Json;

class Serve : public ::testing::Test {
 protected:
  Serve() : server_("serve"), client_("queue") {
    formats::save_png(server_.folder() / "input" / "a.png", Tensor::full({1, 8, 16, 3}, 0.25f));
    client_.put("flow.json", flow("out").dump());
  }
  static Json flow(const std::string& prefix) {
    Json out = workflow::parse_json(R"({
      "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
      "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}})");
    out["2"]["inputs"]["filename_prefix"] = prefix;
    return out;
  }
  void serve(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"serve", "--port", "0", "--log-json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server_.start(arguments);
    server_.wait_for("\n");
    const std::string out = server_.get("stdout");
    url_ = out.substr(out.find("http"), out.find('\n') - out.find("http"));
  }
  // `easel queue ARGUMENTS...` against the server.
  Workplace::Result queue(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "queue");
    arguments.insert(arguments.end(), {"--server", url_});
    return client_.run(arguments);
  }
  std::string add(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"add", "flow.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = queue(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out.substr(0, result.out.find('\n'));
  }
  // The ids of the jobs that wait, in order.
  std::vector<std::string> waiting() {
    std::vector<std::string> out;
    const Json queue_json = Json::parse(queue({"list", "--json"}).out);
    for (const Json& item : queue_json["queue_pending"]) out.push_back(item[1]);
    return out;
  }

  Workplace server_, client_;
  std::string url_;
};

TEST_F(Serve, TheQueueFromTheCommandLine) {
  serve({"--start-paused"});
  EXPECT_NE(queue({"list"}).out.find("nothing is queued"), std::string::npos);
  const std::string a = add(), b = add(), c = add({"--front"});
  using Ids = std::vector<std::string>;
  EXPECT_EQ(waiting(), (Ids{c, a, b}));
  EXPECT_NE(queue({"list"}).out.find("the queue is paused"), std::string::npos);
  EXPECT_EQ(queue({"show", a}).out.find("waiting, number 2"), 0u);
  EXPECT_EQ(queue({"move", b, "--before", a}).code, 0);
  EXPECT_EQ(waiting(), (Ids{c, b, a}));
  EXPECT_EQ(queue({"move", c}).code, 0);
  EXPECT_EQ(waiting(), (Ids{b, a, c}));
  EXPECT_EQ(queue({"cancel", a, c}).code, 0);
  EXPECT_EQ(waiting(), Ids{b});
  EXPECT_EQ(queue({"resume"}).code, 0);
  // The same again: its picture is the one that is there.
  const auto waited = queue({"add", "flow.json", "--wait"});
  EXPECT_EQ(waited.code, 0) << waited.err;
  EXPECT_NE(waited.out.find("output: out_00001_.png"), std::string::npos) << waited.out;
  EXPECT_NE(queue({"show", b}).out.find("output: out_00001_.png"), std::string::npos);
  EXPECT_EQ(queue({"show", a}).code, exit_code(Fault::kMissing));
  EXPECT_EQ(queue({"pause"}).code, 0);
  add();
  EXPECT_EQ(queue({"clear"}).code, 0);
  EXPECT_TRUE(waiting().empty());

  Json wrong = flow("out");
  wrong["1"]["inputs"]["image"] = "gone.png";
  client_.put("flow.json", wrong.dump());
  const auto refused = queue({"add", "flow.json"});
  EXPECT_EQ(refused.code, exit_code(Fault::kMissing));
  EXPECT_NE(refused.err.find("gone.png"), std::string::npos) << refused.err;

  // It is there now, but no picture.
  EXPECT_EQ(queue({"resume"}).code, 0);
  client_.put("flow.json", wrong.dump());
  write_file(server_.folder() / "input" / "gone.png", "no picture");
  for (const bool json : {false, true}) {
    auto arguments = std::vector<std::string>{"add", "flow.json", "--wait"};
    if (json) arguments.emplace_back("--json");
    EXPECT_EQ(queue(arguments).code, exit_code(Fault::kBadFile));
  }

  server_.send(SIGHUP);
  const auto end = server_.finish();
  EXPECT_EQ(end.code, 0);
  int told = 0;
  std::istringstream log(end.err);
  for (std::string line; std::getline(log, line);) {
    const Json entry = Json::parse(line);
    EXPECT_TRUE(entry.contains("time") && entry.contains("level")) << line;
    told += entry["event"] == "job ended" && entry["prompt_id"] == b && entry["state"] == "success";
  }
  EXPECT_EQ(told, 1);
}

TEST_F(Serve, NoPictureIsSavedOutsideOfItsFolder) {
  serve();
  fs::create_symlink("/tmp", server_.folder() / "output" / "elsewhere");
  for (const char* prefix : {"../out", "/tmp/easel-out", "a/../../out", "elsewhere/out", ".."}) {
    client_.put("flow.json", flow(prefix).dump());
    EXPECT_NE(queue({"add", "flow.json", "--wait"}).code, 0) << prefix;
  }
  for (const auto& file : fs::recursive_directory_iterator(server_.folder()))
    EXPECT_FALSE(file.is_regular_file() && file.path().extension() == ".png" && file.path().filename() != "a.png")
        << file.path();
}

TEST_F(Serve, OthersGetInWithTheTokenOnly) {
  const auto open = server_.run({"serve", "--port", "0", "--listen", "0.0.0.0"});
  EXPECT_EQ(open.code, exit_code(Fault::kUsage));
  EXPECT_NE(open.err.find("--token-file"), std::string::npos) << open.err;
  server_.put("token", "short");
  EXPECT_EQ(server_.run({"serve", "--port", "0", "--token-file", "token"}).code, exit_code(Fault::kUsage));
  for (const Workplace* place : {&server_, &client_}) place->put("token", "0123456789abcdef\n");
  serve({"--listen", "0.0.0.0", "--token-file", "token"});
  url_.replace(url_.find("0.0.0.0"), 7, "127.0.0.1");
  EXPECT_EQ(queue({"list"}).code, exit_code(Fault::kUsage));
  EXPECT_EQ(queue({"list", "--token-file", "token"}).code, 0);
  EXPECT_EQ(server_.get("stderr").find("0123456789abcdef"), std::string::npos);
}

// Some tens of milliseconds of work, another picture for each number.
Json enlarging(int number) {
  Json out = workflow::parse_json(R"({
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "upscale_method": "lanczos", "height": 640,
          "crop": "disabled"}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "k"}}})");
  out["2"]["inputs"]["width"] = 512 + number;
  return out;
}

// Whether all of the folder's files are pictures that can be read to the end. Returns how many there are.
int whole_pictures(const fs::path& folder) {
  int n = 0;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(file.path().extension(), ".png") << file.path();
    EXPECT_NO_THROW(formats::load_picture(file.path())) << file.path();
    ++n;
  }
  return n;
}

// The real program, killed at random moments: while it starts, accepts, computes, writes, ends a job.
TEST_F(Serve, LosesNothingWhenItIsKilledFiftyTimes) {
  constexpr int kJobs = 200, kKills = 50;
  serve();
  std::mutex mutex;  // of url_
  const auto http = [&] {
    std::lock_guard lock(mutex);
    return server::HttpClient(url_, "");
  };
  std::atomic<int> accepted{0};
  std::thread client([&] {
    while (accepted < kJobs) {
      const Json body = {{"prompt", enlarging(accepted)}, {"prompt_id", "job-" + std::to_string(accepted)}};
      try {
        const auto answer = http().post("/prompt", workflow::dump_json(body), 60);
        // It may have been accepted without having been able to say so.
        if (answer.status == 200 || answer.body.find("exists already") != std::string::npos) ++accepted;
      } catch (const Error&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
  });
  std::mt19937 random(3);
  for (int kill = 0; kill < kKills; ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 100));
    server_.send(SIGKILL);
    server_.finish();
    std::lock_guard lock(mutex);
    serve();
  }
  client.join();
  const auto remaining = [&] { return Json::parse(http().get("/prompt").body)["exec_info"]["queue_remaining"] != 0; };
  for (int i = 0; i < 15000 && remaining(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const Json history = Json::parse(http().get("/history").body);
  EXPECT_EQ(history.size(), static_cast<size_t>(kJobs));
  int done = 0, set_aside = 0;
  std::set<std::string> pictures;
  for (const auto& item : history.items()) {
    const Json& entry = item.value();
    const bool completed = entry["status"]["completed"];
    ++(completed ? done : set_aside);
    if (completed) pictures.insert(entry["outputs"]["6"]["images"][0]["filename"].get<std::string>());
    else EXPECT_NE(entry.dump().find("set aside"), std::string::npos) << entry;
  }
  EXPECT_EQ(pictures.size(), static_cast<size_t>(done)) << "each has a picture of its own";
  EXPECT_GE(whole_pictures(server_.folder() / "output"), done);
  EXPECT_LT(set_aside, kKills / 2 + 1);
  printf("killed %d times: %d jobs done, %d set aside\n", kKills, done, set_aside);
  server_.send(SIGTERM);
  EXPECT_EQ(server_.finish().code, 0);
}

}  // namespace
}  // namespace easel::cli
