// Requests to what is for the machines of a fleet alone, as bytes on a connection: messages and contents of pictures.
#include "base/sha256.h"
#include "fuzz/connection.h"
#include "server/fleet/contents/answers.h"
#include "server/fleet/event_frames.h"

namespace easel::fuzz {
namespace {

constexpr const char* kToken = "a-token-of-the-fleet";

// Kept apart from the folder of uploads, in which nothing may stay.
artifacts::FolderBlobs& contents() {
  static artifacts::FolderBlobs blobs(folder().string() + "-contents");
  return blobs;
}

template <class Answer>
server::Router::Handler answered(const Answer& answer) {
  return [answer](server::Request request, const server::Reply& reply) {
    try {
      reply(answer(request));
    } catch (...) {
      reply(server::error_response(std::current_exception()));
    }
  };
}

const server::Router& router() {
  static const server::Router routes = [] {
    server::Router r;
    r.add("POST", "/fleet/events", answered([](const server::Request& request) {
            for (const server::EventFrame& frame : server::decode_frames(request.body)) server::subject_of(frame);
            return server::Response::text("taken");
          }));
    r.add("GET", "/fleet/blobs/{sha256}",
          answered([](const server::Request& request) { return server::get_content(contents(), request); }));
    r.add("PUT", "/fleet/blobs/{sha256}",
          answered([](const server::Request& request) { return server::put_content(contents(), request); }), true);
    return r;
  }();
  return routes;
}

void read(Bytes bytes) {
  const std::string answer = converse(text_of(bytes), router(), {}, {.token = {}, .fleet_token = kToken});
  require(answer.empty() || answer.starts_with("HTTP/1.1 "));
  require(std::filesystem::directory_iterator(folder()) == std::filesystem::directory_iterator());
  // Whatever is kept is what its name says, and nobody without the token has brought it.
  const auto kept = contents().entries();
  require(kept.empty() || text_of(bytes).find(kToken) != std::string_view::npos);
  for (const auto& entry : kept) {
    const std::filesystem::path file = contents().path_of(entry.blob.sha256);
    std::string content(entry.blob.bytes, '\0');
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    require(fd >= 0 && ::read(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    ::close(fd);
    require(sha256_hex(content) == entry.blob.sha256);
    std::filesystem::remove(file);
  }
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
