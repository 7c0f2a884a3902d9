#include "server/http/connection.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <type_traits>

#include "base/error.h"
#include "base/files/utf8.h"
#include "server/http/request_head.h"

namespace easel::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::redirect_error;
using asio::use_awaitable;
using std::chrono::seconds;

namespace {

constexpr size_t kLongestHead = 32 << 10, kReadSize = 8 << 10;  // bytes
constexpr size_t kSmallAnswer = 4 << 20;                        // bytes; is always sent, and not counted
constexpr uint64_t kSlowestBody = 16 << 10;                     // bytes per second a body must move with

// Counts a connection while it lives.
struct Counted {
  explicit Counted(int& n) : count(n) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int& count;
};

// Memory that a body holds, as long as it does.
struct Held {
  Held(uint64_t& t, uint64_t n) : total(t), bytes(n) { total += bytes; }
  ~Held() { total -= bytes; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  uint64_t& total;
  const uint64_t bytes;
};

// Removes an uploaded body once it has been worked on.
struct TempFile {
  std::filesystem::path path;
  ~TempFile() { remove(); }
  void remove() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
    path.clear();
  }
};

// Converts the head of a request. Returns an empty text, or what is wrong with the request.
std::string read_head(const http::request_header<>& head, Request& request) {
  request.method = std::string(head.method_string());
  if (!parse_target({head.target().data(), head.target().size()}, request)) return "malformed request target";
  for (const auto& field : head) {
    std::string& value = request.headers[lower_ascii({field.name_string().data(), field.name_string().size()})];
    if (!value.empty()) value += ", ";
    value += std::string(field.value());
  }
  return {};
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
    if (unread_body_) co_await linger();
  }

 private:
  using Head = http::request_parser<http::empty_body>;

  // Reads and answers one request. False: the connection is done.
  asio::awaitable<bool> one_request();
  // Fills the buffer until it holds a whole head, and gives that to the parser. Nothing when that worked, else what to
  // refuse it with; with status 0 when the client is gone.
  asio::awaitable<std::optional<HeadFault>> receive_head(Head& head);
  asio::awaitable<bool> answer(Request& request, Head& head, bool keep, bool head_only);
  // The body into memory or a file. 0, or the status to refuse with; -1 when the client is gone.
  asio::awaitable<int> read_body(Head& head, Request& request, bool streamed, TempFile& temp);
  template <class Parser>
  asio::awaitable<int> read_rest(Parser& parser);
  asio::awaitable<Response> handle(Request& request, const Router::Handler& handler);
  asio::awaitable<bool> send(const Request& request, Response response, bool keep_alive, bool head_only);
  template <class Message>
  asio::awaitable<bool> write(Message& message, uint64_t bytes, bool head_only);
  asio::awaitable<void> linger();

  ServerContext& context_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{1 << 20};
  bool unread_body_ = false;
};

