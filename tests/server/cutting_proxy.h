// Stands between a client and a server on the loopback address, and cuts connections when a test says so.
#pragma once

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "support/loopback.h"

namespace easel::server::testing {

class CuttingProxy {
 public:
  explicit CuttingProxy(uint16_t to) : to_(to), thread_([this] { accept_all(); }) {}
  ~CuttingProxy() {
    stopping_ = true;
    thread_.join();
    for (auto& t : pairs_) t.join();
  }
  uint16_t port() const { return listener_.port(); }

  // The next thing that the server says to anybody does not arrive: that connection is cut instead.
  void lose_next_answer() { lose_answer_ = true; }
  bool answer_was_lost() const { return !lose_answer_; }
  // All connections are cut, and no more are let through, until false.
  void cut(bool off) { cut_ = off; }

 private:
  void accept_all() {
    while (!stopping_) {
      const int client = listener_.accept();
      if (client < 0) continue;
      const int server = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address = easel::testing::loopback(to_);
      if (cut_ || ::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(client);
        ::close(server);
        continue;
      }
      pairs_.emplace_back([this, client, server] { pass(client, server); });
    }
  }
  void pass(int client, int server) {
    std::array<pollfd, 2> files{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    std::vector<char> bytes(65536);
    for (bool open = true; open && !stopping_ && !cut_;) {
      if (::poll(files.data(), files.size(), 20) <= 0) continue;
      for (size_t i = 0; i < 2 && open; ++i) {
        if (!files[i].revents) continue;
        const ssize_t n = ::recv(files[i].fd, bytes.data(), bytes.size(), 0);
        open = n > 0 && !(i == 1 && lose_answer_.exchange(false));
        for (ssize_t sent = 0; open && sent < n;) {
          const ssize_t now = ::send(files[1 - i].fd, bytes.data() + sent, static_cast<size_t>(n - sent), MSG_NOSIGNAL);
          open = now > 0;
          sent += now;
        }
      }
    }
    ::close(client);
    ::close(server);
  }

  const uint16_t to_;
  const easel::testing::LoopbackListener listener_;
  std::atomic<bool> stopping_{false}, lose_answer_{false}, cut_{false};
  std::vector<std::thread> pairs_;
  std::thread thread_;
};

}  // namespace easel::server::testing
