// Jobs as rows of the database.
#pragma once

#include <string>
#include <vector>

#include "server/jobs/job_store.h"
#include "server/jobs/postgres/connection.h"

namespace easel::server::postgres {

// What read_jobs() reads, of the table jobs by the name j.
inline const std::string kJobColumns =
    "j.id, j.number, j.state, j.prompt, j.extra_data, j.targets, j.client_id, j.attempts, j.outputs, j.messages, "
    "j.meta, "
    "j.failure, j.created, j.started, j.finished, (SELECT models FROM model_sets WHERE id = j.needs), j.worker";
inline const std::string kFromJobs = " FROM jobs j ";
constexpr int kJobColumnCount = 17;  // a statement may return more behind them

Job read_job(const Rows& rows, int row);
std::vector<Job> read_jobs(const Rows& rows);

}  // namespace easel::server::postgres
