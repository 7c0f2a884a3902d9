// What a fleet keeps in its database beside the jobs: names of pictures, and front ends.
#pragma once

#include <memory>
#include <string>

#include "artifacts/name_index.h"
#include "server/fleet/front_table.h"
#include "server/jobs/open_job_store.h"

namespace easel::server {

// Both on connections of their own. The tables are there once the job store of that URL has been opened. Calls wait for
// a database that is away as those of the store do. Throws as open_job_store().
struct FleetTables {
  std::unique_ptr<artifacts::NameIndex> names;
  std::unique_ptr<FrontTable> fronts;
};
FleetTables open_fleet_tables(const std::string& url, const SharedStoreOptions& options = {});

}  // namespace easel::server
