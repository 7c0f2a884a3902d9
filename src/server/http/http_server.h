// One port for HTTP and WebSocket.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/events/event_hub.h"
#include "server/http/access.h"
#include "server/http/http.h"

namespace easel::server {

struct HttpOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 8188;               // 0: any free one
  uint64_t max_body = 32u << 20;      // bytes of an ordinary request body
  uint64_t max_upload = 256u << 20;   // bytes of a streamed one
  std::filesystem::path temp_folder;  // where streamed bodies go
  uint64_t body_memory = 256u << 20;  // bytes that all ordinary bodies together may hold at one time
  // Bytes that all answers on their way may hold at one time, none counting for more than half of them: clients may
  // read slowly. Small ones are always sent.
  uint64_t answer_memory = 256u << 20;
  int header_seconds = 15;  // for a request's head, and between requests
  int stall_seconds = 20;   // without a byte of a body
  int max_connections = 1024;
  AccessPolicy access;
  // Called after every answer, on the server's thread.
  std::function<void(const Request&, int status)> observe;
};

// What a WebSocket connection needs from the rest of the server.
struct SocketHooks {
  // The first messages to a client. They are created after events have begun to collect in the mailbox, so that later
  // changes are sent after them.
  std::function<std::vector<std::string>(const Mailbox&)> greet;
  // A text message from the client.
  std::function<void(Mailbox&, const std::string&)> receive;
};

// Runs its own thread. All handlers are called there and should not block for long; those that compute
// answer later through their Reply.
class HttpServer {
 public:
  HttpServer(HttpOptions options, const Router& router, EventHub& hub, SocketHooks hooks);
  ~HttpServer();  // stop()

  // Takes the address; who connects waits until start(). Throws Error(kUsage) when it is not to be had.
  void bind();
  // Begins to answer. Binds if that was not done.
  void start();
  // Stops accepting, closes all connections, joins the thread.
  void stop();
  uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace easel::server
