// Calls from a runner to a front end, from one front end to another, or from both to a store of objects: HTTP over
// connections that stay open. Whoever calls needs no port of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace easel::server {

struct LinkAnswer {
  int status = 0;
  std::string body;
};

struct LinkLimits {
  std::chrono::milliseconds connect{3000};
  std::chrono::milliseconds whole{0};  // of the whole call; 0: as long as bytes move
  uint64_t most_bytes = 1 << 20;       // of an answer
};

// Throws Error(kUsage) unless it is "http://host[:port]" or "https://host[:port]".
void check_link_url(const std::string& url);
bool is_link_url(const std::string& url);

// A key for an S3-compatible store. libcurl signs each call with it (AWS's signature, version 4).
struct S3Key {
  std::string id, secret, region;
  std::string session_token = {};  // of a key that is good for a while only
  std::string authorities = {};    // a file of certificates to trust instead of the system's
};

// Thread-safe: calls at one time use connections of their own.
class Link {
 public:
  // To a front end. Throws as check_link_url() does. `token` may be empty.
  Link(std::string url, std::string token);
  // To a store of objects, by way of a proxy where the environment names one. Throws as check_link_url() does.
  Link(std::string url, S3Key key);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // `method`: "GET", "PUT", "POST" or "DELETE"; only PUT and POST have a body. `headers`: more of them, each "Name:
  // value"; what is signed covers them. Throws Error(kMissing) when nobody answers, or the answer is cut off or too
  // long; Error(kCancelled) once the token of the thread's CancelScope is cancelled.
  LinkAnswer call(const char* method, const std::string& target, std::string_view body, const LinkLimits& limits,
                  const std::vector<std::string>& headers = {});

  const std::string& url() const { return url_; }

 private:
  struct Handles;
  const std::string url_, token_;
  const std::optional<S3Key> key_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace easel::server
