// A client's bytes given to the server's own code for connections, through a pair of sockets.
#pragma once

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "fuzz/fuzz.h"
#include "server/http/connection.h"

namespace easel::fuzz {

// Sends the bytes, ends the connection's one half, and lets the server do all it does about it. Returns its answers.
// `first`, if not empty, is sent before and has to be answered: a request for an upgrade.
inline std::string converse(std::string_view sent, const server::Router& router, std::string_view first = {},
                            const server::AccessPolicy& access = {}) {
  namespace asio = boost::asio;
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const int room = 1 << 20;
  ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  if (sent.size() > 64 << 10) sent = sent.substr(0, 64 << 10);
  const auto send = [client = ends[1]](std::string_view bytes) {
    require(::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  };
  std::string answer;
  {
    asio::io_context io(1);
    server::EventHub hub;
    server::HttpOptions options;
    options.max_body = 1 << 14;
    options.max_upload = 1 << 15;
    options.temp_folder = folder();
    options.access = access;
    server::ServerContext context{
        .options = options,
        .router = router,
        .hub = hub,
        .hooks = {.greet = [](const server::Mailbox&) { return std::vector<std::string>{"{}"}; },
                  .receive = [](server::Mailbox&, const std::string&) {}}};
    asio::ip::tcp::socket socket(io);
    socket.assign(asio::ip::tcp::v4(), ends[0]);
    asio::co_spawn(io, server::serve_connection(context, boost::beast::tcp_stream(std::move(socket))), asio::detached);
    if (!first.empty()) {
      send(first);
      char byte = 0;
      while (::recv(ends[1], &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) require(io.run_one() > 0);
    }
    send(sent);
    ::shutdown(ends[1], SHUT_WR);
    io.run();
    require(context.body_bytes == 0 && context.answering == 0 && context.connections == 0);
  }
  char buffer[4096];
  for (ssize_t n; (n = ::recv(ends[1], buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  ::close(ends[1]);
  return answer;
}

}  // namespace easel::fuzz
