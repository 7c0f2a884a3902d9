// Runs the easel program as a person or a script does.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/atomic_file.h"
#include "support/paths.h"

extern char** environ;

namespace easel::cli::testing {

namespace fs = std::filesystem;

// A folder of its own to work in, removed at the end, and the program to run there.
class Workplace {
 public:
  // Two at one time need different names. What comes with the program is what a test puts into
  // the folder built_in, so that nothing depends on which models there are.
  explicit Workplace(const std::string& name = "cli")
      : folder_(fs::temp_directory_path() / ("easel-" + name + "-" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "models");
    fs::create_directories(folder_ / "input");
    setenv("EASEL_BUILT_IN_MODELS", (folder_ / "built_in").c_str(), 1);
  }
  ~Workplace() {
    if (running_ > 0) kill(running_, SIGKILL), waitpid(running_, nullptr, 0);
    fs::remove_all(folder_);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  const fs::path& folder() const { return folder_; }
  void put(const std::string& name, const std::string& content) const { write_file(folder_ / name, content); }
  std::string get(const std::string& name) const { return read_file(folder_ / name); }

  struct Result {
    int code;
    std::string out, err;
  };
  // Runs `easel ARGUMENTS...` in the folder and waits for its end; -N when signal N ended it.
  Result run(const std::vector<std::string>& arguments) {
    start(arguments);
    return finish();
  }
  void start(const std::vector<std::string>& arguments) {
    const std::string program = std::string(easel::testing::kBinaryDir) + "/bin/easel";
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addchdir_np(&files, folder_.c_str());
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, (folder_ / "stdout").c_str(), kFlags, 0644);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, (folder_ / "stderr").c_str(), kFlags, 0644);
    const int failed = posix_spawn(&running_, program.c_str(), &files, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed) throw std::runtime_error("cannot start " + program);
  }
  // Waits until standard output holds `text`.
  void wait_for(const std::string& text) const {
    for (int i = 0; i < 12000; ++i) {
      if (get("stdout").find(text) != std::string::npos) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("'" + text + "' did not come");
  }
  void send(int signal) const { kill(running_, signal); }
  Result finish() {
    int status = 0;
    waitpid(running_, &status, 0);
    running_ = 0;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), get("stdout"), get("stderr")};
  }

 private:
  fs::path folder_;
  pid_t running_ = 0;
};

}  // namespace easel::cli::testing
