// Where a request begins and ends, on the wire: each framing with what it must be answered with, and whether the
// connection goes on. What follows a refused head must never be taken for a request of its own.
#include <gtest/gtest.h>

#include <string>

#include "server/http/request_head.h"
#include "server/test_server.h"

namespace easel::server {
namespace {

using testing::Answer;
using testing::RawConnection;
using testing::TestServer;

const std::string kNext = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct Framing {
  int status;
  bool goes_on;  // the request behind it is answered
  std::string request;
};

std::string post(const std::string& headers, const std::string& body = {}) {
  return "POST /queue HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
}

std::string get(const std::string& headers) { return "GET /queue HTTP/1.1\r\n" + headers + "\r\n"; }

class FramingTest : public ::testing::Test {
 protected:
  FramingTest()
      : s([](ServerOptions& o) {
          o.start_paused = true;
          o.http.header_seconds = 2;
          o.http.stall_seconds = 2;
        }) {}

  void expect(const Framing& f) {
    RawConnection connection(s.port);
    connection.send(f.request + kNext);
    connection.finish_sending();
    EXPECT_EQ(connection.read_answer(false, 10).status, f.status) << f.request;
    const Answer next = connection.read_answer(false, 10);
    EXPECT_EQ(next.status, f.goes_on ? 200 : 0) << f.request;
    EXPECT_EQ(next.body, f.goes_on ? "ok\n" : "") << f.request;
  }

