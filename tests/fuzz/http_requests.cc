// Requests, one after the other, as bytes on a connection.
#include "fuzz/connection.h"
#include "server/http/request_head.h"

namespace easel::fuzz {
namespace {

const server::Router& router() {
  static const server::Router routes = [] {
    server::Router r;
    r.get("/", [](const server::Request&) { return server::Response::text("home"); });
    r.get("/view/{name...}", [](const server::Request& q) { return server::Response::text(q.captures.at(0)); });
    r.post("/prompt", [](const server::Request& q) { return server::Response::text(std::to_string(q.body.size())); });
    r.add(
        "POST", "/upload",
        [](const server::Request&, const server::Reply& reply) { reply(server::Response::text("ok")); }, true);
    return r;
  }();
  return routes;
}

void read(Bytes bytes) {
  const std::string answer = converse(text_of(bytes), router());
  // Whatever is sent, what comes back is HTTP.
  require(answer.empty() || answer.starts_with("HTTP/1.1 "));
  const auto left = std::filesystem::directory_iterator(folder());
  require(left == std::filesystem::directory_iterator());  // no upload stays
  // A head that is refused is never answered as a request.
  const std::string_view sent = text_of(bytes);
  if (const auto length = server::head_length(sent); length && server::fault_of_head(sent.substr(0, *length)))
    require(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"));
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
