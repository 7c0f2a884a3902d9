// PostgreSQL's client library, opened when a store needs it: linked to the program, it and the twenty libraries that it
// needs in turn (of TLS, Kerberos and LDAP) would make every start slower, also of those who keep their jobs in a file.
#pragma once

#include <libpq-fe.h>

namespace easel::server::postgres {

// Its functions, as <libpq-fe.h> has them.
struct Libpq {
  decltype(&PQconnectdbParams) connectdb_params = nullptr;
  decltype(&PQconninfoParse) conninfo_parse = nullptr;
  decltype(&PQconninfoFree) conninfo_free = nullptr;
  decltype(&PQstatus) status = nullptr;
  decltype(&PQerrorMessage) error_message = nullptr;
  decltype(&PQfinish) finish = nullptr;
  decltype(&PQsetNoticeProcessor) set_notice_processor = nullptr;
  decltype(&PQsendPrepare) send_prepare = nullptr;
  decltype(&PQsendQueryPrepared) send_query_prepared = nullptr;
  decltype(&PQsendQuery) send_query = nullptr;
  decltype(&PQsocket) socket = nullptr;
  decltype(&PQconsumeInput) consume_input = nullptr;
  decltype(&PQisBusy) is_busy = nullptr;
  decltype(&PQgetResult) get_result = nullptr;
  decltype(&PQnotifies) notifies = nullptr;
  decltype(&PQfreemem) freemem = nullptr;
  decltype(&PQresultStatus) result_status = nullptr;
  decltype(&PQresultErrorField) result_error_field = nullptr;
  decltype(&PQclear) clear = nullptr;
  decltype(&PQntuples) ntuples = nullptr;
  decltype(&PQgetvalue) getvalue = nullptr;
  decltype(&PQgetlength) getlength = nullptr;
};

// Opens the library at the first call; it stays open. Throws Error(kUnsupported) where this machine has none, or one
// without some of these functions; a later call tries again. Thread-safe.
const Libpq& libpq();

}  // namespace easel::server::postgres
