// The whole server: job store, worker, routes and network, in one object.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "library/folders.h"
#include "server/http/http_server.h"
#include "server/http/task_pool.h"
#include "server/jobs/run/job_runner.h"
#include "workflow/schema.h"

namespace easel::server {

class Site;

struct ServerOptions {
  HttpOptions http;
  std::filesystem::path input = "input", output = "output", temp = "temp";
  std::filesystem::path user = "user";  // settings, user data and the job store
  uint64_t input_quota = 0;             // bytes that uploads may fill the input and the temp folder up to, each; 0: any
  int64_t keep_history = 10000;         // finished jobs that are remembered
  double keep_temp_hours = 24;          // previews older than that are removed
  bool start_paused = false;            // jobs wait until the queue is resumed
  double status_seconds = 4;            // how often `status` is repeated to listening clients
  std::string version;                  // shown in /system_stats
  std::vector<std::string> arguments;   // of the command line, secrets left out
  // The machine of a fleet that this server is a front end of; null: it runs its jobs itself. Must outlive the server.
  Site* site = nullptr;
  std::string front_name, front_url;  // there: its name, and where the other machines find it
  // Routes beside ComfyUI's.
  std::function<void(Router&, TaskPool&)> more_routes;
};

class Server {
 public:
  // The table, choices, folders and runner must outlive the server. Opens the folders and the job store; nothing runs
  // yet. Throws Error(kBadFile) when a folder or the store cannot be used.
  Server(ServerOptions options, const workflow::NodeTable& table, const workflow::ChoiceProvider& choices,
         const library::Folders& models, JobRunner& runner);
  ~Server();  // stop()

  // Puts interrupted jobs back into the queue, then answers and runs jobs. Throws Error(kUsage) when the address
  // is not to be had.
  void start();
  // The running job is interrupted and goes back into the queue; then connections are closed.
  void stop();

  uint16_t port() const;
  // "http://127.0.0.1:8188"
  std::string url() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace easel::server
