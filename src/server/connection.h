// One TCP connection: requests one after the other, or a WebSocket. Internal to the HTTP server.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include "server/http_server.h"

namespace easel::server {

// Lives as long as the server; used from its one thread only.
struct ServerContext {
  HttpOptions options;
  const Router& router;
  EventHub& hub;
  SocketHooks hooks;
  int connections = 0;
};

// Serves a connection until either side closes it. Never throws.
boost::asio::awaitable<void> serve_connection(ServerContext& context, boost::beast::tcp_stream stream);

// Takes over a connection whose request asks for a WebSocket upgrade, until it is closed.
boost::asio::awaitable<void> serve_websocket(ServerContext& context, boost::beast::tcp_stream stream,
                                             boost::beast::http::request<boost::beast::http::empty_body> upgrade,
                                             std::string client_id);

// A random id in the form of a UUID without dashes, as clients get when they name none.
std::string random_id();

}  // namespace easel::server
