// easel serve: the engine as a server, with a page.
#include <arpa/inet.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/desktop.h"
#include "cli/service/fleet_flags.h"
#include "cli/service/service.h"
#include "cli/session.h"
#include "engine/engine.h"
#include "server/fleet/link.h"
#include "server/fleet/relay_hub.h"
#include "server/fleet/runner.h"
#include "server/fleet/site.h"
#include "server/jobs/open_job_store.h"
#include "server/jobs/run/engine_runner.h"
#include "server/log.h"
#include "server/routes/technique_routes.h"
#include "server/server.h"

namespace easel::cli {
namespace {

struct Flags {
  SessionFlags session;
  FleetFlags fleet;
  std::string advertise;
  bool run = false;
  std::string listen = "127.0.0.1", token_file, user = "user", max_upload = "256M", input_quota = "32G";
  int port = 8188;
  std::vector<std::string> cors, hosts;
  bool paused = false, desktop = false;
  LogFlags log;
  int64_t keep_history = 10000;
  double keep_temp_hours = 24;
};

bool is_loopback(const std::string& address) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

// This server as a machine of a fleet; without a site when it keeps its jobs itself.
struct Fleet {
  std::string name, token;
  std::unique_ptr<server::Site> site;
};

Fleet fleet_of(const Flags& flags) {
  if (flags.fleet.store.empty() || !server::is_shared_store(flags.fleet.store)) {
    if (flags.run || !flags.advertise.empty() || !flags.fleet.token_file.empty() || !flags.fleet.artifacts.empty() ||
        !flags.fleet.store.empty())
      throw Error(Fault::kUsage, "a front end of a fleet needs the fleet's database")
          .fix("Add --store postgres://user@host/database, or leave out the flags of fleets");
    return {};
  }
  if (!flags.advertise.empty()) server::check_link_url(flags.advertise);
  Fleet out;
  out.token = fleet_token(flags.fleet);
  out.name = fleet_name(flags.fleet);
  if (out.token.empty())
    server::log(server::Level::kWarning,
                "without --fleet-token-file clients see no progress of jobs, and runners need what --artifacts names");
  const std::filesystem::path user = flags.user;
  server::SiteOptions options = site_options(flags.fleet, out.token, user / "artifacts", user / "copies");
  options.front_name = out.name;
  out.site = server::open_site(options);
  return out;
}

// As others call it: what the address says, or the host's name when that is any address.
std::string advertised(const Flags& flags) {
  if (!flags.advertise.empty()) return flags.advertise;
  if (flags.listen != "0.0.0.0" && flags.listen != "::") return {};
  return flags.port == 0 ? std::string() : "http://" + server::machine_name() + ":" + std::to_string(flags.port);
}

server::ServerOptions server_options(const Flags& flags, const Fleet& fleet,
                                     const artifacts::Directories& directories) {
  server::ServerOptions out;
  out.http.address = flags.listen == "localhost" ? "127.0.0.1" : flags.listen;
  out.http.port = static_cast<uint16_t>(flags.port);
  out.http.max_upload = parse_bytes(flags.max_upload);
  server::AccessPolicy& access = out.http.access;
  if (!flags.token_file.empty()) access.token = read_token(flags.token_file);
  access.loopback_only = is_loopback(out.http.address);
  if (!access.loopback_only && access.token.empty())
    throw Error(Fault::kUsage, "listening on " + flags.listen + " lets others in, so a token is needed")
        .fix("Add --token-file FILE, a file that holds a secret of your choice");
  access.fleet_token = fleet.token;
  access.cors_origins = flags.cors;
  access.allowed_hosts = flags.hosts;
  out.input = directories.input;
  out.output = directories.output;
  out.temp = directories.temp;
  out.user = flags.user;
  out.input_quota = flags.input_quota == "0" ? 0 : parse_bytes(flags.input_quota);
  out.keep_history = flags.keep_history;
  out.keep_temp_hours = flags.keep_temp_hours;
  out.start_paused = flags.paused;
  out.version = EASEL_VERSION;
  out.arguments = {"easel", "serve"};
  if (fleet.site) {
    out.site = fleet.site.get();
    out.front_name = fleet.name;
    out.front_url = advertised(flags);
    if (flags.session.temp.empty()) out.temp = std::filesystem::path(flags.user) / "temp";
  }
  return out;
}

// A runner in the process of a front end, which it calls as any other runner does.
struct OwnRunner {
  OwnRunner(const Flags& flags, const Fleet& fleet, engine::Engine& engine, server::JobRunner& jobs)
      : relay({.token = fleet.token}),
        runner({.name = fleet.name,
                .version = EASEL_VERSION,
                .identities = std::filesystem::path(flags.user) / "model_identities.json"},
               fleet.site->store(), fleet.site->fronts(), relay, jobs, engine.table(), engine.folders()) {}
  server::RelayHub relay;
  server::FleetRunner runner;
};

// As many connections as the system allows this process.
void raise_file_limit(server::HttpOptions& http) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  constexpr rlim_t kEnough = 16384, kOwnUse = 256;
  limit.rlim_cur = std::min(std::max(limit.rlim_cur, kEnough), limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  http.max_connections =
      static_cast<int>(std::min<rlim_t>(limit.rlim_cur - std::min(limit.rlim_cur / 2, kOwnUse), 8192));
}

void run(const Flags& flags) {
  configure_log(flags.log);
  EndSignals signals;
  if (flags.desktop) {
    const auto port = static_cast<uint16_t>(flags.port);
    const std::string page = "http://127.0.0.1:" + std::to_string(port);
    if (port != 0 && is_served(port)) {
      printf("A server runs already; its page is %s\n", page.c_str());
      open_in_browser(page);
      return;
    }
    work_in_home();
  }
  const Fleet fleet = fleet_of(flags);
  // A front end that does not compute can do without models.
  const auto engine =
      start_engine(flags.session, !fleet.site || flags.run, fleet.site ? &fleet.site->artifacts() : nullptr);
  if (const std::string says = only_built_in(flags.session); !says.empty()) server::log(server::Level::kInfo, says, {});
  server::ServerOptions options = server_options(flags, fleet, engine->directories());
  raise_file_limit(options.http);
  server::EngineRunner runner(*engine);
  options.more_routes = [&engine](server::Router& router, server::TaskPool& pool) {
    server::add_technique_routes(router, pool, *engine);
  };
  server::Server server(std::move(options), engine->table(), engine->choices(), engine->folders(), runner);
  server.start();
  std::unique_ptr<OwnRunner> own;
  if (flags.run) {
    own = std::make_unique<OwnRunner>(flags, fleet, *engine, runner);
    own->runner.start();
  }
  printf("Easel is ready at %s\n", server.url().c_str());
  fflush(stdout);
  if (flags.desktop && !open_in_browser(server.url()))
    server::log(server::Level::kWarning, "no browser could be started: xdg-open is missing", {{"page", server.url()}});

  signals.wait();
  if (own) own->runner.stop();
  server.stop();
}

}  // namespace

void add_serve(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("serve", "Run a server for ComfyUI clients, with a page");
  command->footer(
      "Only this machine can reach the server unless --listen says otherwise; then a token is needed as well.\n\n"
      "  easel serve --models ~/ComfyUI/models\n"
      "  easel serve --listen 0.0.0.0 --token-file token --models /srv/models\n"
      "  curl -H 'Accept: image/png' --data-binary @workflow.json http://127.0.0.1:8188/prompt -o picture.png");
  add_session_flags(*command, flags->session);
  add_fleet_flags(*command, flags->fleet);
  command->add_flag("--run", flags->run, "As a front end of a fleet: compute jobs as well")->group("Fleet");
  command
      ->add_option("--advertise", flags->advertise,
                   "Where the fleet's other machines find this front end: http://host:port")
      ->group("Fleet");
  command->add_option("--listen", flags->listen, "Address to listen on")->capture_default_str();
  command->add_option("--port", flags->port, "Port; 0 takes a free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option("--token-file", flags->token_file, "File with the secret that clients must send");
  command->add_option("--user-dir", flags->user, "Folder for the queue, its history, settings and user data")
      ->capture_default_str();
  command->add_option("--cors", flags->cors, "Origin (https://example.org, or *) whose pages may use the server")
      ->allow_extra_args(false);
  command->add_option("--allow-host", flags->hosts, "Another name this server is reached by")->allow_extra_args(false);
  command->add_option("--max-upload", flags->max_upload, "Largest upload")->capture_default_str();
  command
      ->add_option("--input-quota", flags->input_quota,
                   "Uploads may fill the input folder, and the temp folder, up to this; 0 for any size")
      ->capture_default_str();
  command->add_flag("--start-paused", flags->paused, "Accept jobs, but begin none until the queue is resumed");
  command->add_option("--keep-history", flags->keep_history, "Finished jobs to remember")
      ->check(CLI::Range(int64_t{0}, int64_t{10000000}))
      ->capture_default_str();
  command->add_option("--keep-temp-hours", flags->keep_temp_hours, "Previews older than that are removed")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  command->add_flag("--desktop", flags->desktop,
                    "As a desktop's menu starts it: works in ~/Easel, made if need be, and opens the page");
  add_log_flags(*command, flags->log, "Log every request");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
