// The smallest HTTP and WebSocket client there can be: what is sent is exactly what the test says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/loopback.h"

namespace easel::server::testing {

struct Answer {
  int status = 0;  // 0: the connection was closed without an answer
  std::map<std::string, std::string> headers;
  std::string body;
};

class RawConnection {
 public:
  explicit RawConnection(uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const sockaddr_in address = easel::testing::loopback(port);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~RawConnection() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawConnection(RawConnection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // False when the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Nothing more will be sent.
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  // Reads at least one more byte. False at the end, on errors, and after `seconds`.
  bool fill(double seconds = 20) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(seconds * 1000)) <= 0) return false;
    char chunk[65536];
    const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
    if (n <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(n));
    return true;
  }
  std::string& buffer() { return buffer_; }
  int fd() const { return fd_; }

  // The next whole response; status 0 when the connection ends before it.
  Answer read_answer(bool head_only = false, double seconds = 20) {
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill(seconds)) return {};
    Answer out;
    std::string_view head = std::string_view(buffer_).substr(0, end + 2);
    out.status = std::atoi(std::string(head.substr(9, 3)).c_str());
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const size_t line = head.find("\r\n"), colon = head.find(':');
      std::string name(head.substr(0, colon));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      size_t value = colon + 1;
      while (value < line && head[value] == ' ') ++value;
      out.headers[name] = std::string(head.substr(value, line - value));
      head.remove_prefix(line + 2);
    }
    buffer_.erase(0, end + 4);
    const auto length = out.headers.find("content-length");
    const size_t size = head_only || length == out.headers.end() ? 0 : std::stoul(length->second);
    while (buffer_.size() < size)
      if (!fill(seconds)) return {};
    out.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }

 private:
  int fd_;
  std::string buffer_;
};

// "METHOD TARGET HTTP/1.1" with Host, the given header lines ("A: b\r\n"), and the body with its length.
inline std::string request_text(const std::string& method, const std::string& target, const std::string& body = {},
                                const std::string& headers = {}) {
  std::string out = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
  if (!body.empty() || method == "POST") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

inline Answer http(uint16_t port, const std::string& method, const std::string& target, const std::string& body = {},
                   const std::string& headers = {}) {
  RawConnection connection(port);
  connection.send(request_text(method, target, body, headers));
  return connection.read_answer(method == "HEAD");
}
inline Answer get(uint16_t port, const std::string& target) { return http(port, "GET", target); }
inline Answer post(uint16_t port, const std::string& target, const std::string& body) {
  return http(port, "POST", target, body, "Content-Type: application/json\r\n");
}

// One field with a file, and plain ones, as a browser's form.
inline Answer upload(uint16_t port, const std::string& target, const std::string& file_name, std::string_view content,
                     const std::map<std::string, std::string>& fields = {}) {
  std::string body;
  for (const auto& [name, value] : fields)
    body += "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  body += "--B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"" + file_name + "\"\r\n\r\n";
  body += std::string(content) + "\r\n--B--\r\n";
  return http(port, "POST", target, body, "Content-Type: multipart/form-data; boundary=B\r\n");
}

// RFC 6455, client side.
class RawSocket {
 public:
  struct Message {
    bool binary = false;
    std::string data;
  };

  explicit RawSocket(uint16_t port, const std::string& target = "/ws?clientId=test", int receive_buffer = 0)
      : connection_(port, receive_buffer) {
    connection_.send("GET " + target +
                     " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    const Answer answer = connection_.read_answer();
    if (answer.status != 101) throw std::runtime_error("no WebSocket: " + std::to_string(answer.status));
  }

  void send_text(std::string_view text) { connection_.send(frame(0x1, text)); }
  static std::string frame(int opcode, std::string_view payload) {
    std::string out(1, static_cast<char>(0x80 | opcode));
    if (payload.size() < 126) {
      out.push_back(static_cast<char>(0x80 | payload.size()));
    } else {
      out.push_back(static_cast<char>(0x80 | 126));
      out.push_back(static_cast<char>(payload.size() >> 8));
      out.push_back(static_cast<char>(payload.size()));
    }
    out.append(4, '\0');  // a mask of zeros leaves the payload as it is
    return out + std::string(payload);
  }

  // The next message; pings are answered on the way. Nothing after `seconds` without a byte or at the end.
  std::optional<Message> next(double seconds = 10) {
    for (;;) {
      if (auto message = take()) {
        const int opcode = message->first;
        if (opcode == 0x9) connection_.send(frame(0xA, message->second));
        if (opcode == 0x8) return std::nullopt;
        if (opcode == 0x1 || opcode == 0x2) return Message{opcode == 0x2, std::move(message->second)};
        continue;
      }
      if (!connection_.fill(seconds)) return std::nullopt;
    }
  }
  // The next message of what has been received already; pings are answered on the way.
  std::optional<Message> buffered() {
    while (auto message = take()) {
      if (message->first == 0x9) connection_.send(frame(0xA, message->second));
      if (message->first == 0x1 || message->first == 0x2)
        return Message{message->first == 0x2, std::move(message->second)};
    }
    return std::nullopt;
  }
  RawConnection& connection() { return connection_; }

 private:
  std::optional<std::pair<int, std::string>> take() {
    const std::string& b = connection_.buffer();
    const auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<unsigned char>(b[i])); };
    if (b.size() < 2) return std::nullopt;
    uint64_t length = byte(1) & 0x7F;
    size_t head = 2;
    const size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (b.size() < head + extra) return std::nullopt;
    if (extra) length = 0;
    for (size_t i = 0; i < extra; ++i) length = length << 8 | byte(head++);
    if (b.size() < head + length) return std::nullopt;
    std::pair<int, std::string> out{static_cast<int>(byte(0) & 0x0F), b.substr(head, length)};
    connection_.buffer().erase(0, head + length);
    return out;
  }
  RawConnection connection_;
};

}  // namespace easel::server::testing
