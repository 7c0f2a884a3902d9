// Frames of a WebSocket, after the upgrade.
#include "fuzz/connection.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  static const server::Router router;
  constexpr std::string_view kUpgrade =
      "GET /ws?clientId=fuzz HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  require(converse(text_of(bytes), router, kUpgrade).starts_with("HTTP/1.1 101 "));
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
