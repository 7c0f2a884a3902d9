#include "server/jobs/postgres/libpq.h"

#include <dlfcn.h>

#include <string>

#include "base/error.h"

namespace easel::server::postgres {
namespace {

constexpr const char* kSoname = "libpq.so.5";  // since PostgreSQL 8.2, and still of version 18

Error lacking(const std::string& why) {
  return Error(Fault::kUnsupported, "a store on PostgreSQL needs its client library, which is not here: " + why)
      .fix("Install libpq5");
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) throw lacking(std::string(kSoname) + " has no " + name);
}

Libpq opened() {
  void* library = dlopen(kSoname, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    throw lacking(why ? why : kSoname);
  }
  Libpq out;
  find(library, "PQconnectdbParams", out.connectdb_params);
  find(library, "PQconninfoParse", out.conninfo_parse);
  find(library, "PQconninfoFree", out.conninfo_free);
  find(library, "PQstatus", out.status);
  find(library, "PQerrorMessage", out.error_message);
  find(library, "PQfinish", out.finish);
  find(library, "PQsetNoticeProcessor", out.set_notice_processor);
  find(library, "PQsendPrepare", out.send_prepare);
  find(library, "PQsendQueryPrepared", out.send_query_prepared);
  find(library, "PQsendQuery", out.send_query);
  find(library, "PQsocket", out.socket);
  find(library, "PQconsumeInput", out.consume_input);
  find(library, "PQisBusy", out.is_busy);
  find(library, "PQgetResult", out.get_result);
  find(library, "PQnotifies", out.notifies);
  find(library, "PQfreemem", out.freemem);
  find(library, "PQresultStatus", out.result_status);
  find(library, "PQresultErrorField", out.result_error_field);
  find(library, "PQclear", out.clear);
  find(library, "PQntuples", out.ntuples);
  find(library, "PQgetvalue", out.getvalue);
  find(library, "PQgetlength", out.getlength);
  return out;
}

}  // namespace

const Libpq& libpq() {
  static const Libpq library = opened();
  return library;
}

}  // namespace easel::server::postgres
