// The job store of a server by itself: one SQLite file.
#pragma once

#include <memory>
#include <string>

#include "server/jobs/job_store.h"

namespace easel::server {

// A store in an SQLite file (write-ahead log, synchronous), for workers of one process. ":memory:" for tests. A file of
// an older version is brought up to date (see job_schema.h). Throws Error(kBadFile) when the file cannot be used,
// Error(kUnsupported) when a newer Easel wrote it.
std::unique_ptr<JobStore> open_sqlite_job_store(const std::string& path, const StoreLimits& limits = {});

}  // namespace easel::server
