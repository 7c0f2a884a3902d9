// easel devices: what models can be computed on.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "ops/devices.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using workflow::Json;

Json to_json(const ops::DeviceFacts& facts) {
  return {{"name", facts.name.empty() ? Json() : Json(facts.name)},
          {"model", facts.model},
          {"kind", facts.kind},
          {"driver", facts.driver},
          {"memory", facts.memory},
          {"memory_free", facts.free},
          {"abilities", facts.abilities},
          {"lacks", facts.lacks}};
}

void print(const ops::DeviceFacts& facts) {
  printf("%-10s %s\n", facts.name.empty() ? "-" : facts.name.c_str(),
         (facts.model.empty() ? facts.kind : facts.model + ", " + facts.kind).c_str());
  if (!facts.driver.empty()) printf("           driver %s\n", facts.driver.c_str());
  if (facts.memory > 0)
    printf("           memory %s, %s of it free\n", human_bytes(facts.memory).c_str(), human_bytes(facts.free).c_str());
  if (!facts.abilities.empty()) printf("           has %s\n", joined(facts.abilities).c_str());
  if (!facts.lacks.empty()) printf("           cannot be used: it lacks %s\n", facts.lacks.c_str());
}

void run(bool json) {
  const auto all = ops::device_facts();
  const ops::NoCard none = ops::no_card();
  Json rows = Json::array();
  for (const ops::DeviceFacts& facts : all) {
    if (json) rows.push_back(to_json(facts));
    else print(facts);
  }
  if (json && !none.why.empty()) rows[0]["no_card"] = {{"message", none.why}, {"advice", none.advice}};
  if (json) printf("%s\n", rows.dump(1).c_str());
  else if (!none.why.empty()) printf("No graphics card: %s.\n%s.\n", none.why.c_str(), none.advice.c_str());
}

}  // namespace

void add_devices(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("devices", "List what models can be computed on");
  command->footer(
      "A name is what --device takes. Graphics cards are found through Vulkan, whose loader and drivers come with the\n"
      "system.\n\n"
      "  easel devices\n"
      "  easel run workflow.json --device vulkan:1");
  command->add_flag("--json", *json, "As JSON");
  command->callback([json] { run(*json); });
}

}  // namespace easel::cli
