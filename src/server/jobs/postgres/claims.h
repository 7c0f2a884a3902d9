// Claims on jobs: who computes what, until when, and how it ended.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/jobs/job_store.h"
#include "server/jobs/postgres/pool.h"
#include "server/jobs/postgres/runners.h"

namespace easel::server::postgres {

// The calls of JobStore, which says what they do.
class Claims {
 public:
  // Both must outlive this object.
  Claims(Pool& pool, Runners& runners, std::chrono::milliseconds prefer_resident_for)
      : pool_(pool), runners_(runners), prefer_resident_for_(prefer_resident_for) {}

  std::optional<Claim> claim(const std::string& worker, Lease lease);
  Hold renew(ClaimToken token, Lease lease);
  bool finish(ClaimToken token, const JobResult& result);
  bool give_back(ClaimToken token);
  std::vector<Job> requeue_expired(int max_attempts, Lease grace);
  std::vector<Job> requeue_claims_of(const std::string& worker, int max_attempts);

 private:
  std::optional<Claim> claim_any(Connection& connection, const std::string& worker, Lease lease, int64_t call);
  std::optional<Claim> claim_fitting(Connection& connection, const std::string& worker, Lease lease, int64_t call);
  std::vector<Job> requeue(const std::string& condition, const Values& condition_values, int max_attempts);

  Pool& pool_;
  Runners& runners_;
  const std::chrono::milliseconds prefer_resident_for_;
};

}  // namespace easel::server::postgres
