// HTTP for the routes: plain requests and responses, and the routing table. No sockets here.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace easel::server {

struct Request {
  std::string method;                          // "GET", "POST", ... (HEAD arrives as GET)
  std::string path;                            // the segments joined again: "/view"
  std::vector<std::string> segments;           // of the path, each decoded by itself; a leading "api" is cut off
  std::map<std::string, std::string> query;    // decoded; the last value of a name counts
  std::map<std::string, std::string> headers;  // names in lower case
  std::vector<std::string> captures;           // what the route's placeholders matched, decoded
  std::string body;                            // empty when it was streamed to body_file
  std::filesystem::path body_file;             // uploads; removed by the server after the answer

  std::string header(const std::string& lower_name) const;
  // The query value, or the fallback when absent.
  std::string param(const std::string& name, const std::string& fallback = {}) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::filesystem::path file;  // sent instead of body when set
  // Let go when the answer has been sent, or cannot be: for what has to come after it.
  std::shared_ptr<const void> until_sent;

  static Response json(std::string text, int status = 200);
  static Response text(std::string text, int status = 200);
  // {"error": {"type": ..., "message": ..., "details": ..., "extra_info": {}}, "node_errors": {}}
  static Response error(int status, const std::string& type, const std::string& message,
                        const std::string& details = {});
};

// Answers now, or later from any thread. Calling it twice has no effect.
using Reply = std::function<void(Response)>;

// A random id in the form of a UUID, as jobs and clients get that name none.
std::string random_id();

// Decodes %XX (and '+' when `plus`); nothing for a malformed escape or an embedded NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus = false);
// Splits a path as it was sent and decodes each segment, so that an encoded slash stays inside its segment.
// Empty segments are dropped. Nothing when malformed.
std::optional<std::vector<std::string>> split_path(std::string_view raw);
// Fills path, segments and query from a request target such as "/api/view?filename=a.png". False when malformed.
bool parse_target(std::string_view target, Request& request);
// "a=1&b=2" -> map. Nothing when malformed.
std::optional<std::map<std::string, std::string>> parse_query(std::string_view text);

// Routes are patterns of literal segments, "{name}" for one segment and "{name...}" for the rest of the path.
class Router {
 public:
  using Handler = std::function<void(Request, Reply)>;
  // A synchronous handler; errors it throws become responses (see error_response).
  void get(const std::string& pattern, std::function<Response(const Request&)> handler);
  void post(const std::string& pattern, std::function<Response(const Request&)> handler);
  void add(const std::string& method, const std::string& pattern, Handler handler, bool streamed_body = false);

  struct Match {
    const Handler* handler = nullptr;  // null: see status
    bool streamed_body = false;
    int status = 404;   // 404 or 405
    std::string allow;  // for 405
    std::vector<std::string> captures;
  };
  // The first route added wins among those that fit.
  Match match(const std::string& method, const std::vector<std::string>& segments) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    Handler handler;
    bool streamed_body;
  };
  std::vector<Route> routes_;
};

// 304 when the client's copy (If-None-Match) is the one `etag` names.
bool is_fresh(const Request& request, const std::string& etag);

// The response to an exception: easel::Error by its fault, everything else 500. Never throws.
Response error_response(const std::exception_ptr& failure) noexcept;

}  // namespace easel::server
