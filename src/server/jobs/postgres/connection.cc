#include "server/jobs/postgres/connection.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "server/jobs/open_job_store.h"
#include "server/jobs/postgres/libpq.h"

namespace easel::server::postgres {
namespace {

using std::chrono::steady_clock;

// A statement takes milliseconds; the database gives it up after this time, and we the connection a little later.
constexpr auto kStatementTimeout = std::chrono::seconds(30), kConnectionTimeout = std::chrono::seconds(40);

std::string one_line(const char* text) {
  std::string out = text ? text : "";
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  for (char& c : out)
    if (c == '\n') c = ' ';
  return out.empty() ? "no reason given" : out;
}

// Whether trying again cannot help. The library gives texts only; where the server speaks another language, the answer
// comes after the time that one waits for a database.
bool is_final(const std::string& why) {
  for (const char* text : {"authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied",
                           "not permitted to log in", "certificate", "permission denied for database"})
    if (why.find(text) != std::string::npos) return true;
  return false;
}

void ignore_notice(void*, const char*) {}

}  // namespace

Values& Values::add(double value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return add(std::string(text.data(), end.ptr));
}

std::string text_array(const std::vector<std::string>& texts) {
  std::string out = "{";
  for (const std::string& text : texts) {
    out += out.size() > 1 ? ",\"" : "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

std::string integer_array(const std::vector<int64_t>& integers) {
  std::string out = "{";
  for (const int64_t i : integers) out += (out.size() > 1 ? "," : "") + std::to_string(i);
  return out + "}";
}

Rows::Rows(PGresult* result) : result_(result, [](PGresult* r) { libpq().clear(r); }), size_(libpq().ntuples(result)) {}

std::string Rows::text(int row, int column) const {
  const Libpq& pq = libpq();
  return {pq.getvalue(result_.get(), row, column), static_cast<size_t>(pq.getlength(result_.get(), row, column))};
}
int64_t Rows::integer(int row, int column) const {
  return std::strtoll(libpq().getvalue(result_.get(), row, column), nullptr, 10);
}
double Rows::real(int row, int column) const {
  const std::string value = text(row, column);
  double out = 0;
  std::from_chars(value.data(), value.data() + value.size(), out);
  return out;
}
bool Rows::flag(int row, int column) const { return text(row, column) == "t"; }
std::vector<std::string> Rows::texts(int column) const {
  std::vector<std::string> out;
  for (int row = 0; row < size_; ++row) out.push_back(text(row, column));
  return out;
}

void check_url(const std::string& url) {
  const Libpq& pq = libpq();
  char* why = nullptr;
  PQconninfoOption* parts = pq.conninfo_parse(url.c_str(), &why);
  if (parts) return pq.conninfo_free(parts);
  const Error error = Error(Fault::kUsage, "cannot read the URL of the job store: " + one_line(why))
                          .in_file(without_password(url))
                          .fix("It looks like postgresql://USER@HOST:5432/DATABASE; see docs/fleet.md");
  pq.freemem(why);
  throw error;
}

Connection::Connection(const std::string& url) : name_(without_password(url)) {
  const Libpq& pq = libpq();
  // What the URL says comes later and counts more. A peer that has vanished is found out within seconds.
  const std::array<std::pair<const char*, std::string>, 8> settings{{{"connect_timeout", "5"},
                                                                     {"keepalives_idle", "5"},
                                                                     {"keepalives_interval", "3"},
                                                                     {"keepalives_count", "3"},
                                                                     {"tcp_user_timeout", "15000"},
                                                                     {"fallback_application_name", "easel"},
                                                                     {"dbname", url},
                                                                     {"client_encoding", "UTF8"}}};
  std::vector<const char*> names, texts;
  for (const auto& [name, text] : settings) {
    names.push_back(name);
    texts.push_back(text.c_str());
  }
  names.push_back(nullptr);
  texts.push_back(nullptr);
  connection_ = pq.connectdb_params(names.data(), texts.data(), 1);
  if (!connection_) throw std::bad_alloc();
  if (pq.status(connection_) != CONNECTION_OK) {
    const std::string why = one_line(pq.error_message(connection_));
    pq.finish(connection_);
    if (is_final(why)) throw Error(Fault::kBadFile, "cannot use the job store: " + why).in_file(name_);
    throw Lost{why};
  }
  pq.set_notice_processor(connection_, ignore_notice, nullptr);
  try {
    // Queues change faster than a database's statistics: what the plans should be is known. What is accepted has to be
    // on the disk, whatever the database does otherwise.
    script(
        "SET search_path = easel; SET default_transaction_isolation = 'read committed'; SET jit = off; "
        "SET enable_seqscan = off; SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '20s'; "
        "SET statement_timeout = " +
        std::to_string(std::chrono::milliseconds(kStatementTimeout).count()) +
        "; SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN "
        "set_config('synchronous_commit', 'on', false) END");
  } catch (...) {
    pq.finish(connection_);
    throw;
  }
}

Connection::~Connection() { libpq().finish(connection_); }

void Connection::lose(const std::string& why) {
  broken_ = true;
  throw Lost{why};
}

void Connection::fail(const PGresult* result) {
  const Libpq& pq = libpq();
  const char* code_text = pq.result_error_field(result, PG_DIAG_SQLSTATE);
  const char* message = pq.result_error_field(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string code = code_text ? code_text : "";
  const std::string why = one_line(message ? message : pq.error_message(connection_));
  // The codes are those of PostgreSQL's manual, appendix A.
  if (pq.status(connection_) != CONNECTION_OK || code.empty() || code.starts_with("08") || code.starts_with("57P") ||
      code ==
          "25006")  // read-only: it became a standby; where the URL names several, the next connection finds the other
    lose(why);
  if (code == "40001" || code == "40P01" || code == "55P03") throw Undone{why};
  const bool full = code.starts_with("53");
  const bool unusable = code.starts_with("XX") || code.starts_with("42") || code.starts_with("3");
  Error error(full                     ? Fault::kMemory
              : unusable               ? Fault::kBadFile
              : code.starts_with("22") ? Fault::kInvalid
                                       : Fault::kInternal,
              "job store: " + why + " (" + code + ")");
  error.in_file(name_);
  if (code == "42501") error.fix("Give the role of this URL the rights that docs/fleet.md lists");
  throw error;
}

void Connection::wait(int descriptor, std::chrono::milliseconds longest) {
  const Libpq& pq = libpq();
  std::array<pollfd, 2> files{{{pq.socket(connection_), POLLIN, 0}, {descriptor, POLLIN, 0}}};
  const int ready = ::poll(files.data(), descriptor >= 0 ? 2 : 1, static_cast<int>(longest.count()));
  if (ready < 0 && errno != EINTR) lose(std::strerror(errno));
  if (ready > 0 && files[0].revents && !pq.consume_input(connection_)) lose(one_line(pq.error_message(connection_)));
}

Rows Connection::result(steady_clock::time_point until) {
  const Libpq& pq = libpq();
  std::unique_ptr<PGresult, decltype(pq.clear)> last(nullptr, pq.clear);
  for (;;) {
    while (pq.is_busy(connection_)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now());
      if (left.count() <= 0) lose("the database does not answer");
      wait(-1, left);
    }
    PGresult* next = pq.get_result(connection_);
    if (!next) break;
    // The first failure is the one that counts.
    if (!last || pq.result_status(last.get()) != PGRES_FATAL_ERROR) last.reset(next);
    else pq.clear(next);
  }
  if (!last) lose(one_line(pq.error_message(connection_)));
  const ExecStatusType status = pq.result_status(last.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(last.get());
  return Rows(last.release());
}

Rows Connection::run(const std::string& sql, const Values& values) {
  const Libpq& pq = libpq();
  const auto until = steady_clock::now() + kConnectionTimeout;
  auto known = prepared_.find(sql);
  if (known == prepared_.end()) {
    const std::string name = "s" + std::to_string(prepared_.size());
    if (!pq.send_prepare(connection_, name.c_str(), sql.c_str(), 0, nullptr))
      lose(one_line(pq.error_message(connection_)));
    result(until);
    known = prepared_.emplace(sql, name).first;
  }
  std::vector<const char*> texts;
  for (const std::string& text : values.texts()) {
    // It would be cut off there.
    if (text.find('\0') != std::string::npos)
      throw Error(Fault::kInvalid, "a text for the job store has a NUL in it").in_file(name_);
    texts.push_back(text.c_str());
  }
  if (!pq.send_query_prepared(connection_, known->second.c_str(), static_cast<int>(texts.size()), texts.data(), nullptr,
                              nullptr, 0))
    lose(one_line(pq.error_message(connection_)));
  return result(until);
}

void Connection::script(const std::string& sql) {
  const Libpq& pq = libpq();
  if (!pq.send_query(connection_, sql.c_str())) lose(one_line(pq.error_message(connection_)));
  result(steady_clock::now() + kConnectionTimeout);
}

PGnotify* Connection::next_notification() { return libpq().notifies(connection_); }
void Connection::free_notification(PGnotify* notification) {
  if (notification) libpq().freemem(notification);
}

Transaction::~Transaction() {
  if (done_ || connection_.broken()) return;
  try {
    connection_.script("ROLLBACK");
  } catch (...) {
    // Then the connection is gone, and the transaction with it.
  }
}

void Transaction::commit() {
  done_ = true;
  connection_.script("COMMIT");
}

}  // namespace easel::server::postgres
