// Words that several statements have in common.
#pragma once

#include <string>

namespace easel::server::postgres {

// Milliseconds since 1970 by the clock of the database, at the beginning of the statement.
inline const std::string kNow = "(extract(epoch FROM statement_timestamp()) * 1000)::bigint";
// The same in microseconds.
inline const std::string kNowMicroseconds = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint";
// Makes a statement's transaction not wait for the disk; stands where a value may stand. For what is no loss when the
// power takes it.
inline const std::string kUnflushed = "set_config('synchronous_commit', 'off', true)";

}  // namespace easel::server::postgres
