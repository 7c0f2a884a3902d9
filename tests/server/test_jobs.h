// Jobs for tests of stores, which do not look at what is in a prompt.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "server/jobs/job_store.h"

namespace easel::server::testing {

inline Job test_job(const std::string& id) {
  Job job;
  job.id = id;
  job.prompt = R"({"1":{}})";
  job.extra_data = "{}";
  job.targets = R"(["1"])";
  return job;
}

// Their ids in a row.
inline std::string order(const std::vector<Job>& jobs, const std::string& between = {}) {
  std::string out;
  for (const Job& job : jobs) out += (out.empty() ? "" : between) + job.id;
  return out;
}

// As stores count: milliseconds since 1970.
inline int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace easel::server::testing
