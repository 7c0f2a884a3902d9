// The job store that several front ends and runners share: a database of PostgreSQL's.
#pragma once

#include <memory>
#include <string>

#include "server/jobs/open_job_store.h"

namespace easel::server {

// `url`: as libpq reads it. Makes the tables of an empty database, or brings those of an older version up to date (see
// job_schema.h). Throws as open_job_store().
std::unique_ptr<JobStore> open_postgres_job_store(const std::string& url, const SharedStoreOptions& options = {},
                                                  const StoreLimits& limits = {});

}  // namespace easel::server