asio::awaitable<std::optional<HeadFault>> Connection::receive_head(Head& head) {
  beast::error_code error;
  const auto received = [this] {
    return std::string_view(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  };
  std::optional<size_t> length;
  while (!(length = head_length(received().substr(0, kLongestHead)))) {
    if (buffer_.size() >= kLongestHead) co_return HeadFault{431, "the head of the request is too long"};
    if (has_lone_line_end(received())) co_return HeadFault{400, "lines must end with CR LF"};
    const size_t got =
        co_await stream_.async_read_some(buffer_.prepare(kReadSize), redirect_error(use_awaitable, error));
    buffer_.commit(got);
    if (error == asio::error::eof && buffer_.size() > 0)
      co_return HeadFault{400, "the request ends before its head does"};
    if (error) co_return HeadFault{0, {}};
  }
  if (auto fault = fault_of_head(received().substr(0, *length))) co_return fault;
  head.header_limit(static_cast<std::uint32_t>(kLongestHead));
  head.body_limit(boost::none);
  buffer_.consume(head.put(asio::buffer(buffer_.data().data(), *length), error));
  if (error) co_return HeadFault{400, "not a valid HTTP request: " + error.message()};
  co_return std::nullopt;
}

asio::awaitable<bool> Connection::one_request() {
  Head head;
  stream_.expires_after(seconds(context_.options.header_seconds));
  Request request;
  if (const auto fault = co_await receive_head(head)) {
    if (fault->status == 0) co_return false;
    unread_body_ = true;
    co_await send(request, Response::error(fault->status, "bad_request", fault->message), false, false);
    co_return false;
  }
  // The checks below may refuse the request before its body is read; the connection must then be closed.
  unread_body_ = head.chunked() || head.content_length().value_or(0) > 0;
  const bool keep = head.get().keep_alive(), head_only = head.get().method() == http::verb::head;
  if (const std::string wrong = read_head(head.get(), request); !wrong.empty()) {
    co_await send(request, Response::error(400, "bad_request", wrong), false, head_only);
    co_return false;
  }
  if (auto refused = refuse(context_.options.access, request)) {
    const bool again = keep && !unread_body_;
    co_return co_await send(request, std::move(*refused), again, head_only) && again;
  }
  if (head_only) request.method = "GET";
  if (request.path == "/ws" && beast::websocket::is_upgrade(head.get())) {
    if (unread_body_) {  // its bytes would be read as frames
      co_await send(request, Response::error(400, "bad_request", "an upgrade to WebSocket has no body"), false, false);
      co_return false;
    }
    stream_.expires_never();
    co_await serve_websocket(context_, std::move(stream_), head.release(), request);
    unread_body_ = false;
    co_return false;
  }
  co_return co_await answer(request, head, keep, head_only);
}

asio::awaitable<bool> Connection::answer(Request& request, Head& head, bool keep, bool head_only) {
  const Counted answering(context_.answering);
  Router::Match match = context_.router.match(request.method, request.segments);
  if (request.method == "OPTIONS" || !match.handler) {
    keep = keep && !unread_body_;
    Response r;
    r.status = 204;
    if (request.method != "OPTIONS") {
      const bool wrong_method = match.status == 405;
      r = Response::error(match.status, wrong_method ? "method_not_allowed" : "not_found",
                          wrong_method ? "this address takes " + match.allow + " only" : "nothing is at this address",
                          request.path);
      if (wrong_method) r.headers.emplace_back("Allow", match.allow);
    }
    co_return co_await send(request, std::move(r), keep, head_only) && keep;
  }
  request.captures = std::move(match.captures);
  TempFile temp;
  const int refusal = co_await read_body(head, request, match.streamed_body, temp);
  if (refusal < 0) co_return false;
  if (refusal > 0) {
    temp.remove();
    const uint64_t limit = match.streamed_body ? context_.options.max_upload : context_.options.max_body;
    Response r = Response::error(refusal, "bad_request", "the body could not be read");
    if (refusal == 413)
      r = Response::error(413, "too_large", "the body is larger than the " + std::to_string(limit) + " bytes allowed");
    if (refusal == 408) r = Response::error(408, "too_slow", "the body took too long to arrive");
    if (refusal == 507) r = Response::error(507, "memory", "there is no room for the body on the disk");
    if (refusal == 503) r = Response::error(503, "busy", "too many large requests at one time; try again");
    co_await send(request, std::move(r), false, head_only);
    co_return false;
  }
  unread_body_ = false;
  stream_.expires_never();
  const Held held(context_.body_bytes, request.body.size());
  Response response = co_await handle(request, *match.handler);
  temp.remove();
  co_return co_await send(request, std::move(response), keep, head_only) && keep;
}

asio::awaitable<int> Connection::read_body(Head& head, Request& request, bool streamed, TempFile& temp) {
  beast::error_code error;
  const uint64_t limit = streamed ? context_.options.max_upload : context_.options.max_body;
  if (!unread_body_) co_return 0;
  if (head.content_length().value_or(0) > limit) co_return 413;
  const uint64_t memory = streamed ? 0 : head.content_length().value_or(limit);
  if (context_.body_bytes + memory > context_.options.body_memory) co_return 503;
  if (beast::iequals(head.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go(http::status::continue_, 11);
    co_await http::async_write(stream_, go, redirect_error(use_awaitable, error));
    if (error) co_return -1;
  }
  if (streamed) {
    temp.path = context_.options.temp_folder / ("upload-" + random_id());
    http::request_parser<http::file_body> parser(std::move(head));
    parser.body_limit(limit);
    parser.get().body().open(temp.path.c_str(), beast::file_mode::write_new, error);
    if (error) co_return 507;
    request.body_file = temp.path;
    co_return co_await read_rest(parser);
  }
  http::request_parser<http::string_body> parser(std::move(head));
  parser.body_limit(limit);
  const Held held(context_.body_bytes, memory);
  const int status = co_await read_rest(parser);
  request.body = std::move(parser.get().body());
  co_return status;
}

// Piece by piece, so that a client is given time only for what it really sends. The stream's own timeout would close
// the connection without a word; a timer that cancels the read leaves it open for the answer.
template <class Parser>
asio::awaitable<int> Connection::read_rest(Parser& parser) {
  using Clock = std::chrono::steady_clock;
  beast::error_code error;
  const auto start = Clock::now();
  uint64_t received = 0;
  stream_.expires_never();
  asio::steady_timer stall(stream_.get_executor());
  const auto waiting = std::make_shared<bool>(false);
  bool stalled = false;
  while (!parser.is_done()) {
    *waiting = true;
    stall.expires_after(seconds(context_.options.stall_seconds));
    stall.async_wait([this, waiting, &stalled](beast::error_code cancelled) {
      if (cancelled || !*waiting) return;
      stalled = true;
      stream_.cancel();
    });
    received += co_await http::async_read_some(stream_, buffer_, parser, redirect_error(use_awaitable, error));
    *waiting = false;
    if (stalled) co_return 408;
    if (error == http::error::body_limit) co_return 413;
    if (error.category() == make_error_code(http::error::bad_method).category() &&
        error != http::error::partial_message && error != http::error::end_of_stream)
      co_return 400;
    if (error == beast::errc::no_space_on_device || error == beast::errc::file_too_large) co_return 507;
    if (error) co_return -1;
    const auto allowed = seconds(context_.options.stall_seconds + received / kSlowestBody);
    if (!parser.is_done() && Clock::now() - start > allowed) co_return 408;
  }
  co_return 0;
}

// A reply that is dropped without having been used answers with an error, so that no client waits for ever.
struct Pending {
  explicit Pending(const asio::any_io_executor& e) : executor(e), timer(e, asio::steady_timer::time_point::max()) {}
  asio::any_io_executor executor;
  asio::steady_timer timer;
  std::atomic<bool> taken{false};
  std::optional<Response> response;
};

struct ReplyOnce {
  explicit ReplyOnce(std::shared_ptr<Pending> p) : pending(std::move(p)) {}
  ~ReplyOnce() { give(Response::error(500, "internal", "the request was dropped")); }
  ReplyOnce(const ReplyOnce&) = delete;
  ReplyOnce& operator=(const ReplyOnce&) = delete;
  void give(Response response) const {
    if (pending->taken.exchange(true)) return;
    asio::post(pending->executor, [p = pending, response = std::move(response)]() mutable {
      p->response = std::move(response);
      p->timer.cancel();
    });
  }
  std::shared_ptr<Pending> pending;
};

// The answer may come later and from another thread: it is posted back to this connection's thread. The handler is
// given the body itself, which may be large; what the answer is sent with stays.
asio::awaitable<Response> Connection::handle(Request& request, const Router::Handler& handler) {
  std::string body = std::move(request.body);
  request.body.clear();
  Request given = request;
  given.body = std::move(body);
  auto pending = std::make_shared<Pending>(stream_.get_executor());
  {
    auto once = std::make_shared<ReplyOnce>(pending);
    const Reply reply = [once](Response response) { once->give(std::move(response)); };
    once.reset();
    try {
      handler(std::move(given), reply);
    } catch (...) {
      reply(error_response(std::current_exception()));
    }
  }
  while (!pending->response) {
    beast::error_code ignored;
    co_await pending->timer.async_wait(redirect_error(use_awaitable, ignored));
  }
  co_return std::move(*pending->response);
}

template <class Message>
asio::awaitable<bool> Connection::write(Message& message, uint64_t bytes, bool head_only) {
  beast::error_code error;
  // A slow reader may take its time with a big answer, but not for ever; one that holds memory must not stop reading.
  constexpr bool kInMemory = std::is_same_v<typename Message::body_type, http::string_body>;
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + seconds(30 + bytes / kSlowestBody);
  const auto stalled = seconds(context_.options.stall_seconds);
  http::response_serializer<typename Message::body_type> serializer(message);
  stream_.expires_at(end);
  if (head_only) co_await http::async_write_header(stream_, serializer, redirect_error(use_awaitable, error));
  while (!head_only && !error && !serializer.is_done()) {
    if (kInMemory) stream_.expires_at(std::min(end, Clock::now() + stalled));
    co_await http::async_write_some(stream_, serializer, redirect_error(use_awaitable, error));
  }
  co_return !error;
}

asio::awaitable<bool> Connection::send(const Request& request, Response response, bool keep_alive, bool head_only) {
  // One answer alone may be larger than the limit, and must not keep out all others as long as it is read.
  const uint64_t limit = context_.options.answer_memory;
  const bool small = response.body.size() <= std::min<uint64_t>(kSmallAnswer, limit / 2) || head_only;
  const uint64_t counted = small ? 0 : std::min<uint64_t>(response.body.size(), limit / 2);
  // What was asked by GET can be asked again. Other answers say what was done, and are sent in any case.
  const bool refused = counted > 0 && request.method == "GET" && context_.answer_bytes + counted > limit;
  if (refused) response = Response::error(503, "busy", "too many large answers are on their way; try again");
  const Held held(context_.answer_bytes, refused ? 0 : counted);
  add_standard_headers(context_.options.access, request, response);
  const auto until_sent = std::move(response.until_sent);  // let go at the end, whichever that is
  beast::error_code error;
  if (!response.file.empty()) {
    http::file_body::value_type file;
    file.open(response.file.c_str(), beast::file_mode::scan, error);
    if (error) response = Response::error(404, "not_found", "the file is gone");
    else {
      if (context_.options.observe) context_.options.observe(request, response.status);
      const uint64_t size = file.size();
      http::response<http::file_body> message(to_status(response.status), 11);
      copy_head(response, message);
      message.keep_alive(keep_alive);
      message.body() = std::move(file);
      message.prepare_payload();
      co_return co_await write(message, size, head_only);
    }
  }
  if (context_.options.observe) context_.options.observe(request, response.status);
  http::response<http::string_body> message(to_status(response.status), 11);
  copy_head(response, message);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  if (response.status != 204 && response.status != 304) message.prepare_payload();
  co_return co_await write(message, message.body().size(), head_only);
}

// Closing while the client is still sending would reset the connection, and the client could lose the answer.
asio::awaitable<void> Connection::linger() {
  beast::error_code error;
  char scrap[16 << 10];
  stream_.expires_after(seconds(3));
  for (int i = 0; i < 4096 && !error; ++i)
    co_await stream_.async_read_some(asio::buffer(scrap), redirect_error(use_awaitable, error));
}

}  // namespace

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
