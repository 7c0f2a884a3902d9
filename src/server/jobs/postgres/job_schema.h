// The tables of the store on PostgreSQL and how they came to be: docs/on_disk.md describes them for people.
#pragma once

#include <cstdint>

#include "server/jobs/postgres/connection.h"

namespace easel::server::postgres {

// What this program uses. The fact 'version' says what a database holds.
constexpr int64_t kSchemaVersion = 2;

// Makes the tables of an empty database, or brings those of an older version up to date, in one transaction, while no
// other Easel uses them. Throws Error(kUnsupported) for a database of a newer version, and for an older one that others
// use; Lost.
void prepare_schema(Connection& connection);

// To be called for every new connection: nobody changes the tables as long as it lives. Throws Error(kUnsupported) when
// they are no longer those of this program, Lost while they are being changed.
void use_schema(Connection& connection);

}  // namespace easel::server::postgres
