#include "base/error.h"
#include "server/jobs/postgres/postgres_job_store.h"

namespace easel::server {

std::unique_ptr<JobStore> open_postgres_job_store(const std::string&, const SharedStoreOptions&, const StoreLimits&) {
  throw Error(Fault::kUnsupported, "this Easel was built without PostgreSQL")
      .fix("Install libpq-dev and build again, or use --store with the path of a file");
}

}  // namespace easel::server
