#include "cli/service/fleet_flags.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "base/atomic_file.h"
#include "base/error.h"
#include "cli/session.h"
#include "server/fleet/runner.h"
#include "server/log.h"

namespace easel::cli {

void add_fleet_flags(CLI::App& command, FleetFlags& flags) {
  constexpr const char* kGroup = "Fleet";
  command
      .add_option("--store", flags.store,
                  "The database that a fleet shares: postgres://user@host/name (default: $EASEL_STORE)")
      ->group(kGroup)
      ->envname("EASEL_STORE");
  command.add_option("--fleet-token-file", flags.token_file, "File with the secret that the fleet's machines share")
      ->group(kGroup);
  command
      .add_option(
          "--artifacts", flags.artifacts,
          "Where the contents of pictures are: a folder that several machines may share, or s3://bucket/prefix, "
          "with the key and the address in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and "
          "AWS_ENDPOINT_URL")
      ->group(kGroup);
  command
      .add_option("--cache-limit", flags.cache_limit, "Most disk space for copies of pictures that are kept elsewhere")
      ->group(kGroup)
      ->capture_default_str();
  command.add_option("--name", flags.name, "What this machine is called in the fleet (default: the host's name)")
      ->group(kGroup);
}

std::string read_token(const std::string& file) {
  std::string token;
  try {
    token = read_file(file, 4096);
  } catch (Error& e) {
    throw e.fix("Make one with: head -c 24 /dev/urandom | base64 > " + file + " && chmod 600 " + file);
  }
  token.erase(0, token.find_first_not_of(" \t\r\n"));
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  const bool usable = token.size() >= 16 && std::all_of(token.begin(), token.end(), [](char c) {
                        return c > ' ' && c < 0x7F && c != ';' && c != ',' && c != '"' && c != '\\';
                      });
  if (!usable)
    throw Error(Fault::kUsage, "a token needs at least 16 characters, letters, digits or -._~+/=").in_file(file);
  struct stat info {};
  if (stat(file.c_str(), &info) == 0 && (info.st_mode & 077) != 0)
    server::log(server::Level::kWarning, "others on this machine can read the token", {{"file", file}});
  return token;
}

std::string fleet_token(const FleetFlags& flags) {
  return flags.token_file.empty() ? std::string() : read_token(flags.token_file);
}

server::SiteOptions site_options(const FleetFlags& flags, const std::string& token,
                                 const std::filesystem::path& contents, const std::filesystem::path& cache) {
  server::SiteOptions out{.store = flags.store,
                          .front_name = {},
                          .artifacts = contents,
                          .cache = cache,
                          .cache_limit = parse_bytes(flags.cache_limit),
                          .token = token};
  if (server::is_bucket(flags.artifacts)) {
    out.bucket = server::bucket_options(flags.artifacts, [](const char* name) { return std::getenv(name); });
    out.artifacts.clear();
  } else if (!flags.artifacts.empty()) {
    out.artifacts = flags.artifacts;
  }
  return out;
}

std::string fleet_name(const FleetFlags& flags) {
  const std::string name = flags.name.empty() ? server::machine_name() : flags.name;
  server::check_machine_name(name);
  return name;
}

}  // namespace easel::cli
