#include "server/assets.h"
#include "server/routes/services.h"

namespace easel::server {
namespace {

constexpr const char* kPolicy =
    "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

Response asset_answer(const Asset& asset, const Request& request) {
  Response out;
  out.content_type = asset.content_type;
  out.headers.emplace_back("ETag", asset.etag);
  out.headers.emplace_back("Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  out.headers.emplace_back("Content-Security-Policy", kPolicy);
  if (is_fresh(request, std::string(asset.etag))) {
    out.status = 304;
    return out;
  }
  const bool gzip = !asset.gzip.empty() && request.header("accept-encoding").find("gzip") != std::string::npos;
  if (!asset.gzip.empty()) out.headers.emplace_back("Vary", "Accept-Encoding");
  if (gzip) out.headers.emplace_back("Content-Encoding", "gzip");
  out.body = gzip ? asset.gzip : asset.bytes;
  return out;
}

}  // namespace

void add_page_routes(Router& router, Services& s) {
  router.get("/", [&s](const Request& request) {
    // The token moves from the address, where it would be copied and logged, into a cookie.
    if (!s.token.empty() && request.query.contains("token")) {
      Response out;
      out.status = 303;
      out.headers.emplace_back("Location", "/");
      out.headers.emplace_back("Set-Cookie", "easel_token=" + s.token + "; Path=/; HttpOnly; SameSite=Strict");
      return out;
    }
    return asset_answer(*find_asset("/"), request);
  });
  router.get("/{path...}", [](const Request& request) {
    if (const Asset* asset = find_asset("/" + request.captures.at(0))) return asset_answer(*asset, request);
    return Response::error(404, "not_found", "nothing is at this address", request.path);
  });
}

}  // namespace easel::server
