// A store of objects as Amazon's S3, on the loopback address and in memory: as much of it as Easel uses. It checks
// every signature by itself (aws_signature.h), and fails when a test says so.
#pragma once

#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "server/aws_signature.h"
#include "server/fleet/contents/bucket.h"
#include "support/loopback.h"

namespace easel::server::testing {

class S3Server {
 public:
  struct Object {
    std::string content;
    std::time_t changed = 0;
  };
  struct Answer {
    int status = 200;
    std::string body = {};
  };

  S3Server() : thread_([this] { accept_all(); }) {}
  ~S3Server() {
    stopping_ = true;
    thread_.join();
    for (std::thread& t : connections_) t.join();
  }
  S3Server(const S3Server&) = delete;
  S3Server& operator=(const S3Server&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_.port()); }
  // What a client needs that may do everything.
  BucketOptions client(const std::string& prefix = "") const {
    return {.endpoint = url(),
            .bucket = kBucket,
            .prefix = prefix,
            .key = {.id = kKeyId, .secret = kSecret, .region = kRegion, .session_token = session_token},
            .patience = std::chrono::seconds(10)};
  }

  static constexpr const char *kBucket = "pictures", *kKeyId = "AKIDTESTS", *kSecret = "a/secret+of=tests",
                              *kRegion = "eu-test-1";
  // To be set before the first request.
  std::string session_token = {};
  size_t most_listed = 1000;
  bool may_list = true;

  // What happens to the next requests, one each, after their signatures were found right: returns what is answered
  // instead, or nothing.
  using Trouble = std::function<std::optional<Answer>()>;
  void next(std::vector<Trouble> troubles) {
    const std::lock_guard lock(mutex_);
    for (Trouble& one : troubles) troubles_.push_back(std::move(one));
  }
  static Trouble refuse(int status, const std::string& code) {
    return [=] { return error(status, code); };
  }
  // The answer ends in the middle of what it holds, or does not come, and the connection ends with it.
  Trouble cut() {
    return [this]() -> std::optional<Answer> {
      cut_ = true;
      return std::nullopt;
    };
  }
  static Trouble slow(std::chrono::milliseconds by) {
    return [=]() -> std::optional<Answer> {
      std::this_thread::sleep_for(by);
      return std::nullopt;
    };
  }

  std::map<std::string, Object> objects() const {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  void set(const std::string& key, const std::string& content) {
    const std::lock_guard lock(mutex_);
    objects_[key] = {content, std::time(nullptr)};
  }
  void make_older(const std::string& key, int seconds) {
    const std::lock_guard lock(mutex_);
    objects_.at(key).changed -= seconds;
  }
  // "PUT /pictures/..." and so on, as they came, also those that were refused.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  struct Request : SignedRequest {
    std::string body;
  };

  static Answer error(int status, const std::string& code) {
    return {status,
            "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>said by the tests</Message></Error>"};
  }

  void accept_all() {
    while (!stopping_) {
      const int client = listener_.accept();
      if (client >= 0) connections_.emplace_back([this, client] { serve(client); });
    }
  }

  // More bytes of a connection; false at its end.
  bool read_more(int fd, std::string& bytes) const {
    while (!stopping_) {
      pollfd file{fd, POLLIN, 0};
      if (::poll(&file, 1, 20) <= 0) continue;
      char buffer[65536];
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      bytes.append(buffer, static_cast<size_t>(n));
      return true;
    }
    return false;
  }

  std::optional<Request> read_request(int fd, std::string& bytes) const {
    size_t end = 0;
    while ((end = bytes.find("\r\n\r\n")) == std::string::npos)
      if (!read_more(fd, bytes)) return std::nullopt;
    Request out;
    size_t at = bytes.find(' ');
    out.method = bytes.substr(0, at);
    const std::string target = bytes.substr(at + 1, bytes.find(' ', at + 1) - at - 1);
    out.path = target.substr(0, target.find('?'));
    if (out.path.size() < target.size()) out.query = target.substr(out.path.size() + 1);
    for (at = bytes.find("\r\n") + 2; at < end;) {
      const size_t line = bytes.find("\r\n", at), colon = bytes.find(':', at);
      std::string name = bytes.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      size_t value = colon + 1;
      while (bytes[value] == ' ') ++value;
      out.headers[name] = bytes.substr(value, line - value);
      at = line + 2;
    }
    const size_t length = out.headers.contains("content-length") ? std::stoul(out.headers["content-length"]) : 0;
    bytes.erase(0, end + 4);
    while (bytes.size() < length)
      if (!read_more(fd, bytes)) return std::nullopt;
    out.body = bytes.substr(0, length);
    bytes.erase(0, length);
    return out;
  }

  void serve(int fd) {
    std::string bytes;
    bool open = true;
    while (open) {
      const auto request = read_request(fd, bytes);
      if (!request) break;
      const Answer answer = answer_to(*request);
      std::string text = "HTTP/1.1 " + std::to_string(answer.status) +
                         " said\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
      if (cut_.exchange(false)) {
        text.resize(answer.body.empty() ? 0 : text.size() - answer.body.size() / 2 - 1);
        open = false;
      }
      for (size_t sent = 0; sent < text.size();) {
        const ssize_t n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<size_t>(n);
      }
    }
    ::close(fd);
  }

