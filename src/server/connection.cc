#include "server/connection.h"

#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <cstdlib>
#include <random>

#include "base/error.h"

namespace easel::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::redirect_error;
using asio::use_awaitable;
using std::chrono::seconds;

namespace {

constexpr uint64_t kSlowestUpload = 64 << 10;  // bytes per second a body must arrive with

// Counts a connection while it lives.
struct Counted {
  explicit Counted(int& n) : count(n) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int& count;
};

// Removes an uploaded body once it has been answered.
struct TempFile {
  std::filesystem::path path;
  ~TempFile() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

// Turns the head of a request into ours. False: the target is malformed.
bool read_head(const http::request_header<>& head, Request& request) {
  request.method = std::string(head.method_string());
  std::string_view target(head.target().data(), head.target().size());
  if (target.empty() || target.front() != '/') return false;
  const size_t mark = std::min(target.find('?'), target.size());
  const auto path = percent_decode(target.substr(0, mark));
  const auto query = parse_query(target.substr(std::min(mark + 1, target.size())));
  if (!path || !query) return false;
  request.path = *path;
  if (request.path.starts_with("/api/")) request.path.erase(0, 4);
  request.query = *query;
  for (const auto& field : head) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string& value = request.headers[name];
    if (!value.empty()) value += ", ";
    value += std::string(field.value());
  }
  return true;
}

http::status to_status(int code) { return static_cast<http::status>(code); }

void copy_head(const Response& from, http::fields& to) {
  to.set(http::field::content_type, from.content_type);
  for (const auto& [name, value] : from.headers) to.insert(name, value);
}

class Connection {
 public:
  Connection(ServerContext& context, beast::tcp_stream stream) : context_(context), stream_(std::move(stream)) {}

  asio::awaitable<void> run() {
    bool keep = true;
    while (keep) keep = co_await one_request();
    beast::error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }

 private:
  // Reads and answers one request. False: the connection is done.
  asio::awaitable<bool> one_request();
  asio::awaitable<bool> read_body(http::request_parser<http::empty_body>& head, Request& request, bool streamed,
                                  TempFile& temp);
  asio::awaitable<Response> handle(Request request, const Router::Handler& handler);
  asio::awaitable<bool> send(const Request& request, Response response, bool keep_alive, bool head_only);

