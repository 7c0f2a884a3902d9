// easel runner: a machine of a fleet that computes.
#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/service/fleet_flags.h"
#include "cli/service/service.h"
#include "cli/session.h"
#include "engine/engine.h"
#include "server/fleet/runner.h"
#include "server/fleet/site.h"
#include "server/jobs/open_job_store.h"
#include "server/jobs/run/engine_runner.h"
#include "server/log.h"

namespace easel::cli {
namespace {

struct Flags {
  SessionFlags session;
  FleetFlags fleet;
  std::string cache = "runner-cache";
  std::vector<std::string> fronts;
  double lease = 15;
  LogFlags log;
};

void run(const Flags& flags) {
  configure_log(flags.log);
  EndSignals signals({SIGUSR1});
  if (flags.fleet.store.empty())
    throw Error(Fault::kUsage, "a runner needs the database of its fleet")
        .fix("Add --store postgres://user@host/database");
  const std::string token = fleet_token(flags.fleet), name = fleet_name(flags.fleet);
  server::SiteOptions options = site_options(flags.fleet, token, {}, flags.cache);
  options.fronts = flags.fronts;
  const auto site = server::open_site(options);
  const auto engine = start_engine(flags.session, true, &site->artifacts());
  if (const std::string says = only_built_in(flags.session); !says.empty()) server::log(server::Level::kInfo, says, {});
  server::EngineRunner engine_runner(*engine);
  server::RelayHub relay({.token = token, .via = flags.fronts});
  std::atomic<bool> gave_up{false};
  const pthread_t waiting = pthread_self();
  server::FleetRunner runner({.name = name,
                              .version = EASEL_VERSION,
                              .lease = server::Lease(static_cast<int64_t>(flags.lease * 1000)),
                              .identities = std::filesystem::path(flags.cache) / "model_identities.json",
                              .give_up =
                                  [&] {
                                    gave_up = true;
                                    pthread_kill(waiting, SIGUSR1);
                                  }},
                             site->store(), site->fronts(), relay, engine_runner, engine->table(), engine->folders());
  runner.start();
  printf("The runner %s takes jobs from %s\n", name.c_str(), server::without_password(flags.fleet.store).c_str());
  fflush(stdout);

  signals.wait();
  runner.stop();
  if (gave_up)
    throw Error(Fault::kUsage, "another runner of the fleet is called " + name).fix("Give each its own --name");
}

}  // namespace

void add_runner(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("runner", "Compute the jobs of a fleet's front ends");
  command->footer(
      "It calls the database and the front ends, and needs no port of its own. docs/fleet.md says how to set up a "
      "fleet.\n\n"
      "  easel runner --store postgres://easel@db/easel --fleet-token-file token --models /srv/models\n"
      "  easel runner --store postgres://easel@db/easel --artifacts /mnt/pictures --models /srv/models --device "
      "vulkan");
  add_session_flags(*command, flags->session);
  add_fleet_flags(*command, flags->fleet);
  constexpr const char* kGroup = "Fleet";
  command
      ->add_option(
          "--front", flags->fronts,
          "Address of a front end to call, http://host:port; several may be given (default: all that there are)")
      ->allow_extra_args(false)
      ->group(kGroup);
  command->add_option("--cache", flags->cache, "Folder of this runner alone, for copies of pictures")
      ->group(kGroup)
      ->capture_default_str();
  command
      ->add_option("--lease", flags->lease,
                   "Seconds after which another runner gets the job of one that is not heard of any more")
      ->group(kGroup)
      ->check(CLI::Range(3.0, 3600.0))
      ->capture_default_str();
  add_log_flags(*command, flags->log, "Log more");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
