#include "server/http/http.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "server/test_server.h"

namespace easel::server {
namespace {

TEST(PercentDecode, DecodesAndRefuses) {
  EXPECT_EQ(percent_decode("a%20b+c"), "a b+c");
  EXPECT_EQ(percent_decode("a%20b+c", true), "a b c");
  EXPECT_EQ(percent_decode("%41%c3%A9"), "A\xC3\xA9");
  EXPECT_EQ(percent_decode(""), "");
  for (const char* bad : {"%", "%4", "a%", "%zz", "%4g", "%00", "%-1"})
    EXPECT_FALSE(percent_decode(bad).has_value()) << bad;
}

TEST(SplitPath, DecodesEachSegmentByItself) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(split_path("/userdata/a%2Fb"), (Parts{"userdata", "a/b"}));
  EXPECT_EQ(split_path("//view/"), Parts{"view"});
  EXPECT_EQ(split_path("/"), Parts{});
  EXPECT_EQ(split_path("/../%2e%2e"), (Parts{"..", ".."}));
  EXPECT_FALSE(split_path("/a%00").has_value());
}

TEST(ParseQuery, LastValueCounts) {
  const auto q = parse_query("a=1&b=x%26y&a=2&flag&&c=a+b");
  ASSERT_TRUE(q);
  EXPECT_EQ(q->at("a"), "2");
  EXPECT_EQ(q->at("b"), "x&y");
  EXPECT_EQ(q->at("flag"), "");
  EXPECT_EQ(q->at("c"), "a b");
  EXPECT_EQ(q->size(), 4u);
  EXPECT_FALSE(parse_query("a=%G1"));
}

TEST(ParseTarget, CutsOffTheApiPrefixOnce) {
  Request r;
  ASSERT_TRUE(parse_target("/api/view?filename=a%20b.png", r));
  EXPECT_EQ(r.path, "/view");
  EXPECT_EQ(r.param("filename"), "a b.png");
  ASSERT_TRUE(parse_target("/api", r));
  EXPECT_EQ(r.path, "/api");
  ASSERT_TRUE(parse_target("/api/api/x", r));
  EXPECT_EQ(r.path, "/api/x");
  ASSERT_TRUE(parse_target("/", r));
  EXPECT_EQ(r.path, "/");
  for (const char* bad : {"", "*", "http://h/x", "view", "/%", "/?a=%"}) EXPECT_FALSE(parse_target(bad, r)) << bad;
}

Router::Match match(const Router& router, const char* method, const char* path) {
  return router.match(method, *split_path(path));
}

TEST(Router, MatchesLiteralsPlaceholdersAndRests) {
  Router router;
  const auto nothing = [](const Request&) { return Response(); };
  router.get("/history", nothing);
  router.get("/history/{id}", nothing);
  router.post("/history", nothing);
  router.get("/models/{folder}/{name...}", nothing);
  EXPECT_TRUE(match(router, "GET", "/history").handler);
  EXPECT_TRUE(match(router, "GET", "/history/").handler);
  EXPECT_EQ(match(router, "GET", "/history/a%20b").captures, std::vector<std::string>{"a b"});
  EXPECT_EQ(match(router, "GET", "/models/vae/x/y.bin").captures, (std::vector<std::string>{"vae", "x/y.bin"}));
  EXPECT_EQ(match(router, "GET", "/models/vae").status, 404);
  EXPECT_EQ(match(router, "GET", "/history/a/b").status, 404);
  EXPECT_EQ(match(router, "GET", "/History").status, 404);
  const auto wrong = match(router, "DELETE", "/history");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.allow, "GET, POST");
  router.post("/free", nothing);
  router.get("/{path...}", nothing);
  EXPECT_TRUE(match(router, "GET", "/assets/x.js").handler);
  EXPECT_EQ(match(router, "GET", "/free").status, 405);
  EXPECT_EQ(match(router, "POST", "/assets/x.js").status, 404);
  EXPECT_FALSE(match(router, "GET", "/").handler);
}

TEST(ErrorResponse, FollowsTheFault) {
  const auto status_of = [](auto error) { return error_response(std::make_exception_ptr(error)).status; };
  EXPECT_EQ(status_of(Error(Fault::kInvalid, "x")), 400);
  EXPECT_EQ(status_of(Error(Fault::kMissing, "x")), 404);
  EXPECT_EQ(status_of(Error(Fault::kMemory, "x")), 507);
  EXPECT_EQ(status_of(Error(Fault::kInternal, "x")), 500);
  EXPECT_EQ(status_of(std::runtime_error("x")), 500);
  EXPECT_EQ(error_response(std::make_exception_ptr(7)).status, 500);
  const auto body =
      nlohmann::json::parse(error_response(std::make_exception_ptr(Error(Fault::kInvalid, "bad \xFF"))).body);
  EXPECT_EQ(body["error"]["type"], "invalid");
  EXPECT_TRUE(body["node_errors"].is_object());
}

TEST(RandomId, IsAUuidAndNew) {
  const std::string a = random_id();
  ASSERT_EQ(a.size(), 36u);
  EXPECT_EQ(a[14], '4');
  EXPECT_NE(std::string("89ab").find(a[19]), std::string::npos);
  EXPECT_NE(a, random_id());
}

TEST(IsFresh, ComparesTags) {
  Request r;
  EXPECT_FALSE(is_fresh(r, "\"1\""));
  r.headers["if-none-match"] = "W/\"0\", \"1\"";
  EXPECT_TRUE(is_fresh(r, "\"1\""));
  EXPECT_FALSE(is_fresh(r, "\"2\""));
}

// What has to come after an answer waits until its last byte was given to the system.
TEST(Response, IsHeldUntilItWasSent) {
  struct Note {
    std::atomic<int>& gone;
    ~Note() { ++gone; }
  };
  std::atomic<int> gone{0};
  constexpr size_t kMoreThanBuffers = size_t{64} << 20;
  testing::TestServer s([&](ServerOptions& o) {
    o.more_routes = [&](Router& router, TaskPool&) {
      const auto answer = [&gone](size_t bytes) {
        Response out = Response::text(std::string(bytes, 'x'));
        out.until_sent = std::make_shared<Note>(gone);
        return out;
      };
      router.get("/small", [answer](const Request&) { return answer(1); });
      router.get("/large", [answer](const Request&) { return answer(kMoreThanBuffers); });
      router.get("/gone", [answer](const Request&) {
        Response out = answer(0);
        out.file = "/nowhere";
        return out;
      });
    };
  });
  const auto becomes = [&](int n) {
    for (int i = 0; i < 2000 && gone != n; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return gone == n;
  };
  EXPECT_EQ(testing::get(s.port, "/small").status, 200);
  EXPECT_TRUE(becomes(1));
  EXPECT_EQ(testing::get(s.port, "/gone").status, 404);
  EXPECT_TRUE(becomes(2));
  testing::RawConnection slow(s.port, 4096);
  slow.send(testing::request_text("GET", "/large"));
  ASSERT_TRUE(slow.fill());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(gone, 2);
  EXPECT_EQ(slow.read_answer().body.size(), kMoreThanBuffers);
  EXPECT_TRUE(becomes(3));
  {
    testing::RawConnection leaves(s.port, 4096);
    leaves.send(testing::request_text("GET", "/large"));
    ASSERT_TRUE(leaves.fill());
  }
  EXPECT_TRUE(becomes(4));
}

}  // namespace
}  // namespace easel::server
