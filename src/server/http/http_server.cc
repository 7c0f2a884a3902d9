#include "server/http/http_server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <future>
#include <thread>

#include "base/error.h"
#include "server/http/connection.h"

namespace easel::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using std::chrono::seconds;

struct HttpServer::Impl {
  Impl(HttpOptions o, const Router& r, EventHub& h, SocketHooks k) : context{std::move(o), r, h, std::move(k)} {}

  asio::awaitable<void> listen();
  asio::awaitable<void> wind_down(std::promise<void>& quiet);

  ServerContext context;
  asio::io_context io{1};
  std::unique_ptr<tcp::acceptor> acceptor;
  std::thread thread;
  uint16_t port = 0;
};

HttpServer::HttpServer(HttpOptions options, const Router& router, EventHub& hub, SocketHooks hooks)
    : impl_(std::make_unique<Impl>(std::move(options), router, hub, std::move(hooks))) {}

HttpServer::~HttpServer() { stop(); }

uint16_t HttpServer::port() const { return impl_->port; }

asio::awaitable<void> HttpServer::Impl::listen() {
  for (;;) {
    beast::error_code error;
    tcp::socket socket = co_await acceptor->async_accept(asio::redirect_error(use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of descriptors: wait a little instead of spinning
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::redirect_error(use_awaitable, error));
      continue;
    }
    if (context.connections >= context.options.max_connections) continue;  // closes the socket
    socket.set_option(tcp::no_delay(true), error);
    asio::co_spawn(io, serve_connection(context, beast::tcp_stream(std::move(socket))), asio::detached);
  }
}

asio::awaitable<void> HttpServer::Impl::wind_down(std::promise<void>& quiet) {
  beast::error_code ignored;
  acceptor->close(ignored);
  for (int i = 0; i < 100 && context.answering > 0; ++i) {
    asio::steady_timer pause(io, std::chrono::milliseconds(10));
    co_await pause.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
  quiet.set_value();
}

void HttpServer::bind() {
  if (impl_->acceptor) return;
  const auto& o = impl_->context.options;
  try {
    const tcp::endpoint endpoint(asio::ip::make_address(o.address), o.port);
    impl_->acceptor = std::make_unique<tcp::acceptor>(impl_->io);
    impl_->acceptor->open(endpoint.protocol());
    impl_->acceptor->set_option(asio::socket_base::reuse_address(true));
    impl_->acceptor->bind(endpoint);
    impl_->acceptor->listen(1024);
    impl_->port = impl_->acceptor->local_endpoint().port();
  } catch (const boost::system::system_error& e) {
    impl_->acceptor.reset();
    if (e.code() == asio::error::address_in_use)
      throw Error(Fault::kUsage, "port " + std::to_string(o.port) + " of " + o.address + " is taken by another program")
          .fix("Stop that one, or choose another port with --port; 0 takes a free one");
    throw Error(Fault::kUsage,
                "cannot listen on " + o.address + ":" + std::to_string(o.port) + ": " + e.code().message())
        .fix("Name an address of this machine, such as 127.0.0.1 or 0.0.0.0, and a port from 1024 on");
  }
}

void HttpServer::start() {
  bind();
  asio::co_spawn(impl_->io, impl_->listen(), asio::detached);
  impl_->thread = std::thread([this] { impl_->io.run(); });
}

void HttpServer::stop() {
  if (!impl_->thread.joinable()) return;
  // No new connections; answers on their way get a moment to arrive.
  std::promise<void> quiet;
  asio::co_spawn(impl_->io, impl_->wind_down(quiet), asio::detached);
  quiet.get_future().wait();
  impl_->io.stop();
  impl_->thread.join();
  impl_->context.hub.clear();  // mailboxes would ring bells of connections that are gone
}

}  // namespace easel::server
