#include "server/jobs/postgres/job_rows.h"

namespace easel::server::postgres {

Job read_job(const Rows& rows, int row) {
  Job job;
  job.id = rows.text(row, 0);
  job.number = rows.real(row, 1);
  job.state = static_cast<JobState>(rows.integer(row, 2));
  job.prompt = rows.text(row, 3);
  job.extra_data = rows.text(row, 4);
  job.targets = rows.text(row, 5);
  job.client_id = rows.text(row, 6);
  job.attempts = static_cast<int>(rows.integer(row, 7));
  job.outputs = rows.text(row, 8);
  job.messages = rows.text(row, 9);
  job.meta = rows.text(row, 10);
  job.failure = rows.text(row, 11);
  job.created_ms = rows.integer(row, 12);
  job.started_ms = rows.integer(row, 13);
  job.finished_ms = rows.integer(row, 14);
  job.needs = models_from(rows.text(row, 15));
  job.worker = rows.text(row, 16);
  return job;
}

std::vector<Job> read_jobs(const Rows& rows) {
  std::vector<Job> out;
  for (int i = 0; i < rows.size(); ++i) out.push_back(read_job(rows, i));
  return out;
}

}  // namespace easel::server::postgres
