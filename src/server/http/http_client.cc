#include "server/http/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include "base/error.h"

namespace easel::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

HttpClient::HttpClient(const std::string& url, std::string token) : port_("8188"), token_(std::move(token)) {
  const std::string scheme = "http://";
  std::string rest = url.starts_with(scheme) ? url.substr(scheme.size()) : url;
  while (rest.ends_with('/')) rest.pop_back();
  if (rest.empty() || rest.find_first_of("/ @?#") != std::string::npos)
    throw Error(Fault::kUsage, "'" + url + "' is not a server's address").fix("Write it like http://127.0.0.1:8188");
  const size_t bracket = rest.find(']'), colon = rest.find(':', bracket == std::string::npos ? 0 : bracket);
  host_ = rest.substr(0, colon);
  if (colon != std::string::npos) port_ = rest.substr(colon + 1);
}

ClientResponse HttpClient::get(const std::string& target, int seconds) const {
  return exchange(false, target, {}, seconds);
}
ClientResponse HttpClient::post(const std::string& target, const std::string& body, int seconds) const {
  return exchange(true, target, body, seconds);
}

ClientResponse HttpClient::exchange(bool post, const std::string& target, const std::string& body, int seconds) const {
  const bool v6 = host_.starts_with('[');
  asio::io_context io;
  beast::tcp_stream stream(io);
  beast::error_code error;
  // Timeouts work for asynchronous operations only, so each of them is started and run to its end.
  const auto finish = [&](std::optional<beast::error_code>& done) {
    io.restart();
    while (!done && io.run_one() > 0) {
    }
    if (!done || *done)
      throw Error(Fault::kMissing,
                  "cannot talk to the server at " + host_ + ":" + port_ + ": " + (done ? done->message() : "no answer"))
          .fix("Is it running? `easel serve` starts one");
  };
  tcp::resolver resolver(io);
  const auto addresses = resolver.resolve(v6 ? host_.substr(1, host_.size() - 2) : host_, port_, error);
  std::optional<beast::error_code> done = error;
  finish(done);
  const auto note = [&done](beast::error_code e, auto&&...) { done = e; };

  done.reset();
  stream.expires_after(std::chrono::seconds(10));
  stream.async_connect(addresses, note);
  finish(done);

  http::request<http::string_body> request(post ? http::verb::post : http::verb::get, target, 11);
  request.set(http::field::host, host_ + ":" + port_);
  if (!token_.empty()) request.set(http::field::authorization, "Bearer " + token_);
  request.body() = body;
  request.prepare_payload();
  done.reset();
  stream.expires_after(std::chrono::seconds(seconds));
  http::async_write(stream, request, note);
  finish(done);

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(uint64_t{1} << 30);
  done.reset();
  stream.expires_after(std::chrono::seconds(seconds));
  http::async_read(stream, buffer, parser, note);
  finish(done);
  ClientResponse out;
  out.status = parser.get().result_int();
  out.content_type = std::string(parser.get()[http::field::content_type]);
  out.body = std::move(parser.get().body());
  return out;
}

}  // namespace easel::server
