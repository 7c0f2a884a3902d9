// Chooses the job store by what names it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/jobs/job_store.h"

namespace easel::server {

// Of a store on PostgreSQL; a file has none of these.
struct SharedStoreOptions {
  // How long a call waits for a database that is away before it throws. Every call has an end after about that time.
  std::chrono::milliseconds patience = std::chrono::seconds(20);
  // How long a job may be left to another runner, or to later jobs, for the sake of models that are in memory there.
  std::chrono::milliseconds prefer_resident_for = std::chrono::seconds(5);
  // How long who waits relies on notices alone (JobStore::look_again()).
  std::chrono::milliseconds look_again = std::chrono::seconds(1);
  int connections = 4;  // at most so many at a time for calls, and one more that listens
};

// Whether `where` names a database ("postgres://..." or "postgresql://...") rather than a file.
bool is_shared_store(const std::string& where);
// The same without its password, for people and logs.
std::string without_password(const std::string& where);

// A store on PostgreSQL if is_shared_store(where), else the SQLite file of that path (":memory:" for none). Throws
// Error(kUsage) for a URL that cannot be read, Error(kUnsupported) where this build or this machine has no libpq, and
// for a database of a newer Easel, Error(kBadFile) for a file or a database that cannot be used.
std::unique_ptr<JobStore> open_job_store(const std::string& where, const SharedStoreOptions& options = {},
                                         const StoreLimits& limits = {});

}  // namespace easel::server
