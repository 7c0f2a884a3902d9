// What the commands of a fleet's machines have in common.
#pragma once

#include <filesystem>
#include <string>

#include "server/fleet/site.h"

namespace CLI {
class App;
}

namespace easel::cli {

struct FleetFlags {
  std::string store, token_file, artifacts, name, cache_limit = "8G";
};

// Declares --store, --fleet-token-file, --artifacts, --cache-limit and --name in a group of their own.
void add_fleet_flags(CLI::App& command, FleetFlags& flags);

// The secret in a file, without white space around it. Throws Error(kMissing), or Error(kUsage) for one that is shorter
// than 16 characters, or has others than letters, digits and -._~+/=. Logs a warning when others can read the file.
std::string read_token(const std::string& file);
// The fleet's, or nothing when no file is named.
std::string fleet_token(const FleetFlags& flags);
// The name of this machine in the fleet: as given, or the host's. Throws Error(kUsage).
std::string fleet_name(const FleetFlags& flags);
// Those that the flags give: `contents` is the folder of contents where they name none, empty for none, and `cache`
// that of copies. What a bucket needs comes from the environment. Throws Error(kUsage).
server::SiteOptions site_options(const FleetFlags& flags, const std::string& token,
                                 const std::filesystem::path& contents, const std::filesystem::path& cache);

}  // namespace easel::cli
