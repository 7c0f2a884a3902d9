#include "server/http/access.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/files/utf8.h"

namespace easel::server {
namespace {

// "Example.org:8188" -> "example.org", "[::1]:80" -> "[::1]"
std::string host_name(const std::string& host) {
  const std::string h = lower_ascii(host);
  if (h.starts_with('[')) return h.substr(0, h.find(']') == std::string::npos ? h.size() : h.find(']') + 1);
  return h.substr(0, h.find(':'));
}

bool is_loopback_name(const std::string& name) {
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return name == "localhost" || name == "[::1]" || name.ends_with(".localhost");
}

bool contains(const std::vector<std::string>& list, const std::string& value) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& item) { return lower_ascii(item) == value; });
}

bool origin_allowed(const AccessPolicy& policy, const std::string& origin) {
  return contains(policy.cors_origins, "*") || contains(policy.cors_origins, lower_ascii(origin));
}

// The origin's host and port equal the Host the request was sent to.
bool same_origin(const std::string& origin, const std::string& host) {
  const size_t scheme = origin.find("://");
  return scheme != std::string::npos && lower_ascii(origin.substr(scheme + 3)) == lower_ascii(host);
}

// Compares in time that does not depend on the position of the first difference.
bool equal_constant_time(const std::string& a, const std::string& b) {
  unsigned difference = a.size() == b.size() ? 0u : 1u;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? '\0' : b[i % b.size()]);
  return difference == 0;
}

std::string cookie(const std::string& header, const std::string& name) {
  size_t begin = 0;
  while (begin < header.size()) {
    size_t end = std::min(header.find(';', begin), header.size());
    while (begin < end && header[begin] == ' ') ++begin;
    const std::string item = header.substr(begin, end - begin);
    if (item.starts_with(name + "=")) return item.substr(name.size() + 1);
    begin = end + 1;
  }
  return {};
}

bool bears(const Request& request, const std::string& token) {
  const std::string authorization = request.header("authorization");
  return authorization.starts_with("Bearer ") && equal_constant_time(authorization.substr(7), token);
}

bool has_token(const AccessPolicy& policy, const Request& request) {
  if (bears(request, policy.token)) return true;
  return equal_constant_time(request.param("token"), policy.token) ||
         equal_constant_time(cookie(request.header("cookie"), "easel_token"), policy.token);
}

// The page for a browser that comes without a token, or with a wrong one.
Response ask_for_token(bool wrong) {
  Response r;
  r.status = 401;
  r.content_type = "text/html; charset=utf-8";
  r.headers.emplace_back("Content-Security-Policy",
                         "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
  r.headers.emplace_back("Cache-Control", "no-store");
  r.body =
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
      "<title>Easel</title><style>:root{color-scheme:light dark;--g:#e6e6e4;--p:#f6f6f5;--l:#8b8b87;--t:#1d1d1e;"
      "--m:#5d5d5a;--a:#0e7566;--o:#fff;--b:#b3311f}@media(prefers-color-scheme:dark){:root{--g:#131314;--p:#1c1c1e;"
      "--l:#77777d;--t:#ebeae8;--m:#a5a5a3;--a:#59bfae;--o:#06201c;--b:#ff9c8a}}*{box-sizing:border-box}"
      "body{display:grid;min-height:100vh;margin:0;padding:16px;place-items:center;background:var(--g);color:var(--t);"
      "font:14.5px/1.45 system-ui,'Liberation Sans',sans-serif}form{display:grid;gap:14px;width:100%;max-width:400px;"
      "padding:24px;border-radius:14px;background:var(--p)}label{font-size:17px;font-weight:650}p{margin:0;"
      "color:var(--m)}p[role]{color:var(--b)}input,button{width:100%;padding:9px 12px;border:1px solid var(--l);"
      "border-radius:8px;background:var(--g);color:inherit;font:inherit}button{border:0;background:var(--a);"
      "color:var(--o);font-weight:600;cursor:pointer}:focus-visible{outline:2px solid var(--a);outline-offset:2px}"
      "</style><form method=get action=/><label for=t>This server needs its token</label>"
      "<p>It is in the file that the server was started with (--token-file).</p>"
      "<input id=t name=token type=password autocomplete=current-password required autofocus>";
  if (wrong) r.body += "<p role=alert>That is not it.</p>";
  r.body += "<button>Open</button></form></html>";
  return r;
}

}  // namespace

std::optional<Response> refuse(const AccessPolicy& policy, const Request& request) {
  const std::string host = request.header("host");
  const std::string name = host_name(host);
  if (policy.loopback_only && !is_loopback_name(name) && !contains(policy.allowed_hosts, name))
    return Response::error(403, "host_not_allowed",
                           "this server answers to localhost only; the request was for '" + host + "'",
                           "start it with --allow-host NAME if it is reached under another name");
  const std::string origin = request.header("origin");
  if (!origin.empty() && !same_origin(origin, host) && !origin_allowed(policy, origin))
    return Response::error(403, "origin_not_allowed", "a page of '" + origin + "' may not use this server",
                           "start it with --cors ORIGIN to allow it");
  if (origin.empty() && request.header("sec-fetch-site") == "cross-site" &&
      request.header("sec-fetch-mode") != "navigate")
    return Response::error(403, "origin_not_allowed", "another site's page may not use this server");
  if (request.path.starts_with("/fleet/")) {
    if (!policy.fleet_token.empty() && bears(request, policy.fleet_token)) return std::nullopt;
    return Response::error(401, "fleet_token_required", "this is for the machines of a fleet, which have its token",
                           "start them and this server with the same --fleet-token-file");
  }
  if (policy.token.empty() || has_token(policy, request)) return std::nullopt;
  // Liveness is no secret, and a preflight carries no credentials.
  if (request.path == "/healthz" || request.method == "OPTIONS") return std::nullopt;
  if (request.path == "/" && request.header("accept").find("text/html") != std::string::npos)
    return ask_for_token(request.query.contains("token"));
  Response r = Response::error(401, "token_required", "this server needs its token",
                               "send 'Authorization: Bearer TOKEN' or add ?token=TOKEN");
  r.headers.emplace_back("WWW-Authenticate", "Bearer");
  return r;
}

void add_standard_headers(const AccessPolicy& policy, const Request& request, Response& response) {
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Resource-Policy",
                                policy.cors_origins.empty() ? "same-origin" : "cross-origin");
  const std::string origin = request.header("origin");
  if (origin.empty() || !origin_allowed(policy, origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  response.headers.emplace_back("Vary", "Origin");
  if (request.method == "OPTIONS") {
    response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
    response.headers.emplace_back("Access-Control-Allow-Headers", "Content-Type, Authorization, Comfy-User");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
  }
}

}  // namespace easel::server
