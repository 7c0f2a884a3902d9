// A real PostgreSQL for tests, from Debian's package: in a folder of its own, on the loopback address, with the disk
// waited for as in earnest, and under the user postgres when the tests are root's, for whom it does not run.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/loopback.h"
#include "support/temp_folder.h"

#ifdef EASEL_HAS_POSTGRES
#include "server/jobs/postgres/connection.h"
#endif

namespace easel::server::testing {

class PostgresServer {
 public:
  enum class Stop { kFast = SIGINT, kImmediate = SIGQUIT };

  // Where the package's programs are; empty when it is not installed, or this build cannot use it.
  static std::filesystem::path programs() {
#ifdef EASEL_HAS_POSTGRES
    std::filesystem::path best;
    int newest = 0;
    std::error_code none;
    for (const auto& folder : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
      const int version = std::atoi(folder.path().filename().c_str());
      if (version > newest && std::filesystem::exists(folder.path() / "bin/initdb")) {
        newest = version;
        best = folder.path() / "bin";
      }
    }
    return best;
#else
    return {};
#endif
  }

  // `settings`: more lines of postgresql.conf.
  explicit PostgresServer(const std::string& settings = {}) {
    if (::getuid() == 0) {
      const passwd* user = ::getpwnam("postgres");
      if (!user) throw std::runtime_error("there is no user postgres");
      user_ = user->pw_uid;
      group_ = user->pw_gid;
      if (::chown(folder_.path().c_str(), user_, group_) != 0) throw std::runtime_error("chown");
    }
    const std::string data = (folder_.path() / "data").string();
    const int made = wait_for(begin({(programs() / "initdb").string(), "-D", data, "-U", "easel", "-A", "trust", "-E",
                                     "UTF8", "--locale=C", "--no-sync", "--no-instructions"}));
    if (made != 0) throw std::runtime_error("initdb failed: " + log());
    port_ = free_port();
    std::ofstream conf(folder_.path() / "data/postgresql.conf", std::ios::app);
    conf << "listen_addresses = '127.0.0.1'\nport = " << port_ << "\nunix_socket_directories = '"
         << folder_.path().string()
         << "'\nfsync = on\nsynchronous_commit = on\nlogging_collector = off\nshared_buffers = 64MB\n"
         << "max_connections = 100\n"
         << settings << "\n";
    conf.close();
    start();
  }
  ~PostgresServer() { stop(Stop::kImmediate); }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // Returns when it answers. The server ends with the thread that calls this, as the kernel counts it: call it from one
  // that stays.
  void start() {
    pid_ = begin({(programs() / "postgres").string(), "-D", (folder_.path() / "data").string()});
    for (int i = 0; i < 3000; ++i) {
      if (answers()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("PostgreSQL does not start: " + log());
  }
  void stop(Stop how) {
    if (pid_ <= 0) return;
    ::kill(pid_, static_cast<int>(how));
    wait_for(pid_);
    pid_ = -1;
  }

  // Lets in who calls from there, "10.0.0.1/32", as it lets in who calls from this machine.
  void allow(const std::string& network) {
    std::ofstream(folder_.path() / "data/pg_hba.conf", std::ios::app) << "host all all " << network << " trust\n";
    ::kill(pid_, SIGHUP);
  }

  // The URL of a new, empty database.
  std::string new_database() {
    const std::string name = "easel" + std::to_string(++databases_);
#ifdef EASEL_HAS_POSTGRES
    postgres::Connection(url("postgres")).script("CREATE DATABASE " + name);
#endif
    return url(name);
  }
  std::string url(const std::string& database, const std::string& user = "easel") const {
    return "postgresql://" + user + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
  }
  uint16_t port() const { return port_; }
  std::string log() const {
    std::ifstream in(folder_.path() / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  pid_t begin(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const std::string log_file = (folder_.path() / "log").string();
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child > 0) return child;
    // Only calls that are allowed between fork and exec.
    ::setpgid(0, 0);
    if (user_ && (::setgroups(0, nullptr) != 0 || ::setgid(group_) != 0 || ::setuid(user_) != 0)) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::getppid() != parent) ::_exit(125);
    const int out = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0 || ::chdir("/") != 0) ::_exit(124);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  static int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  bool answers() const {
#ifdef EASEL_HAS_POSTGRES
    try {
      postgres::Connection(url("postgres")).script("SELECT 1");
      return true;
    } catch (const postgres::Lost&) {
    }
#endif
    return false;
  }
  // Below those that the system gives to connections, and by the process's number: tests that run at the same time must
  // not find the same one free.
  static uint16_t free_port() {
    constexpr int kFirst = 12'000, kPorts = 20'000, kStep = 7919;
    for (int i = 0; i < 50; ++i) {
      const auto port = static_cast<uint16_t>(kFirst + (::getpid() + i * kStep) % kPorts);
      const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
      const sockaddr_in address = easel::testing::loopback(port);
      const bool found = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
      ::close(fd);
      if (found) return port;
    }
    throw std::runtime_error("no free port");
  }

  easel::testing::TempFolder folder_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t pid_ = -1;
  uint16_t port_ = 0;
  int databases_ = 0;
};

// The one of this test program, which most tests share.
inline PostgresServer& shared_postgres() {
  static PostgresServer server;
  return server;
}

}  // namespace easel::server::testing

// A test that needs it is skipped where it is not there.
#define EASEL_NEEDS_POSTGRES()                                      \
  if (::easel::server::testing::PostgresServer::programs().empty()) \
  GTEST_SKIP() << "there is no PostgreSQL (Debian's package postgresql), or no libpq in this build"
