// easel fleet: the runners behind a server, from the command line.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/service/client.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using workflow::Json;

struct Flags {
  ServerFlags server;
  bool json = false, models = false;
};

std::string gibibytes(const Json& runner) {
  const auto bytes = runner.value("memory", uint64_t{0});
  if (bytes == 0) return "";
  char text[32];
  snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

std::string speed(const Json& runner) {
  const double steps = runner.value("steps_per_second", 0.0);
  if (steps <= 0) return "";
  char text[32];
  snprintf(text, sizeof text, "%.3g steps/s", steps);
  return text;
}

std::string models(const Json& runner) {
  std::string out = std::to_string(runner.value("model_count", 0)) + " files";
  std::string resident;
  for (const Json& file : runner.value("resident", Json::array()))
    resident += (resident.empty() ? "" : ", ") + file.value("name", std::string());
  return resident.empty() ? out : out + ", in memory: " + resident;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += i + 1 < row.size() ? row[i] + std::string(widths[i] - row[i].size() + 2, ' ') : row[i];
    line.erase(line.find_last_not_of(' ') + 1);
    printf("%s\n", line.c_str());
  }
}

void show(const Flags& flags) {
  const auto answer = client(flags.server).get(flags.models ? "/fleet?models=1" : "/fleet");
  const Json fleet = checked(answer);
  if (!fleet.is_object() || !fleet.contains("runners")) throw not_ours(answer);
  if (flags.json) {
    printf("%s\n", workflow::dump_json(fleet).c_str());
    return;
  }
  std::vector<std::vector<std::string>> rows{{"runner", "state", "job", "device", "memory", "speed", "models"}};
  for (const Json& runner : fleet.at("runners")) {
    rows.push_back({runner.at("name").get<std::string>(), runner.at("state").get<std::string>(),
                    runner.at("job").get<std::string>(), runner.at("device").get<std::string>(), gibibytes(runner),
                    speed(runner), models(runner)});
    if (!flags.models) continue;
    for (const Json& file : runner.value("models", Json::array()))
      rows.push_back({"", "", "", "", "", "",
                      "  " + file.at("folder").get<std::string>() + "/" + file.at("name").get<std::string>() + "  " +
                          file.at("identity").get<std::string>().substr(0, 23)});
  }
  if (rows.size() == 1) printf("there are no runners\n");
  else print_table(rows);
  for (const Json& front : fleet.at("front_ends"))
    printf("front end %s at %s, %d clients\n", front.at("name").get<std::string>().c_str(),
           front.at("url").get<std::string>().c_str(), front.at("clients").get<int>());
  printf("%d jobs in the queue%s\n", fleet.at("queue_length").get<int>(),
         fleet.value("paused", false) ? ", which is paused" : "");
  for (const auto& item : fleet.at("waiting").items())
    printf("%s waits: %s\n", item.key().c_str(), item.value().get<std::string>().c_str());
}

}  // namespace

void add_fleet(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("fleet", "Show the runners behind a server");
  add_server_flags(*command, flags->server, "Address of a front end");
  command->add_flag("--models", flags->models, "List each runner's model files");
  command->add_flag("--json", flags->json, "Print the server's answer");
  command->callback([flags] { show(*flags); });
}

}  // namespace easel::cli
