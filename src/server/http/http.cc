#include "server/http/http.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"

namespace easel::server {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int http_status(Fault fault) {
  switch (fault) {
    case Fault::kUsage:
    case Fault::kInvalid:
    case Fault::kBadFile:
    case Fault::kMismatch:
    case Fault::kUnsupported: return 400;
    case Fault::kMissing: return 404;
    case Fault::kMemory: return 507;
    case Fault::kCancelled: return 409;
    case Fault::kInternal: return 500;
  }
  return 500;
}

// The sentence for people; where a file lies on this machine is none of the client's business.
std::string without_folders(const Error& e) {
  if (e.file().empty()) return e.what();
  std::string text = e.what();
  const std::string name = std::filesystem::path(e.file()).filename().string();
  for (size_t at = 0; (at = text.find(e.file(), at)) != std::string::npos; at += name.size())
    text.replace(at, e.file().size(), name);
  return text;
}

bool is_rest(const std::string& segment) {
  return segment.size() > 5 && segment.front() == '{' && segment.ends_with("...}");
}
bool is_placeholder(const std::string& segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             std::vector<std::string>& captures) {
  captures.clear();
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (is_rest(pattern[i])) {
      std::string rest;
      for (size_t j = i; j < path.size(); ++j) rest += (j > i ? "/" : "") + path[j];
      captures.push_back(std::move(rest));
      return path.size() > i;
    }
    if (i >= path.size()) return false;
    if (is_placeholder(pattern[i])) captures.push_back(path[i]);
    else if (pattern[i] != path[i]) return false;
  }
  return path.size() == pattern.size();
}

}  // namespace

std::string Request::header(const std::string& lower_name) const {
  const auto it = headers.find(lower_name);
  return it == headers.end() ? std::string() : it->second;
}

std::string Request::param(const std::string& name, const std::string& fallback) const {
  const auto it = query.find(name);
  return it == query.end() ? fallback : it->second;
}

Response Response::json(std::string text, int status) {
  Response r;
  r.status = status;
  r.body = std::move(text);
  return r;
}

Response Response::text(std::string text, int status) {
  Response r;
  r.status = status;
  r.content_type = "text/plain; charset=utf-8";
  r.body = std::move(text);
  return r;
}

Response Response::error(int status, const std::string& type, const std::string& message, const std::string& details) {
  const nlohmann::json body = {
      {"error", {{"type", type}, {"message", message}, {"details", details}, {"extra_info", nlohmann::json::object()}}},
      {"node_errors", nlohmann::json::object()}};
  return json(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), status);
}

std::string random_id() {
  static thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  // Version 4, variant 1 (RFC 9562).
  const uint64_t high = (engine() & 0xFFFFFFFFFFFF0FFFull) | 0x4000, low = (engine() >> 2) | 0x8000000000000000ull;
  char text[37];
  snprintf(text, sizeof text, "%08llx-%04llx-%04llx-%04llx-%012llx", static_cast<unsigned long long>(high >> 32),
           static_cast<unsigned long long>(high >> 16 & 0xFFFF), static_cast<unsigned long long>(high & 0xFFFF),
           static_cast<unsigned long long>(low >> 48), static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFull));
  return text;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex(text[i + 1]), low = hex(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

std::optional<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t eq = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(pair.substr(0, eq), true);
    const auto value = percent_decode(pair.substr(std::min(eq + 1, pair.size())), true);
    if (!name || !value) return std::nullopt;
    out[*name] = *value;
  }
  return out;
}

std::optional<std::vector<std::string>> split_path(std::string_view raw) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < raw.size()) {
    if (raw[begin] == '/') {
      ++begin;
      continue;
    }
    const size_t end = std::min(raw.find('/', begin), raw.size());
    auto part = percent_decode(raw.substr(begin, end - begin));
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
    begin = end;
  }
  return parts;
}

bool parse_target(std::string_view target, Request& request) {
  if (target.empty() || target.front() != '/') return false;
  const size_t mark = std::min(target.find('?'), target.size());
  auto segments = split_path(target.substr(0, mark));
  auto query = parse_query(target.substr(std::min(mark + 1, target.size())));
  if (!segments || !query) return false;
  if (segments->size() > 1 && segments->front() == "api") segments->erase(segments->begin());
  request.path.clear();
  for (const std::string& segment : *segments) request.path += "/" + segment;
  if (request.path.empty()) request.path = "/";
  request.segments = std::move(*segments);
  request.query = std::move(*query);
  return true;
}

void Router::get(const std::string& pattern, std::function<Response(const Request&)> handler) {
  add("GET", pattern,
      [handler = std::move(handler)](const Request& request, const Reply& reply) { reply(handler(request)); });
}

void Router::post(const std::string& pattern, std::function<Response(const Request&)> handler) {
  add("POST", pattern,
      [handler = std::move(handler)](const Request& request, const Reply& reply) { reply(handler(request)); });
}

void Router::add(const std::string& method, const std::string& pattern, Handler handler, bool streamed_body) {
  routes_.push_back({method, split_path(pattern).value(), std::move(handler), streamed_body});
}

Router::Match Router::match(const std::string& method, const std::vector<std::string>& segments) const {
  Match best;
  for (const Route& route : routes_) {
    std::vector<std::string> captures;
    if (!matches(route.segments, segments, captures)) continue;
    // A catch-all route is used only if no other route matches.
    const bool catch_all = is_rest(route.segments.empty() ? std::string() : route.segments.front());
    if (catch_all && (route.method != method || best.status == 405)) continue;
    if (route.method == method) return {&route.handler, route.streamed_body, 200, {}, std::move(captures)};
    best.status = 405;
    best.allow += (best.allow.empty() ? "" : ", ") + route.method;
  }
  return best;
}

bool is_fresh(const Request& request, const std::string& etag) {
  const std::string known = request.header("if-none-match");
  return !known.empty() && (known == "*" || known.find(etag) != std::string::npos);
}

Response error_response(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& e) {
    try {
      return Response::error(http_status(e.fault()), std::string(fault_name(e.fault())), without_folders(e));
    } catch (...) {
    }
  } catch (const nlohmann::json::exception& e) {
    try {
      return Response::error(400, "invalid_json", "the body is not the JSON expected here", e.what());
    } catch (...) {
    }
  } catch (const std::exception& e) {
    try {
      return Response::error(500, "internal", e.what());
    } catch (...) {
    }
  } catch (...) {
  }
  Response r;
  r.status = 500;
  r.body =
      R"({"error":{"type":"internal","message":"out of resources","details":"","extra_info":{}},"node_errors":{}})";
  return r;
}

}  // namespace easel::server
