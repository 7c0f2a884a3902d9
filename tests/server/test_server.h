// A server on a free port, with folders of its own and the fake runner.
#pragma once

#include <filesystem>
#include <string>

#include "server/fake_runner.h"
#include "server/log.h"
#include "server/raw_client.h"
#include "server/server.h"
#include "server/waiting.h"
#include "support/temp_folder.h"
#include "workflow/toy_table.h"

namespace easel::server::testing {

using easel::testing::TempFolder;

inline ServerOptions options_in(const std::filesystem::path& folder) {
  ServerOptions o;
  o.http.port = 0;
  o.input = folder / "input";
  o.output = folder / "output";
  o.temp = folder / "temp";
  o.user = folder / "user";
  o.version = "test";
  return o;
}

class TestServer {
 public:
  explicit TestServer(const std::function<void(ServerOptions&)>& adjust = {},
                      std::chrono::microseconds step = std::chrono::milliseconds(1))
      : runner(folder.path() / "output", step) {
    configure_log(Level::kError, false);
    ServerOptions o = options_in(folder.path());
    if (adjust) adjust(o);
    std::filesystem::create_directories(folder.path() / "models" / "checkpoints");
    models.add("checkpoints", folder.path() / "models" / "checkpoints");
    server = std::make_unique<Server>(std::move(o), table, choices, models, runner);
    server->start();
    port = server->port();
  }
  // Queues a job; returns its id.
  std::string queue(const Json& prompt, const std::string& client = {}) {
    Json body = {{"prompt", prompt}};
    if (!client.empty()) body["client_id"] = client;
    const Answer answer = post(port, "/prompt", workflow::dump_json(body));
    if (answer.status != 200) throw std::runtime_error(answer.body);
    return Json::parse(answer.body)["prompt_id"];
  }
  // Waits until nothing is queued or running. False after `seconds`.
  bool wait_until_idle(double seconds = 30) {
    return wait_for(seconds,
                    [&] { return Json::parse(get(port, "/prompt").body)["exec_info"]["queue_remaining"] == 0; });
  }

  TempFolder folder;
  workflow::testing::ToyTable table;
  workflow::testing::ToyChoices choices;
  library::Folders models;
  FakeRunner runner;
  std::unique_ptr<Server> server;
  uint16_t port = 0;
};

}  // namespace easel::server::testing
