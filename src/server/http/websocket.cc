#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include "server/http/connection.h"

namespace easel::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::redirect_error;
using asio::use_awaitable;

namespace {

// Shared by the reading and the writing half of a connection.
struct Socket {
  explicit Socket(beast::tcp_stream s)
      : stream(std::move(s)), bell(stream.get_executor(), asio::steady_timer::time_point::max()) {}
  websocket::stream<beast::tcp_stream> stream;
  asio::steady_timer bell;  // cancelled when there is something to send or the end has come
  std::shared_ptr<Mailbox> box;
  bool closed = false;
};

// A client is known to the hub as long as its connection is read.
struct Connected {
  Connected(EventHub& h, std::shared_ptr<Socket> s) : hub(h), socket(std::move(s)) { hub.connect(socket->box); }
  ~Connected() {
    hub.disconnect(socket->box);
    socket->closed = true;
    socket->bell.cancel();
    beast::get_lowest_layer(socket->stream).close();  // ends a message that the client does not take
  }
  Connected(const Connected&) = delete;
  Connected& operator=(const Connected&) = delete;
  EventHub& hub;
  std::shared_ptr<Socket> socket;
};

asio::awaitable<void> write_messages(std::shared_ptr<Socket> socket) {
  beast::error_code error;
  while (!socket->closed) {
    Message message;
    if (socket->box->overflowed()) break;
    if (!socket->box->take(message)) {
      co_await socket->bell.async_wait(redirect_error(use_awaitable, error));
      continue;
    }
    socket->stream.binary(message.binary);
    co_await socket->stream.async_write(asio::buffer(*message.payload), redirect_error(use_awaitable, error));
    if (error) break;
  }
  // Ends the reading half as well when it is this one that gave up.
  beast::get_lowest_layer(socket->stream).cancel();
  beast::get_lowest_layer(socket->stream).close();
}

}  // namespace

asio::awaitable<void> serve_websocket(ServerContext& context, beast::tcp_stream stream,
                                      beast::http::request<beast::http::empty_body> upgrade, const Request& request) {
  auto socket = std::make_shared<Socket>(std::move(stream));
  auto& ws = socket->stream;
  websocket::stream_base::timeout timeouts = websocket::stream_base::timeout::suggested(beast::role_type::server);
  timeouts.idle_timeout = std::chrono::seconds(60);
  ws.set_option(timeouts);
  ws.read_message_max(1 << 20);
  beast::error_code error;
  co_await ws.async_accept(upgrade, redirect_error(use_awaitable, error));
  if (context.options.observe) context.options.observe(request, error ? 400 : 101);
  if (error) co_return;

  const auto executor = ws.get_executor();
  std::weak_ptr<Socket> weak = socket;
  std::string client_id = request.param("clientId").substr(0, 128);
  if (client_id.empty()) client_id = random_id();
  const auto wake = [executor, weak] {
    asio::post(executor, [weak] {
      if (const auto alive = weak.lock()) alive->bell.cancel();
    });
  };
  socket->box = std::make_shared<Mailbox>(std::move(client_id), wake, request.param("watch") == "all");
  const Connected connected(context.hub, socket);
  socket->box->post_first(context.hooks.greet(*socket->box));
  asio::co_spawn(executor, write_messages(socket), asio::detached);

  beast::flat_buffer buffer;
  for (;;) {
    co_await ws.async_read(buffer, redirect_error(use_awaitable, error));
    if (error) break;
    if (ws.got_text()) context.hooks.receive(*socket->box, beast::buffers_to_string(buffer.data()));
    buffer.consume(buffer.size());
  }
}

}  // namespace easel::server