  TestServer s;
};

TEST_F(FramingTest, Bodies) {
  const Framing table[] = {
      {200, true, post("Content-Length: 2\r\n", "{}")},
      {200, true, post("content-length:2\r\n", "{}")},
      {200, true, post("Content-Length: \t2 \r\n", "{}")},
      {200, true, post("Content-Length: 0\r\n")},
      {200, true, post("")},
      {200, true, post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n")},
      {200, true, post("transfer-encoding:CHUNKED\r\n", "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")},
      {200, true, post("Transfer-Encoding: chunked\r\n", "2;a=b\r\n{}\r\n0\r\n\r\n")},
      {200, true, post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nX-Trailer: a\r\n\r\n")},
      // Any other coding: nobody knows where its body ends.
      {501, false, post("Transfer-Encoding: gzip\r\n")},
      {501, false, post("Transfer-Encoding: identity\r\n")},
      {501, false, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding:\r\n")},
      {400, false,
       post("Transfer-Encoding: \x0B"
            "chunked\r\n",
            "0\r\n\r\n")},
      {400, false, post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")},
      {400, false, post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")},
      {400, false, post(" Transfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {400, false, post("X: a\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {501, false, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n")},
      {400, false, post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {400, false, "POST /queue HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      // Lengths that are not plain numbers, or not one.
      {400, false, post("Content-Length: +2\r\n", "{}")},
      {400, false, post("Content-Length: -2\r\n", "{}")},
      {400, false, post("Content-Length: 0x2\r\n", "{}")},
      {400, false, post("Content-Length: 2.0\r\n", "{}")},
      {400, false, post("Content-Length: 2, 2\r\n", "{}")},
      {400, false, post("Content-Length: 2 2\r\n", "{}")},
      {400, false, post("Content-Length:\r\n", "{}")},
      {400, false, post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}")},
      {400, false, post("Content-Length: 99999999999999999999\r\n", "{}")},
      {400, false, post("Content-Length : 2\r\n", "{}")},
      {400, false, post("Content-Length: 2\r\n\tX\r\n", "{}")},
      // Chunks.
      {400, false, post("Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "+2\r\n{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", " 2\r\n{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "2\n{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "2\r{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "2\r\n{}0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "1\r\n{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "\r\n{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "10000000000000002\r\n{}\r\n0\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nBad Trailer: a\r\n\r\n")},
      {400, false, post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nContent-Length: 7\r\n\r\n")},
  };
  for (const Framing& f : table) expect(f);
}

TEST_F(FramingTest, Heads) {
  const std::string host = "Host: localhost\r\n";
  const Framing table[] = {
      {200, true, get(host)},
      {200, true, get("host:localhost\r\n")},
      {200, true, get("Host: localhost:8188\r\n")},
      {200, true, get("Host: 127.0.0.1:1\r\n")},
      {200, true, get("Host: [::1]:8188\r\n")},
      {200, true, get(host + "X:\r\n")},
      {200, true, get(host + "X: \xC3\xA9 a\tb\r\n")},
      // To whom?
      {400, false, get("")},
      {400, false, get(host + host)},
      {400, false, get("Host:\r\n")},
      {400, false, get("Host: localhost:1@evil\r\n")},
      {400, false, get("Host: localhost:1@evil.example:80\r\n")},
      {400, false, get("Host: user@localhost\r\n")},
      {400, false, get("Host: localhost/evil\r\n")},
      {400, false, get("Host: localhost, evil\r\n")},
      {400, false, get("Host: localhost evil\r\n")},
      {400, false, get("Host: localhost:\r\n")},
      {400, false, get("Host: localhost:80:80\r\n")},
      {400, false, get("Host: localhost:port\r\n")},
      {400, false, get("Host: localhost:123456\r\n")},
      {400, false, get("Host: localhost#\r\n")},
      {400, false, get("Host: localhost\\evil\r\n")},
      {400, false, get("Host: [::1\r\n")},
      {400, false, get("Host: [::1]evil\r\n")},
      {400, false, get("Host: [localhost]\r\n")},
      {400, false,
       get("Host: l\xC3\xB6"
           "calhost\r\n")},
      {403, true, get("Host: evil.example\r\n")},
      // Lines.
      {400, false, get(host + "X: a\r\n b\r\n")},
      {400, false, get(host + "X: a\r\n\tb\r\n")},
      {400, false, get("Host:\r\n localhost\r\n")},
      {400, false, "GET /queue HTTP/1.1\r\n " + host + "\r\n"},
      {400, false, get(host + "X : a\r\n")},
      {400, false, get(host + "X\t: a\r\n")},
      {400, false, get("Host : localhost\r\n")},
      {400, false, get(host + ": a\r\n")},
      {400, false, get(host + "X\r\n")},
      {400, false, get(host + "X(: a\r\n")},
      {400, false, get(host + "X: a\rb\r\n")},
      {400, false, get(host + "X: a\r\r\n")},
      {400, false, get(host + "X: a\nY: b\r\n")},
      {400, false, get(host + "X: \x01\r\n")},
      {400, false, get(host + "X: \x7F\r\n")},
      {400, false, get(host + "X: " + std::string(1, '\0') + "\r\n")},
      {400, false, "GET /queue HTTP/1.1\n" + host + "\r\n"},
      {400, false, "GET /queue HTTP/1.1\r" + host + "\r\n"},
      {400, false, "GET /queue HTTP/1.1\nHost: localhost\n\n"},
      {400, false, "\r\n" + get(host)},
      {400, false, " " + get(host)},
      {400, false, "GET\t/queue\tHTTP/1.1\r\n" + host + "\r\n"},
      {400, false, "GET  /queue HTTP/1.1\r\n" + host + "\r\n"},
      {400, false, "GET /queue  HTTP/1.1\r\n" + host + "\r\n"},
      {400, false, "GET /queue HTTP/1.1 \r\n" + host + "\r\n"},
      {400, false, "GET /queue\r\n" + host + "\r\n"},
      {400, false, "GET /queue HTTP/2.0\r\n" + host + "\r\n"},
      {400, false, "GET /queue HTTP/1.10\r\n" + host + "\r\n"},
      {400, false, "GET /queue http/1.1\r\n" + host + "\r\n"},
      {400, false, "G(T /queue HTTP/1.1\r\n" + host + "\r\n"},
      {400, false, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
  };
  for (const Framing& f : table) expect(f);
}

// The frames would begin in the body.
TEST_F(FramingTest, AnUpgradeHasNoBody) {
  expect({400, false,
          "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n{}"});
}

// However the bytes are cut on their way.
TEST_F(FramingTest, ByteByByte) {
  RawConnection connection(s.port);
  for (const char c : post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n") + kNext)
    connection.send(std::string_view(&c, 1));
  EXPECT_EQ(connection.read_answer().status, 200);
  EXPECT_EQ(connection.read_answer().body, "ok\n");
}

TEST_F(FramingTest, TheLongestHead) {
  const std::string start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", end = "\r\n\r\n";
  constexpr size_t kLongest = 32 << 10;
  expect({200, true, start + std::string(kLongest - start.size() - end.size(), 'a') + end});
  expect({431, false, start + std::string(kLongest - start.size() - end.size() + 1, 'a') + end});
}

TEST(RequestHead, WhereItEnds) {
  EXPECT_EQ(head_length(""), std::nullopt);
  EXPECT_EQ(head_length("GET / HTTP/1.1\r\n\r"), std::nullopt);
  EXPECT_EQ(head_length("GET / HTTP/1.1\r\n\r\nrest"), 18u);
  EXPECT_FALSE(has_lone_line_end("a\r\nb\r"));
  EXPECT_TRUE(has_lone_line_end("a\r\nb\rc"));
  EXPECT_TRUE(has_lone_line_end("\n"));
  EXPECT_TRUE(has_lone_line_end("a\r\n\n"));
}

}  // namespace
}  // namespace easel::server
