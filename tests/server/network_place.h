// A place with a network of its own (a network namespace) that reaches this one over one cable, which a test may pull:
// whoever is in there is cut off then, as a machine whose network is gone. Nobody is told that a connection has ended.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>

namespace easel::server::testing {

class NetworkPlace {
 public:
  // Where that is not allowed, reason() says so, and nothing else may be called.
  NetworkPlace() {
    home_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home_ < 0 || ::unshare(CLONE_NEWNET) != 0) {
      reason_ = std::string("network namespaces are not allowed here: ") + std::strerror(errno);
      return;
    }
    there_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    const bool made = command("ip link set lo up && ip link add inside type veth peer name " + cable() +
                              " netns /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(home_) +
                              " && ip addr add " + inside() + "/30 dev inside && ip link set inside up");
    go(home_);
    if (!made || !command("ip addr add " + outside() + "/30 dev " + cable() + " && ip link set " + cable() + " up"))
      reason_ = "network namespaces cannot be joined here: the program ip (Debian: iproute2) fails, or is not there";
  }
  ~NetworkPlace() {
    if (there_ >= 0) command("ip link del " + cable());
    for (const int file : {home_, there_})
      if (file >= 0) ::close(file);
  }
  NetworkPlace(const NetworkPlace&) = delete;
  NetworkPlace& operator=(const NetworkPlace&) = delete;

  const std::string& reason() const { return reason_; }
  // The addresses at both ends of the cable, of a range that is for tests (RFC 2544).
  std::string outside() const { return address(1); }
  std::string inside() const { return address(2); }

  // Processes that begin meanwhile live there.
  void run(const std::function<void()>& what) {
    go(there_);
    try {
      what();
    } catch (...) {
      go(home_);
      throw;
    }
    go(home_);
  }
  void cut(bool off) {
    if (!command("ip link set " + cable() + (off ? " down" : " up"))) throw std::runtime_error("ip link set");
  }

 private:
  static bool command(const std::string& text) { return std::system(("(" + text + ") 2>/dev/null").c_str()) == 0; }
  static void go(int place) {
    if (::setns(place, CLONE_NEWNET) != 0) throw std::runtime_error("setns");
  }
  // By the process's number: tests that run at the same time have others.
  static std::string address(int end) {
    const int n = ::getpid() % (2 * 256 * 64);
    return "198." + std::to_string(18 + n / (256 * 64)) + "." + std::to_string(n / 64 % 256) + "." +
           std::to_string(n % 64 * 4 + end);
  }
  static std::string cable() { return "easel" + std::to_string(::getpid()); }

  int home_ = -1, there_ = -1;
  std::string reason_;
};

}  // namespace easel::server::testing