  // What is wrong with how a request is signed.
  std::optional<Answer> fault_of(const Request& request) const {
    const auto header = [&](const std::string& name) {
      const auto found = request.headers.find(name);
      return found == request.headers.end() ? std::string() : found->second;
    };
    const auto part = [text = header("authorization")](const std::string& name) {
      const size_t at = text.find(name + "=");
      if (at == std::string::npos) return std::string();
      const size_t begin = at + name.size() + 1;
      return text.substr(begin, text.find_first_of(", ", begin) - begin);
    };
    if (!header("authorization").starts_with("AWS4-HMAC-SHA256 ")) return error(403, "AccessDenied");
    const std::string credential = part("Credential"), signed_headers = part("SignedHeaders");
    const std::string id = credential.substr(0, credential.find('/'));
    if (id != kKeyId) return error(403, "InvalidAccessKeyId");
    const std::string scope = credential.substr(id.size() + 1), date = header("x-amz-date");
    if (scope != date.substr(0, 8) + "/" + kRegion + "/s3/aws4_request")
      return error(400, "AuthorizationHeaderMalformed");
    tm time{};
    const char* end = ::strptime(date.c_str(), "%Y%m%dT%H%M%SZ", &time);
    if (!end || *end || std::abs(std::difftime(::timegm(&time), std::time(nullptr))) > 900)
      return error(403, "RequestTimeTooSkewed");
    // Everything that says something of the request is signed.
    for (const auto& [name, value] : request.headers)
      if ((name == "host" || name.starts_with("x-amz-")) &&
          (";" + signed_headers + ";").find(";" + name + ";") == std::string::npos)
        return error(403, "AccessDenied");
    if (header("host") != "127.0.0.1:" + std::to_string(listener_.port())) return error(400, "InvalidRequest");
    if (header("x-amz-content-sha256") != sha256_hex(request.body)) return error(400, "XAmzContentSHA256Mismatch");
    if (part("Signature") != aws_signature(request, signed_headers, scope, kSecret))
      return error(403, "SignatureDoesNotMatch");
    if (header("x-amz-security-token") != session_token) return error(403, "InvalidToken");
    return std::nullopt;
  }

  Answer answer_to(const Request& request) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request.method + " " + request.path + (request.query.empty() ? "" : "?" + request.query));
    }
    if (const auto fault = fault_of(request)) return *fault;
    Trouble trouble;
    {
      const std::lock_guard lock(mutex_);
      if (!troubles_.empty()) {
        trouble = std::move(troubles_.front());
        troubles_.erase(troubles_.begin());
      }
    }
    if (trouble)
      if (const auto instead = trouble()) return *instead;
    const std::string bucket = std::string("/") + kBucket, path = unquoted(request.path);
    if (path != bucket && !path.starts_with(bucket + "/")) return error(404, "NoSuchBucket");
    const std::lock_guard lock(mutex_);
    if (path == bucket) return request.method == "GET" ? list(request) : error(405, "MethodNotAllowed");
    return object(request, path.substr(bucket.size() + 1));
  }

  Answer object(const Request& request, const std::string& key) {
    const auto found = objects_.find(key);
    if (request.method == "DELETE") {
      objects_.erase(key);
      return {204};
    }
    if (request.method == "GET")
      return found == objects_.end() ? error(404, "NoSuchKey") : Answer{200, found->second.content};
    if (request.method != "PUT") return error(405, "MethodNotAllowed");
    if (const auto source = request.headers.find("x-amz-copy-source"); source != request.headers.end()) {
      const auto from = objects_.find(unquoted(source->second).substr(std::string(kBucket).size() + 2));
      if (from == objects_.end()) return error(404, "NoSuchKey");
      objects_[key] = {from->second.content, std::time(nullptr)};
      return {200, "<CopyObjectResult></CopyObjectResult>"};
    }
    objects_[key] = {request.body, std::time(nullptr)};
    return {200};
  }

  Answer list(const Request& request) const {
    if (!may_list) return error(403, "AccessDenied");
    std::map<std::string, std::string> wanted;
    for (const auto& [name, value] : parameters(request.query)) wanted[name] = value;
    if (wanted["list-type"] != "2") return error(400, "InvalidArgument");
    const size_t most = std::min(most_listed, static_cast<size_t>(std::stoul(wanted["max-keys"])));
    std::string contents;
    size_t listed = 0;
    bool more = false;
    for (auto it = objects_.upper_bound(wanted["start-after"]); it != objects_.end() && !more; ++it) {
      if (!it->first.starts_with(wanted["prefix"])) continue;
      if ((more = listed == most)) break;
      ++listed;
      char time[40];
      std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S.000Z", std::gmtime(&it->second.changed));
      contents += "<Contents><Key>" + it->first + "</Key><LastModified>" + time +
                  "</LastModified><ETag>&quot;x&quot;</ETag><Size>" + std::to_string(it->second.content.size()) +
                  "</Size></Contents>";
    }
    return {200, "<?xml version=\"1.0\"?>\n<ListBucketResult><IsTruncated>" + std::string(more ? "true" : "false") +
                     "</IsTruncated>" + contents + "</ListBucketResult>"};
  }

  const easel::testing::LoopbackListener listener_;
  std::atomic<bool> stopping_{false}, cut_{false};
  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::vector<std::string> requests_;
  std::vector<Trouble> troubles_;
  std::vector<std::thread> connections_;
  std::thread thread_;
};

}  // namespace easel::server::testing
