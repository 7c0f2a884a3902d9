#include "cli/desktop.h"

#include <arpa/inet.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/error.h"

extern char** environ;

namespace easel::cli {

namespace fs = std::filesystem;

void work_in_home() {
  const char* home = std::getenv("HOME");
  if (!home || !*home)
    throw Error(Fault::kMissing, "HOME is not set, so there is no place for ~/Easel")
        .fix("Leave out --desktop and name the folders: easel serve --help");
  const fs::path place = fs::path(home) / "Easel";
  std::error_code failed;
  fs::create_directories(place / "models", failed);
  if (!failed) fs::current_path(place, failed);
  if (failed)
    throw Error(Fault::kUsage, "cannot work in '" + place.string() + "': " + failed.message())
        .fix("Leave out --desktop and name the folders: easel serve --help");
}

bool is_served(uint16_t port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool served = connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(connection);
  return served;
}

bool open_in_browser(const std::string& url) {
  std::string program = "xdg-open", address = url;
  char* argv[] = {program.data(), address.data(), nullptr};
  // The browser may outlive this process, and has signals of its own.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  sigfillset(&usual);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, program.c_str(), nullptr, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  return failed == 0;
}

}  // namespace easel::cli