  ServerContext& context_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{1 << 20};
  int refusal_ = 0;  // status of a body that could not be read
};

asio::awaitable<bool> Connection::one_request() {
  beast::error_code error;
  http::request_parser<http::empty_body> head;
  head.header_limit(32 << 10);
  head.body_limit(boost::none);
  stream_.expires_after(seconds(context_.options.header_seconds));
  co_await http::async_read_header(stream_, buffer_, head, redirect_error(use_awaitable, error));
  Request request;
  if (error) {
    if (error == http::error::end_of_stream || error.category() != make_error_code(http::error::bad_method).category())
      co_return false;
    const int status = error == http::error::header_limit ? 431 : error == http::error::body_limit ? 413 : 400;
    co_await send(request, Response::error(status, "bad_request", "not a valid HTTP request", error.message()), false,
                  false);
    co_return false;
  }
  const bool head_only = head.get().method() == http::verb::head;
  if (!read_head(head.get(), request)) {
    co_await send(request, Response::error(400, "bad_request", "malformed request target"), false, head_only);
    co_return false;
  }
  if (auto refused = refuse(context_.options.access, request)) {
    co_await send(request, std::move(*refused), false, head_only);
    co_return false;
  }
  if (request.path == "/ws" && beast::websocket::is_upgrade(head.get())) {
    stream_.expires_never();
    const std::string id = request.param("clientId");
    co_await serve_websocket(context_, std::move(stream_), head.release(),
                             id.empty() ? random_id() : id.substr(0, 128));
    co_return false;
  }
  if (head_only) request.method = "GET";
  bool keep = head.get().keep_alive();
  if (request.method == "OPTIONS") {
    Response r;
    r.status = 204;
    co_return co_await send(request, std::move(r), keep, false) && keep;
  }
  Router::Match match = context_.router.match(request.method, request.path);
  if (!match.handler) {
    Response r = Response::error(
        match.status, match.status == 405 ? "method_not_allowed" : "not_found",
        match.status == 405 ? "this address takes " + match.allow + " only" : "there is nothing at this address",
        request.path);
    if (match.status == 405) r.headers.emplace_back("Allow", match.allow);
    // The body was not read, so the connection cannot be used again.
    keep = keep && !head.content_length().value_or(0) && !head.chunked();
    co_return co_await send(request, std::move(r), keep, head_only) && keep;
  }
  request.captures = std::move(match.captures);
  TempFile temp;
  if (!co_await read_body(head, request, match.streamed_body, temp)) {
    if (refusal_ == 0) co_return false;
    const std::string limit =
        std::to_string((match.streamed_body ? context_.options.max_upload : context_.options.max_body) >> 20);
    co_await send(request,
                  refusal_ == 413
                      ? Response::error(413, "too_large", "the body is larger than the " + limit + " MiB allowed")
                      : Response::error(refusal_, "bad_request", "the body could not be read"),
                  false, head_only);
    co_return false;
  }
  stream_.expires_never();
  Response response = co_await handle(request, *match.handler);
  co_return co_await send(request, std::move(response), keep, head_only) && keep;
}

asio::awaitable<bool> Connection::read_body(http::request_parser<http::empty_body>& head, Request& request,
                                            bool streamed, TempFile& temp) {
  beast::error_code error;
  const uint64_t limit = streamed ? context_.options.max_upload : context_.options.max_body;
  const uint64_t length = head.content_length().value_or(head.chunked() ? limit : 0);
  refusal_ = 0;
  if (length == 0) co_return true;
  if (head.content_length().value_or(0) > limit) {
    refusal_ = 413;
    co_return false;
  }
  if (beast::iequals(head.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go(http::status::continue_, 11);
    co_await http::async_write(stream_, go, redirect_error(use_awaitable, error));
    if (error) co_return false;
  }
  stream_.expires_after(seconds(15 + length / kSlowestUpload));
  if (streamed) {
    temp.path = context_.options.temp_folder / ("upload-" + random_id());
    http::request_parser<http::file_body> parser(std::move(head));
    parser.body_limit(limit);
    parser.get().body().open(temp.path.c_str(), beast::file_mode::write_new, error);
    if (error) {
      refusal_ = 507;
      co_return false;
    }
    co_await http::async_read(stream_, buffer_, parser, redirect_error(use_awaitable, error));
    request.body_file = temp.path;
  } else {
    http::request_parser<http::string_body> parser(std::move(head));
    parser.body_limit(limit);
    co_await http::async_read(stream_, buffer_, parser, redirect_error(use_awaitable, error));
    if (!error) request.body = std::move(parser.get().body());
  }
  if (error == http::error::body_limit) refusal_ = 413;
  else if (error == http::error::bad_chunk || error == http::error::bad_chunk_extension) refusal_ = 400;
  co_return !error;
}

// The answer may come later and from another thread: it is posted back to this connection's thread.
asio::awaitable<Response> Connection::handle(Request request, const Router::Handler& handler) {
  struct Pending {
    explicit Pending(const asio::any_io_executor& e) : executor(e), timer(e, asio::steady_timer::time_point::max()) {}
    asio::any_io_executor executor;
    asio::steady_timer timer;
    std::atomic<bool> taken{false};
    std::optional<Response> response;
  };
  auto pending = std::make_shared<Pending>(stream_.get_executor());
  const Reply reply = [pending](Response response) {
    if (pending->taken.exchange(true)) return;
    asio::post(pending->executor, [pending, response = std::move(response)]() mutable {
      pending->response = std::move(response);
      pending->timer.cancel();
    });
  };
  try {
    handler(std::move(request), reply);
  } catch (...) {
    reply(error_response(std::current_exception()));
  }
  while (!pending->response) {
    beast::error_code ignored;
    co_await pending->timer.async_wait(redirect_error(use_awaitable, ignored));
  }
  co_return std::move(*pending->response);
}

asio::awaitable<bool> Connection::send(const Request& request, Response response, bool keep_alive, bool head_only) {
  add_standard_headers(context_.options.access, request, response);
  beast::error_code error;
  // A slow reader may take its time with a big file, but not for ever.
  const auto deadline = [&](uint64_t bytes) { stream_.expires_after(seconds(30 + bytes / kSlowestUpload)); };
  if (!response.file.empty()) {
    http::file_body::value_type file;
    file.open(response.file.c_str(), beast::file_mode::scan, error);
    if (!error) {
      http::response<http::file_body> message(to_status(response.status), 11);
      copy_head(response, message);
      message.keep_alive(keep_alive);
      const uint64_t size = file.size();
      deadline(size);
      if (head_only) {
        http::response<http::empty_body> bare(to_status(response.status), 11);
        copy_head(response, bare);
        bare.keep_alive(keep_alive);
        bare.content_length(size);
        http::response_serializer<http::empty_body> serializer(bare);
        co_await http::async_write_header(stream_, serializer, redirect_error(use_awaitable, error));
        co_return !error;
      }
      message.body() = std::move(file);
      message.prepare_payload();
      co_await http::async_write(stream_, message, redirect_error(use_awaitable, error));
      co_return !error;
    }
    response = Response::error(404, "not_found", "the file is gone");
  }
  http::response<http::string_body> message(to_status(response.status), 11);
  copy_head(response, message);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  if (response.status != 204) message.prepare_payload();
  deadline(message.body().size());
  if (head_only) {
    http::response_serializer<http::string_body> serializer(message);
    co_await http::async_write_header(stream_, serializer, redirect_error(use_awaitable, error));
  } else {
    co_await http::async_write(stream_, message, redirect_error(use_awaitable, error));
  }
  co_return !error;
}

}  // namespace

std::string random_id() {
  static thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  char text[33];
  snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(engine()),
           static_cast<unsigned long long>(engine()));
  return text;
}

asio::awaitable<void> serve_connection(ServerContext& context, beast::tcp_stream stream) {
  const Counted counted(context.connections);
  try {
    Connection connection(context, std::move(stream));
    co_await connection.run();
  } catch (const std::exception&) {
    // A connection that breaks in an unforeseen way is closed; the others go on.
  }
}

}  // namespace easel::server
