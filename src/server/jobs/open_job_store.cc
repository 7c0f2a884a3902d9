#include "server/jobs/open_job_store.h"

#include "server/jobs/postgres/postgres_job_store.h"
#include "server/jobs/sqlite/sqlite_job_store.h"

namespace easel::server {

bool is_shared_store(const std::string& where) {
  return where.starts_with("postgres://") || where.starts_with("postgresql://");
}

std::string without_password(const std::string& where) {
  if (!is_shared_store(where)) return where;
  std::string out = where;
  // user:password@host: up to the last @ before the path.
  const size_t begin = out.find("://") + 3;
  const size_t at = out.rfind('@', out.find_first_of("/?", begin));
  if (at != std::string::npos && at >= begin)
    if (const size_t colon = out.find(':', begin); colon < at) out.replace(colon + 1, at - colon - 1, "...");
  for (size_t from = out.find('?'); (from = out.find("password=", from)) != std::string::npos;) {
    from += std::string("password=").size();
    out.replace(from, out.find('&', from) - from, "...");
  }
  return out;
}

std::unique_ptr<JobStore> open_job_store(const std::string& where, const SharedStoreOptions& options,
                                         const StoreLimits& limits) {
  if (is_shared_store(where)) return open_postgres_job_store(where, options, limits);
  return open_sqlite_job_store(where, limits);
}

}  // namespace easel::server
