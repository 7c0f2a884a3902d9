#include "server/jobs/sqlite/database.h"

#include <sqlite3.h>

#include "base/error.h"

namespace easel::server::sqlite {
namespace {

constexpr int kBusyMilliseconds = 5000;  // a lock of another program's is waited for

}  // namespace

Database::Database(const std::string& path) : path_(path) {
  if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr) !=
      SQLITE_OK) {
    const std::string why = db_ ? sqlite3_errmsg(db_) : "out of memory";
    sqlite3_close(db_);
    throw Error(Fault::kBadFile, "cannot open the job store: " + why).in_file(path);
  }
  sqlite3_busy_timeout(db_, kBusyMilliseconds);
}

Database::~Database() { sqlite3_close_v2(db_); }

void Database::script(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

int64_t Database::changes() const { return sqlite3_changes64(db_); }

void Database::fail() const {
  const int code = sqlite3_errcode(db_) & 0xFF;  // without the extension that says where
  Error error(code == SQLITE_FULL || code == SQLITE_NOMEM       ? Fault::kMemory
              : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Fault::kBadFile
                                                                : Fault::kInternal,
              std::string("job store: ") + sqlite3_errmsg(db_));
  error.in_file(path_);
  if (error.fault() == Fault::kBadFile)
    error.fix("Move it away, with its -wal and -shm files, to start with an empty queue and history");
  throw error;
}

Use::Use(Database& db) : db_(db) {
  const std::thread::id self = std::this_thread::get_id();
  if (db.uses_++ == 0) {
    db.user_ = self;
  } else if (db.user_ != self) {
    --db.uses_;
    throw Error(Fault::kInternal, "two threads use one connection to the job store at once").in_file(db.path_);
  }
}

Use::~Use() { --db_.uses_; }

Statement::Statement(Database& db, const std::string& sql) : db_(db), use_(db) {
  if (sqlite3_prepare_v2(db.handle(), sql.c_str(), static_cast<int>(sql.size()), &statement_, nullptr) != SQLITE_OK)
    db.fail();
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::check(int code) {
  if (code != SQLITE_OK) db_.fail();
  return *this;
}

Statement& Statement::bind(const std::string& value) {
  return check(sqlite3_bind_text(statement_, ++bound_, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
}
Statement& Statement::bind(int64_t value) { return check(sqlite3_bind_int64(statement_, ++bound_, value)); }
Statement& Statement::bind(double value) { return check(sqlite3_bind_double(statement_, ++bound_, value)); }

bool Statement::row() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) db_.fail();
  return code == SQLITE_ROW;
}

void Statement::run() {
  while (row()) {
  }
}

std::string Statement::text(int column) const {
  const auto* p = sqlite3_column_text(statement_, column);
  return p ? std::string(reinterpret_cast<const char*>(p),
                         static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
           : std::string();
}
int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

Transaction::Unflushed::Unflushed(Database& db, Flush flush) : db_(db), on_(flush == Flush::kSystem) {
  if (on_) db_.script("PRAGMA synchronous = NORMAL");
}

Transaction::Unflushed::~Unflushed() {
  if (on_) sqlite3_exec(db_.handle(), "PRAGMA synchronous = FULL", nullptr, nullptr, nullptr);
}

Transaction::Transaction(Database& db, Flush flush) : db_(db), use_(db), unflushed_(db, flush) {
  db_.script("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!done_) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  db_.script("COMMIT");
  done_ = true;
}

}  // namespace easel::server::sqlite
