// One TCP connection: requests one after the other, or a WebSocket. Internal to the HTTP server.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include "server/http/http_server.h"

namespace easel::server {

// Lives as long as the server; used from its one thread only.
struct ServerContext {
  HttpOptions options;
  const Router& router;
  EventHub& hub;
  SocketHooks hooks;
  int connections = 0;
  int answering = 0;          // requests that were read and not yet answered
  uint64_t body_bytes = 0;    // held by ordinary bodies right now
  uint64_t answer_bytes = 0;  // held by answers that are being sent
};

// Serves a connection until either side closes it. Never throws.
boost::asio::awaitable<void> serve_connection(ServerContext& context, boost::beast::tcp_stream stream);

// Takes over a connection whose request asks for a WebSocket upgrade, until it is closed. Query: clientId names
// the client, watch=all asks for the events of everybody's jobs.
boost::asio::awaitable<void> serve_websocket(ServerContext& context, boost::beast::tcp_stream stream,
                                             boost::beast::http::request<boost::beast::http::empty_body> upgrade,
                                             const Request& request);

}  // namespace easel::server
