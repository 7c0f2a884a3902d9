#include "server/http/access.h"

#include <gtest/gtest.h>

namespace easel::server {
namespace {

Request request(std::map<std::string, std::string> headers, const std::string& path = "/prompt") {
  Request r;
  r.method = "POST";
  r.path = path;
  r.headers = std::move(headers);
  return r;
}

int status(const AccessPolicy& policy, const Request& r) {
  const auto refused = refuse(policy, r);
  return refused ? refused->status : 200;
}

TEST(Access, LoopbackAnswersToItsOwnNamesOnly) {
  const AccessPolicy policy;
  for (const char* host :
       {"localhost", "localhost:8188", "127.0.0.1:8188", "127.0.0.2:80", "[::1]:8188", "[::1]", "LOCALHOST:1"})
    EXPECT_EQ(status(policy, request({{"host", host}})), 200) << host;
  for (const char* host : {"", "evil.example", "evil.example:8188", "127.0.0.1.evil.example", "localhost.evil.example",
                           "[::2]", "[", "127.1", "127.0.0.300", "127.0.0.1@evil.example", "192.168.0.1"})
    EXPECT_EQ(status(policy, request({{"host", host}})), 403) << host;
  AccessPolicy named;
  named.allowed_hosts = {"Studio.Example"};
  EXPECT_EQ(status(named, request({{"host", "studio.example:80"}})), 200);
}

TEST(Access, OtherPagesAreRefused) {
  const AccessPolicy policy;
  const auto from = [](const std::string& origin) { return request({{"host", "localhost:8188"}, {"origin", origin}}); };
  EXPECT_EQ(status(policy, from("http://localhost:8188")), 200);
  for (const char* origin : {"http://evil.example", "http://localhost:9999", "null",
                             "http://localhost:8188.evil.example", "http://localhost", "localhost:8188"})
    EXPECT_EQ(status(policy, from(origin)), 403) << origin;
  AccessPolicy open;
  open.cors_origins = {"https://studio.example"};
  EXPECT_EQ(status(open, from("https://studio.example")), 200);
  EXPECT_EQ(status(open, from("http://evil.example")), 403);
  open.cors_origins = {"*"};
  EXPECT_EQ(status(open, from("http://evil.example")), 200);
}

TEST(Access, CrossSiteSubresourcesAreRefused) {
  const AccessPolicy policy;
  const auto with = [](const char* site, const char* mode) {
    return request({{"host", "localhost"}, {"sec-fetch-site", site}, {"sec-fetch-mode", mode}});
  };
  EXPECT_EQ(status(policy, with("cross-site", "no-cors")), 403);
  EXPECT_EQ(status(policy, with("cross-site", "navigate")), 200);
  EXPECT_EQ(status(policy, with("same-origin", "cors")), 200);
}

TEST(Access, TokenInHeaderQueryOrCookie) {
  AccessPolicy policy;
  policy.loopback_only = false;
  policy.token = "s3cret";
  const auto with = [](const char* name, const char* value) { return request({{"host", "h"}, {name, value}}); };
  EXPECT_EQ(status(policy, with("authorization", "Bearer s3cret")), 200);
  EXPECT_EQ(status(policy, with("cookie", "a=b; easel_token=s3cret")), 200);
  Request query = request({{"host", "h"}});
  EXPECT_EQ(status(policy, query), 401);
  query.query["token"] = "s3cret";
  EXPECT_EQ(status(policy, query), 200);
  for (const char* bad : {"Bearer ", "Bearer s3cre", "Bearer s3crets", "bearer s3cret ", "Basic s3cret", "s3cret"})
    EXPECT_EQ(status(policy, with("authorization", bad)), 401) << bad;
  for (const char* bad : {"easel_token=", "easel_token=s3crets", "xeasel_token=s3cret", "easel_token"})
    EXPECT_EQ(status(policy, with("cookie", bad)), 401) << bad;
  EXPECT_EQ(status(policy, request({{"host", "h"}}, "/healthz")), 200);
  EXPECT_EQ(status(policy, request({{"host", "h"}}, "/metrics")), 401);
}

bool has(const Response& r, const std::string& name, const std::string& value) {
  for (const auto& [n, v] : r.headers)
    if (n == name && v == value) return true;
  return false;
}

TEST(Access, CrossOriginHeadersOnlyWhereNamed) {
  AccessPolicy policy;
  Response plain;
  add_standard_headers(policy, request({{"host", "localhost"}, {"origin", "http://localhost"}}), plain);
  EXPECT_TRUE(has(plain, "X-Content-Type-Options", "nosniff"));
  for (const auto& [name, value] : plain.headers) EXPECT_NE(name, "Access-Control-Allow-Origin");
  policy.cors_origins = {"https://studio.example"};
  Response named;
  add_standard_headers(policy, request({{"host", "localhost"}, {"origin", "https://studio.example"}}), named);
  EXPECT_TRUE(has(named, "Access-Control-Allow-Origin", "https://studio.example"));
  EXPECT_TRUE(has(named, "Vary", "Origin"));
}

}  // namespace
}  // namespace easel::server
