// Calls from a runner to a front end, or from one front end to another: HTTP with the fleet's token, over connections
// that stay open. Whoever calls needs no port of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

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

// Thread-safe: calls at one time use connections of their own.
class Link {
 public:
  // Throws as check_link_url() does. `token` may be empty.
  Link(std::string url, std::string token);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // `method`: "GET", "PUT" or "POST"; a GET has no body. Throws Error(kMissing) when nobody answers, or the answer is
  // cut off or too long; Error(kCancelled) once the token of the thread's CancelScope is cancelled.
  LinkAnswer call(const char* method, const std::string& target, std::string_view body, const LinkLimits& limits);

  const std::string& url() const { return url_; }

 private:
  struct Handles;
  const std::string url_, token_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace easel::server
