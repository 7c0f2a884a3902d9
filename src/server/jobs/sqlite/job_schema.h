// The tables of the SQLite job store and how they came to be: docs/on_disk.md describes them for people.
#pragma once

#include "server/jobs/sqlite/database.h"

namespace easel::server {

// What this program writes. `PRAGMA user_version` says what a file holds.
constexpr int64_t kJobSchemaVersion = 4;

// Makes the tables of a new file, or brings those of an older version up to date, in one transaction: cut off in the
// middle, it has not begun. Throws Error(kUnsupported), before anything is written, for a file of a newer version.
void prepare_job_schema(sqlite::Database& db);

}  // namespace easel::server
