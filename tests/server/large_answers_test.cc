// Requests whose answers take much memory or time: what they hold is bounded, and others are answered meanwhile.
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "formats/pictures/raster.h"
#include "server/test_server.h"

namespace easel::server {
namespace {

using testing::get;
using testing::RawConnection;
using testing::request_text;
using testing::TestServer;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

constexpr int64_t kSide = 6000;

// Some ten kilobytes in the file.
void put_large_picture(const fs::path& file) {
  fs::create_directories(file.parent_path());
  const std::vector<uint8_t> grey(static_cast<size_t>(kSide * kSide), 90);
  std::ofstream(file, std::ios::binary) << formats::encode_png(grey, kSide, kSide, 1, {}, 1);
}

bool has_answer(const RawConnection& connection) {
  pollfd wait{connection.fd(), POLLIN, 0};
  return ::poll(&wait, 1, 0) > 0;
}

TEST(LargeAnswers, PicturesAreDecodedOneAtATimeBesideTheOtherRoutes) {
  TestServer s([](ServerOptions& o) { o.start_paused = true; });
  put_large_picture(s.folder.path() / "output" / "large.png");
  std::vector<RawConnection> views;
  for (int i = 0; i < 7; ++i) {
    views.emplace_back(s.port);
    views.back().send(request_text("GET", "/view?filename=large.png&channel=" + std::string(i % 2 == 0 ? "a" : "rgb")));
  }
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(get(s.port, "/system_stats").status, 200);
  int done = 0;
  for (const RawConnection& view : views) done += has_answer(view) ? 1 : 0;
  EXPECT_LE(done, 2) << "the other answer waited for pictures";
  EXPECT_EQ(views.front().read_answer().status, 200);
  const auto start = std::chrono::steady_clock::now();
  s.server->stop();  // stops the one that is being decoded
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST(LargeAnswers, PicturesStayWithinTheMemoryBudget) {
  TestServer s;
  s.runner.held = {.model_bytes = 100u << 20, .memory_budget = 300u << 20};
  const fs::path output = s.folder.path() / "output";
  put_large_picture(output / "large.png");
  std::ofstream(output / "small.png", std::ios::binary)
      << formats::encode_png(std::vector<uint8_t>(16 * 16 * 3, 9), 16, 16, 3, {}, 1);
  const auto refused = get(s.port, "/view?filename=large.png&preview=webp;90");
  EXPECT_EQ(refused.status, 507);
  EXPECT_NE(refused.body.find("the picture takes 411 MiB as it is decoded, more than the 75 MiB"), std::string::npos)
      << refused.body;
  EXPECT_EQ(get(s.port, "/view?filename=large.png&channel=a").status, 507);
  EXPECT_EQ(get(s.port, "/view?filename=large.png").status, 200);  // the file itself takes none
  std::ifstream file(output / "large.png", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(testing::upload(s.port, "/upload/image", "new.png", bytes).status, 507);
  EXPECT_EQ(testing::http(s.port, "PUT", "/etn/image/new", bytes).status, 507);
  EXPECT_EQ(get(s.port, "/view?filename=small.png&preview=webp;90").status, 200);
  // Models and results that are kept for the next job fill the budget in normal use.
  s.runner.held = {.model_bytes = size_t{1} << 30, .result_bytes = size_t{1} << 30, .memory_budget = size_t{2} << 30};
  EXPECT_EQ(get(s.port, "/view?filename=large.png&preview=webp;90").status, 200);
}

TEST(LargeAnswers, WhatSlowReadersHoldIsBounded) {
  TestServer s([](ServerOptions& o) {
    o.start_paused = true;
    o.http.answer_memory = 1 << 20;
  });
  const testing::Json job = {{"prompt", testing::toy_prompt(1)}, {"extra_data", {{"x", std::string(1 << 20, 'a')}}}};
  for (int i = 0; i < 16; ++i) ASSERT_EQ(testing::post(s.port, "/prompt", job.dump()).status, 200);
  RawConnection slow(s.port, 4096), another(s.port, 4096);
  for (RawConnection* reader : {&slow, &another}) {
    reader->send(request_text("GET", "/queue"));
    ASSERT_TRUE(testing::wait_for(20, [&] { return has_answer(*reader); }));
  }
  const auto refused = get(s.port, "/queue");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(get(s.port, "/prompt").status, 200);  // small ones pass
  EXPECT_GT(slow.read_answer().body.size(), size_t{16} << 20);
  EXPECT_TRUE(testing::wait_for(20, [&] { return get(s.port, "/queue").status == 200; }));  // beside the other one
}

// Each value takes up to forty times its text, and four such requests ended the process.
TEST(LargeAnswers, TextsOfVeryManyValuesAreRefused) {
  TestServer s([](ServerOptions& o) { o.start_paused = true; });
  const auto with = [&](size_t count, const std::string& value) {
    std::string list = "[";
    for (size_t i = 0; i < count; ++i) list += value + ",";
    return testing::post(s.port, "/prompt",
                         R"({"prompt":)" + testing::toy_prompt(1).dump() + R"(,"extra_data":{"x":)" + list + "0]}}");
  };
  for (const char* value : {"[]", "[1]", "{}", R"({"":1})", "0", "\"\"", "null"}) {
    const auto refused = with(600000, value);
    EXPECT_EQ(refused.status, 400) << value;
    EXPECT_NE(refused.body.find("more than the 500000 values allowed"), std::string::npos) << refused.body;
  }
  EXPECT_EQ(with(400000, "0").status, 200);
}

}  // namespace
}  // namespace easel::server
